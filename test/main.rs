//! Drives the built server through its doors, on both engines. `make test` starts what this needs.

mod harness;

mod adversity;
mod browser;
mod events;
mod inbound;
mod messages;
mod operations;
mod outside;
mod pairing;
mod publish;
mod relay;
mod session;
mod smoke;
mod snapshots;
mod verification;
