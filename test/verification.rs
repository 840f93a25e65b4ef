//! Codes that prove a phone: sent, looked at and told.

mod twilio;
mod twilio_door;
mod twilio_edge;
mod twilio_private;
