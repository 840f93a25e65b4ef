//! The relay: clients, keys, money, routes, and the doors that their programs know.

mod audit;
mod auth;
mod callback;
mod client;
mod key;
mod rate;
mod route;
mod twilio;
mod voice;
mod whatsapp;
