//! Builds the tests of `operations` alone while they are being written.

mod harness;
mod operations;
