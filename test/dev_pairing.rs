//! Builds the tests of `pairing` alone while they are being written.

mod harness;
mod pairing;
