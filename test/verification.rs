//! Proving phones by codes.

pub mod limit;
pub mod permission;
pub mod rate_limit;
mod secret;
mod shared_count;
pub mod template;
mod web_otp;
