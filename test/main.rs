//! Drives the built server through its doors, on both engines. `make test` starts what this needs.

mod harness;

mod browser;
mod smoke;
