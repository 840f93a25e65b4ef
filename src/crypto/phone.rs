//! The phone's side of a handshake, on the `rsa` crate: what the command-line device
//! and the tests use, and so a second implementation that checks the first.

use rand::rngs::OsRng;
use rsa::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, LineEnding};
use rsa::{Oaep, RsaPrivateKey, RsaPublicKey};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Error;
use crate::model::{DigestAlgorithm, OaepDigests};

pub struct PhonePrivateKey(RsaPrivateKey);

fn padding(pair: OaepDigests) -> Oaep {
    match (pair.oaep, pair.mgf1) {
        (DigestAlgorithm::Sha1, DigestAlgorithm::Sha1) => Oaep::new::<Sha1>(),
        (DigestAlgorithm::Sha1, DigestAlgorithm::Sha256) => Oaep::new_with_mgf_hash::<Sha1, Sha256>(),
        (DigestAlgorithm::Sha256, DigestAlgorithm::Sha1) => Oaep::new_with_mgf_hash::<Sha256, Sha1>(),
        (DigestAlgorithm::Sha256, DigestAlgorithm::Sha256) => Oaep::new::<Sha256>(),
    }
}

impl PhonePrivateKey {
    /// A new RSA-2048 key; takes some tenths of a second.
    pub fn generate() -> Result<Self, Error> {
        RsaPrivateKey::new(&mut OsRng, 2048).map(Self).map_err(|error| Error::Library(error.to_string()))
    }

    pub fn public_pem(&self) -> Result<String, Error> {
        let public = RsaPublicKey::from(&self.0);
        public.to_public_key_pem(LineEnding::LF).map_err(|error| Error::Library(error.to_string()))
    }

    /// Encrypts a password to the server's public key.
    pub fn encrypt(server_pem: &str, pair: OaepDigests, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let server = RsaPublicKey::from_public_key_pem(server_pem.trim()).map_err(|_| Error::BadKey)?;
        server.encrypt(&mut OsRng, padding(pair), plain).map_err(|error| Error::Library(error.to_string()))
    }

    /// Decrypts the shared key that the server sent.
    pub fn decrypt(&self, pair: OaepDigests, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.0.decrypt(padding(pair), ciphertext).map(Zeroizing::new).map_err(|_| Error::Undecryptable)
    }
}
