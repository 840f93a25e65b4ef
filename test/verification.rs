//! Codes that prove a phone: sent, looked at and told.

pub mod template;
mod web_otp;
