//! The tool room: RSA, sealing at rest, hashes. No I/O.

pub mod backend;
pub mod hash;
pub mod password;
pub mod payload;
pub mod phone;
pub mod rsa;
pub mod seal;
pub mod shared_key;
pub mod sid;

pub use hash::HashKey;
pub use payload::Payload;
pub use rsa::{Identity, PublicKey};
pub use seal::{MasterKey, Place};
pub use shared_key::SharedKey;
pub use sid::Sid;

/// What can go wrong in here. Says nothing of why: a reason would be an oracle.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("not an RSA key of 2048 to 4096 bits in PEM")]
    BadKey,
    #[error("does not decrypt")]
    Undecryptable,
    #[error("sealed under another master key ({0})")]
    OtherMasterKey(String),
    #[error("cryptographic library: {0}")]
    Library(String),
}

impl From<openssl::error::ErrorStack> for Error {
    fn from(stack: openssl::error::ErrorStack) -> Self {
        Self::Library(stack.to_string())
    }
}
