//! The relay: clients, keys, money, routes, and the doors that their programs know.

mod card;
mod explain;
mod ledger;
mod pool;
mod rate;
mod route;
mod scene;
