//! Pairing a phone, as the version-2 contract says it, through the doors of the built server.

mod contract;
mod digest;
mod pem;
mod play;
mod refusal;
mod url;
