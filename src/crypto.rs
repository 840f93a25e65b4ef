//! RSA, sealing at rest, hashes, signatures. No I/O.
//!
//! What lies in the store for others to read is sealed by [`seal`] (AES-256-GCM, bound to its table, row and column):
//! shared keys, carriers' credentials, webhooks' secrets, callbacks' logins, texts of paired phones until their sink has
//! them. What only has to be found again is a keyed hash ([`hash`]): API keys, phone numbers, ciphertexts that were taken
//! once. The server's RSA operations run on OpenSSL, in constant time ([`rsa`]); the `rsa` crate plays the phone. What
//! is promised against whom stands in `.github/SECURITY.md`.

pub mod backend;
pub mod hash;
pub mod password;
pub mod payload;
pub mod phone;
pub mod rsa;
pub mod seal;
pub mod shared_key;
pub mod sid;
pub mod signature;
pub mod veil;

pub use hash::HashKey;
pub use payload::EncryptedPayload;
pub use rsa::{PhonePublicKey, ServerPrivateKey};
pub use seal::{Aad, MasterKey};
pub use shared_key::SharedKey;
pub use sid::SyncSessionId;
pub use signature::WebhookSecret;

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

/// Random bytes, of the operating system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::RngCore::fill_bytes(&mut rand::rngs::OsRng, &mut bytes);
    bytes
}

impl From<openssl::error::ErrorStack> for Error {
    fn from(stack: openssl::error::ErrorStack) -> Self {
        Self::Library(stack.to_string())
    }
}

/// Known answers that other people's libraries made.
#[cfg(test)]
fn vectors(name: &str) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("test/vectors").join(name);
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}
