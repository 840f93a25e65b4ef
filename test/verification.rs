//! Proving phones by codes.

mod call;
mod codes;
mod codes_edge;
mod codes_setup;
pub mod guard;
mod guard_node;
pub mod limit;
pub mod permission;
pub mod rate_limit;
mod secret;
mod shared_count;
pub mod template;
mod twilio;
mod twilio_door;
mod twilio_edge;
mod twilio_private;
mod web_otp;
mod whatsapp;
