//! Texts of paired phones, from the SMS route to the sinks of their platforms.

mod altered;
mod command;
mod contract;
mod device;
mod flip;
mod grant;
mod inbound;
mod loopback;
mod loss;
pub mod play;
pub mod sink;
mod timing;
mod vector;
