//! Builds the tests of `faults` alone while they are being written.

mod faults;
mod harness;
