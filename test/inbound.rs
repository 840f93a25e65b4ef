//! What carriers post: proved, stored once, handled once, whatever they repeat and whatever dies in between.

mod carrier;
mod consent;
mod credential;
mod cut;
mod encrypted;
mod flowroute;
mod forgery;
mod http_api;
mod keyword;
mod loopback;
mod loss;
mod node;
mod opt_out;
mod path;
pub mod play;
mod receipt;
mod shape;
mod telnyx;
mod token;
mod twilio;
