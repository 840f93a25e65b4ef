//! Tests: pairing.
