//! Secrets at rest: AES-256-GCM under a master key that is not in the database.
//!
//! A sealed value is `1 ‖ key id (4) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`; its place
//! (table, row, column) is associated data, so a value moved elsewhere does not open.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Error, random};
use crate::model::Secret;

const VERSION: u8 = 1;
const KEY_ID: usize = 4;
const NONCE: usize = 12;
const HEAD: usize = 1 + KEY_ID + NONCE;

/// Where a sealed value lies: associated data, by which it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Aad<'a> {
    pub table: &'a str,
    pub row: &'a str,
    pub column: &'a str,
}

impl Aad<'_> {
    fn bytes(self) -> Vec<u8> {
        [self.table, self.row, self.column].join("\0").into_bytes()
    }
}

/// The 256-bit master key.
pub struct MasterKey {
    cipher: Aes256Gcm,
    id: [u8; KEY_ID],
    fingerprint: String,
}

impl MasterKey {
    /// A new key as it stands in its file: 64 hex digits.
    pub fn generate() -> Secret {
        let bytes = Zeroizing::new(random::<32>());
        Secret::new(hex::encode(bytes.as_ref()))
    }

    /// Reads 32 bytes written as hex or base64 (standard or URL-safe).
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let bytes = hex::decode(text)
            .or_else(|_| STANDARD.decode(text))
            .or_else(|_| URL_SAFE.decode(text))
            .map(Zeroizing::new)
            .map_err(|_| Error::BadKey)?;
        let cipher = Aes256Gcm::new_from_slice(&bytes).map_err(|_| Error::BadKey)?;
        let mut labelled = Sha256::new_with_prefix(b"switchboard master key\0");
        labelled.update(&bytes);
        let digest: [u8; 32] = labelled.finalize().into();
        let id = [digest[0], digest[1], digest[2], digest[3]];
        Ok(Self { cipher, id, fingerprint: hex::encode(&digest[..16]) })
    }

    /// 32 hex digits that name this key and do not give it away.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub fn seal(&self, aad: Aad<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let nonce = random::<NONCE>();
        let data = aad.bytes();
        let sealed = self
            .cipher
            .encrypt(Nonce::from_slice(&nonce), Payload { msg: plain, aad: &data })
            .map_err(|_| Error::Library("sealing".into()))?;
        let mut out = Vec::with_capacity(HEAD + sealed.len());
        out.push(VERSION);
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    pub fn open(&self, aad: Aad<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        if sealed.len() < HEAD || sealed[0] != VERSION {
            return Err(Error::Undecryptable);
        }
        let (head, body) = sealed.split_at(HEAD);
        let (id, nonce) = head[1..].split_at(KEY_ID);
        if id != self.id {
            return Err(Error::OtherMasterKey(hex::encode(id)));
        }
        let data = aad.bytes();
        self.cipher
            .decrypt(Nonce::from_slice(nonce), Payload { msg: body, aad: &data })
            .map(Zeroizing::new)
            .map_err(|_| Error::Undecryptable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AAD: Aad<'static> = Aad { table: "sb_device", row: "1", column: "shared_key" };

    #[test]
    fn a_sealed_value_opens_only_in_its_place_and_under_its_key() -> Result<(), Error> {
        let key = MasterKey::parse(MasterKey::generate().expose())?;
        let sealed = key.seal(AAD, b"secret")?;
        assert_eq!(key.open(AAD, &sealed)?.as_slice(), b"secret");
        assert!(key.open(Aad { row: "2", ..AAD }, &sealed).is_err());
        let other = MasterKey::parse(MasterKey::generate().expose())?;
        assert!(matches!(other.open(AAD, &sealed), Err(Error::OtherMasterKey(_))));
        for byte in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[byte] ^= 1;
            assert!(key.open(AAD, &bent).is_err(), "byte {byte}");
        }
        assert!(key.open(AAD, &sealed[..10]).is_err());
        Ok(())
    }

    #[test]
    fn a_key_is_32_bytes_in_hex_or_base64() {
        let base64 = STANDARD.encode([7_u8; 32]);
        assert!(MasterKey::parse(&format!("{base64}\n")).is_ok());
        for bad in ["", "abc", &hex::encode([7_u8; 31])] {
            assert!(MasterKey::parse(bad).is_err(), "{bad}");
        }
    }
}
