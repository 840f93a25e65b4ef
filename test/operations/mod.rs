//! What an operator touches: command line, configuration, keys, stores, limits, probes, signals.

mod address;
pub mod command;
mod configuration;
mod connections;
mod device;
mod devices;
mod doctor;
mod health;
mod help;
mod hoarder;
mod keys;
mod legacy;
mod limits;
mod log;
mod metrics;
mod migration;
mod openmetrics;
mod openssl;
mod replaced_key;
mod seed;
mod shutdown;
mod sync;
mod tls;
mod tls_command;
mod user_database;
mod vectors;
mod wire;
