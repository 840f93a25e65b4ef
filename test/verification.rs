//! One-time codes: proving that a person holds a phone.

pub mod limit;
pub mod permission;
pub mod rate_limit;
mod shared_count;
