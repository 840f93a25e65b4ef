//! What an operator touches: command line, configuration, keys, stores, limits, probes, signals.

mod address;
mod command;
mod configuration;
mod keys;
mod legacy;
mod migration;
mod openssl;
mod replaced_key;
mod seed;
