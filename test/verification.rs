//! Proving phones by codes.

mod secret;
pub mod template;
mod web_otp;
