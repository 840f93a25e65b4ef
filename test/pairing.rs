//! Pairing a phone, as the version-2 contract says it, through the doors of the built server.

mod contract;
mod crowd;
mod device;
mod digest;
mod held;
mod lockout;
mod offer;
mod origin;
mod pem;
pub mod play;
mod refusal;
mod replay;
mod rotation;
mod session;
mod socket;
mod spelling;
mod timing;
mod url;
