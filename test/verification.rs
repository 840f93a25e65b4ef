//! Proving phones by codes.

mod secret;
