//! Proving that a person holds a phone, by a code.

pub mod limit;
pub mod template;
