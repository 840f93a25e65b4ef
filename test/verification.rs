//! Proving phones by codes.

mod call;
mod check;
mod codes;
mod codes_edge;
mod codes_setup;
mod command;
mod crash;
mod edge;
pub mod guard;
mod guard_edge;
mod guard_node;
mod guard_shared;
mod life;
pub mod limit;
pub mod permission;
mod race;
pub mod rate_limit;
pub mod scene;
mod secret;
mod shared_count;
pub mod template;
mod twilio;
mod twilio_door;
mod twilio_edge;
mod twilio_private;
mod web_otp;
mod whatsapp;
