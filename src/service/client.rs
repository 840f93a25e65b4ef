//! Consumers of the API: clients, their keys, and what these may do.

mod consumer;

pub use consumer::{Consumer, Key, Scope};
