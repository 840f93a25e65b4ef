//! Builds the tests of `browser` alone while they are being written.

mod browser;
mod harness;
