//! Proving phones by codes: `sb_verification` and what belongs to it.

pub mod limit;
pub mod template;
