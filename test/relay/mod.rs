//! The relay: clients, keys, money, routes, and the doors that their programs know.

mod rate;
mod route;
mod twilio;
