//! Proving phones by codes: `sb_verification`.

pub mod code;
