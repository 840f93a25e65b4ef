//! Codes that prove a phone, and how they are told.

pub mod template;
