//! The server's RSA identity, and the one before it while phones may still hold that.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use zeroize::Zeroizing;

use crate::crypto::{Error, Identity};
use crate::model::{DigestPair, Span};

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot read the private key {path}: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("{path} is not an RSA private key of 2048 to 4096 bits in PEM; name one in sync.private_key")]
    NotRsa { path: String },
}

/// Shared by all handshakes.
#[derive(Clone)]
pub struct Identities {
    current: Arc<Identity>,
    /// The replaced key and until when it still decrypts.
    previous: Option<(Arc<Identity>, Instant)>,
}

impl Identities {
    pub fn new(current: Identity) -> Self {
        Self { current: Arc::new(current), previous: None }
    }

    /// Reads the current key, and the replaced one where it was replaced within `ttl`
    /// (its file's time says when).
    pub fn load(current: &Path, previous: Option<&Path>, ttl: Span) -> Result<Self, KeyError> {
        let mut identities = Self::new(read(current)?);
        if let Some(path) = previous.filter(|path| path.exists()) {
            let replaced = std::fs::metadata(path).and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            let age = replaced.elapsed().unwrap_or(Duration::ZERO);
            if let Some(left) = ttl.as_duration().checked_sub(age) {
                identities.previous = Some((Arc::new(read(path)?), Instant::now() + left));
            }
        }
        Ok(identities)
    }

    pub fn current(&self) -> &Identity {
        &self.current
    }

    /// Decrypts under the current key, else under the one that it has just replaced.
    pub fn decrypt(&self, pair: DigestPair, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        match (self.current.decrypt(pair, ciphertext), &self.previous) {
            (Err(Error::Undecryptable), Some((key, until))) if Instant::now() < *until => key.decrypt(pair, ciphertext),
            (result, _) => result,
        }
    }
}

fn read(path: &Path) -> Result<Identity, KeyError> {
    let shown = path.display().to_string();
    let pem = std::fs::read(path)
        .map(Zeroizing::new)
        .map_err(|error| KeyError::Unreadable { path: shown.clone(), reason: error.to_string() })?;
    Identity::from_pem(&pem).map_err(|_| KeyError::NotRsa { path: shown })
}
