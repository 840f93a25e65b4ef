//! The relay: clients, keys, money, routes, and the doors that their programs know.

mod callback;
mod voice;
mod whatsapp;
