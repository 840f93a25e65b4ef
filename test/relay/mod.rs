//! The relay: clients, keys, money, routes, and the doors that their programs know.

mod audit;
mod auth;
mod card;
mod client;
mod explain;
mod key;
mod ledger;
mod pool;
mod rate;
mod route;
mod scene;
