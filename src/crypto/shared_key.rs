//! The key that a phone and the server share after pairing.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Error, hash, random};

/// 32 lower-case hex characters; those ASCII bytes are the AES-256 key.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SharedKey([u8; 32]);

impl SharedKey {
    pub fn generate() -> Self {
        let mut random = random::<16>();
        let mut key = [0_u8; 32];
        for (pair, byte) in key.chunks_exact_mut(2).zip(random) {
            pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        random.zeroize();
        Self(key)
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let key: [u8; 32] = bytes.try_into().map_err(|_| Error::BadKey)?;
        let plain = key.iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b));
        if plain { Ok(Self(key)) } else { Err(Error::BadKey) }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first 16 hex characters of the key's SHA-256: tells keys apart, gives none away.
    pub fn fingerprint(&self) -> String {
        let mut digest = hash::sha256_hex(&self.0);
        digest.truncate(16);
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_hex_characters() {
        let key = SharedKey::generate();
        assert!(SharedKey::from_bytes(key.as_bytes()).is_ok_and(|read| read == key));
        assert!(SharedKey::from_bytes(b"0123456789ABCDEF0123456789ABCDEF").is_err());
        assert!(SharedKey::from_bytes(b"short").is_err());
        assert_eq!(key.fingerprint().len(), 16);
    }
}
