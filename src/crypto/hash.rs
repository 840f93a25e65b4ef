//! Keyed hashes: ours for what need only be found again, the backend's for its own columns.

use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Error, random};

/// A random 256-bit key for HMAC-SHA256 (RFC 2104). Lies sealed in the store,
/// so that replacing the master key does not lose what was hashed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct HashKey([u8; 32]);

impl HashKey {
    pub fn generate() -> Self {
        Self(random())
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        bytes.try_into().map(Self).map_err(|_| Error::BadKey)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// HMAC-SHA256 over the parts, each with its length before it so that they cannot run together.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.mac_all(parts.iter().copied())
    }

    /// The same of parts that are not put together for it.
    pub fn mac_all<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
        let mut mac = hmac::<Hmac<Sha256>>(&self.0);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The first bytes of [`HashKey::mac`], 32 at most.
    pub fn short<const N: usize>(&self, parts: &[&[u8]]) -> [u8; N] {
        let mac = self.mac(parts);
        std::array::from_fn(|nth| mac[nth])
    }

    /// [`HashKey::mac`] as 64 hex digits.
    pub fn hex(&self, parts: &[&[u8]]) -> String {
        hex::encode(self.mac(parts))
    }
}

/// HMAC takes a key of any length, so this cannot fail.
pub(super) fn hmac<M: Mac + hmac::digest::KeyInit>(key: &[u8]) -> M {
    match <M as Mac>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

/// How the backend hashes passwords and phone numbers: lower-case hex of
/// HMAC-SHA512 under its hashing salt, both as UTF-8.
pub fn backend(salt: &str, text: &str) -> String {
    let mut mac = hmac::<Hmac<Sha512>>(salt.as_bytes());
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 as 64 hex digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(sha256(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let key = HashKey::generate();
        assert_ne!(key.hex(&[b"ab", b"c"]), key.hex(&[b"a", b"bc"]));
        assert_eq!(key.hex(&[b"ab", b"c"]), key.hex(&[b"ab", b"c"]));
    }
}
