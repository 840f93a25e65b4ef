//! The server's RSA identity, and the one before it while phones may still hold that.

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant, SystemTime};

use zeroize::Zeroizing;

use crate::crypto::{Error, ServerPrivateKey};
use crate::model::lock;
use crate::model::{DurationSetting, OaepDigests};

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot read the private key {path}: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("{path} is not an RSA private key of 2048 to 4096 bits in PEM; name one in sync.private_key")]
    NotRsa { path: String },
}

/// Shared by all handshakes; a reload replaces what they hold.
#[derive(Clone)]
pub struct ServerPrivateKeys(Arc<RwLock<Arc<CurrentAndPreviousKey>>>);

struct CurrentAndPreviousKey {
    current: Arc<ServerPrivateKey>,
    /// The replaced key and until when it still decrypts.
    previous: Option<(Arc<ServerPrivateKey>, Instant)>,
}

impl CurrentAndPreviousKey {
    /// Decrypts under the current key, else under the one that it has just replaced.
    fn decrypt(&self, pair: OaepDigests, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        match (self.current.decrypt(pair, ciphertext), &self.previous) {
            (Err(Error::Undecryptable), Some((key, until))) if Instant::now() < *until => key.decrypt(pair, ciphertext),
            (result, _) => result,
        }
    }
}

impl ServerPrivateKeys {
    fn new(keys: CurrentAndPreviousKey) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(keys))))
    }

    /// Reads the current key, and the replaced one where it was replaced within `ttl`
    /// (its file's time says when).
    pub fn load(current: &Path, previous: Option<&Path>, ttl: DurationSetting) -> Result<Self, KeyError> {
        let mut keys = CurrentAndPreviousKey { current: Arc::new(read(current)?), previous: None };
        if let Some(path) = previous.filter(|path| path.exists()) {
            let replaced = std::fs::metadata(path).and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            let age = replaced.elapsed().unwrap_or(Duration::ZERO);
            if let Some(left) = ttl.as_duration().checked_sub(age) {
                keys.previous = Some((Arc::new(read(path)?), Instant::now() + left));
            }
        }
        Ok(Self::new(keys))
    }

    fn keys(&self) -> Arc<CurrentAndPreviousKey> {
        lock::read(&self.0).clone()
    }

    pub fn current(&self) -> Arc<ServerPrivateKey> {
        self.keys().current.clone()
    }

    /// Puts the current key of `other` in the place of this one, which still decrypts for `ttl`: phones have seen it.
    /// Whether that is another key.
    pub fn replace(&self, other: &Self, ttl: DurationSetting) -> bool {
        let (old, current) = (self.keys(), other.current());
        if old.current.fingerprint() == current.fingerprint() {
            return false;
        }
        let previous = Some((old.current.clone(), Instant::now() + ttl.as_duration()));
        *lock::write(&self.0) = Arc::new(CurrentAndPreviousKey { current, previous });
        true
    }

    pub fn decrypt(&self, pair: OaepDigests, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.keys().decrypt(pair, ciphertext)
    }
}

fn read(path: &Path) -> Result<ServerPrivateKey, KeyError> {
    let shown = path.display().to_string();
    let pem = std::fs::read(path)
        .map(Zeroizing::new)
        .map_err(|error| KeyError::Unreadable { path: shown.clone(), reason: error.to_string() })?;
    ServerPrivateKey::from_pem(&pem).map_err(|_| KeyError::NotRsa { path: shown })
}
