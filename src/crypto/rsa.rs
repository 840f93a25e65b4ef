//! RSA-OAEP (RFC 8017) on OpenSSL: the server's identity and the keys that phones send.

use base64::Engine as _;
use openssl::bn::BigNum;
use openssl::encrypt::{Decrypter, Encrypter};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private, Public};
use openssl::rsa::{Padding, Rsa};
use rsa::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, LineEnding};
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Error;
use crate::model::{DigestAlgorithm, OaepDigests, Secret};

/// Bits of a modulus that we take; below is weak, above costs too much.
const BITS: std::ops::RangeInclusive<u32> = 2048..=4096;
/// Bytes of a PEM at most: a key of 4096 bits has 800, and some room for odd wrapping.
const PEM: usize = 4096;

fn message_digest(digest: DigestAlgorithm) -> MessageDigest {
    match digest {
        DigestAlgorithm::Sha1 => MessageDigest::sha1(),
        DigestAlgorithm::Sha256 => MessageDigest::sha256(),
    }
}

/// The server's private key: what phones encrypt their password to.
pub struct ServerPrivateKey {
    key: PKey<Private>,
    public_pem: String,
    fingerprint: String,
}

impl ServerPrivateKey {
    /// Reads a private key in PEM, PKCS#8 or PKCS#1.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        let key = PKey::private_key_from_pem(pem).map_err(|_| Error::BadKey)?;
        if key.id() != openssl::pkey::Id::RSA || !BITS.contains(&key.bits()) {
            return Err(Error::BadKey);
        }
        let public_pem = String::from_utf8_lossy(&key.public_key_to_pem()?).into_owned();
        let fingerprint = hex::encode(Sha256::digest(key.public_key_to_der()?));
        Ok(Self { key, public_pem, fingerprint })
    }

    /// A new RSA-2048 key as PKCS#8 PEM.
    pub fn generate() -> Result<Secret, Error> {
        use rsa::pkcs8::EncodePrivateKey as _;
        let library = |error: &dyn std::fmt::Display| Error::Library(error.to_string());
        let key = rsa::RsaPrivateKey::new(&mut rand::rngs::OsRng, 2048).map_err(|e| library(&e))?;
        let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|e| library(&e))?;
        Ok(Secret::new(pem.as_str().to_owned()))
    }

    pub fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// SHA-256 over the public key (SPKI DER), hex.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// One private-key operation, about a millisecond: call it on a blocking pool.
    ///
    /// A ciphertext is as long as the modulus, and OpenSSL refuses one that is not below it: each number has one
    /// spelling.
    pub fn decrypt(&self, pair: OaepDigests, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        if ciphertext.len() != self.key.size() {
            return Err(Error::Undecryptable);
        }
        let mut decrypter = Decrypter::new(&self.key)?;
        decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        decrypter.set_rsa_oaep_md(message_digest(pair.oaep))?;
        decrypter.set_rsa_mgf1_md(message_digest(pair.mgf1))?;
        let mut plain = Zeroizing::new(vec![0; decrypter.decrypt_len(ciphertext)?]);
        let len = decrypter.decrypt(ciphertext, &mut plain).map_err(|_| Error::Undecryptable)?;
        plain.truncate(len);
        Ok(plain)
    }
}

/// A phone's public key: what the shared key is encrypted to.
#[derive(Clone)]
pub struct PhonePublicKey {
    key: PKey<Public>,
    pem: String,
}

impl PhonePublicKey {
    /// Reads SPKI PEM (`-----BEGIN PUBLIC KEY-----`), wrapped at any column: RSA, 2048 to 4096 bits,
    /// with an exponent that is odd, above one and short (a long one is a way to burn our time).
    ///
    /// The `rsa` crate parses it in two microseconds; OpenSSL 3.0's decoders take 260.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        if pem.len() > PEM {
            return Err(Error::BadKey);
        }
        let key = rsa::RsaPublicKey::from_public_key_der(&unarmour(pem)?).map_err(|_| Error::BadKey)?;
        let (modulus, exponent) = (key.n().to_bytes_be(), key.e().to_bytes_be());
        let bits = u32::try_from(key.n().bits()).map_err(|_| Error::BadKey)?;
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
        let is_short = exponent.len() <= 4 && exponent != [1];
        if !(BITS.contains(&bits) && is_odd(&modulus) && is_odd(&exponent) && is_short) {
            return Err(Error::BadKey);
        }
        let rsa = Rsa::from_public_components(BigNum::from_slice(&modulus)?, BigNum::from_slice(&exponent)?)?;
        let pem = key.to_public_key_pem(LineEnding::LF).map_err(|_| Error::BadKey)?;
        Ok(Self { key: PKey::from_rsa(rsa)?, pem })
    }

    /// The key's own DER in PEM: the same for one key, however it was written when it came.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub fn encrypt(&self, pair: OaepDigests, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut encrypter = Encrypter::new(&self.key)?;
        encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        encrypter.set_rsa_oaep_md(message_digest(pair.oaep))?;
        encrypter.set_rsa_mgf1_md(message_digest(pair.mgf1))?;
        let mut out = vec![0; encrypter.encrypt_len(plain)?];
        let len = encrypter.encrypt(plain, &mut out)?;
        out.truncate(len);
        Ok(out)
    }
}

/// The bytes between the lines of a PEM (RFC 7468), laxly: phones wrap where they like.
fn unarmour(pem: &str) -> Result<Vec<u8>, Error> {
    let inside = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----").ok_or(Error::BadKey)?;
    let inside = inside.strip_suffix("-----END PUBLIC KEY-----").ok_or(Error::BadKey)?;
    let plain: String = inside.split_ascii_whitespace().collect();
    base64::engine::general_purpose::STANDARD.decode(plain).map_err(|_| Error::BadKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::phone::PhonePrivateKey;

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    #[test]
    fn openssl_and_the_rsa_crate_understand_each_other() -> Result {
        let identity = ServerPrivateKey::from_pem(ServerPrivateKey::generate()?.expose().as_bytes())?;
        let phone = PhonePrivateKey::generate()?;
        let phone_key = PhonePublicKey::from_pem(&phone.public_pem()?)?;
        for pair in OaepDigests::ALL {
            let up = PhonePrivateKey::encrypt(identity.public_pem(), pair, b"dummy_password")?;
            assert_eq!(identity.decrypt(pair, &up)?.as_slice(), b"dummy_password");
            let down = phone_key.encrypt(pair, b"0123456789abcdef0123456789abcdef")?;
            assert_eq!(phone.decrypt(pair, &down)?.as_slice(), b"0123456789abcdef0123456789abcdef");
            let mut bent = up.clone();
            bent[100] ^= 1;
            assert!(identity.decrypt(pair, &bent).is_err());
            assert!(identity.decrypt(pair, &[&[0][..], &up].concat()).is_err(), "longer than the modulus");
        }
        Ok(())
    }

    #[test]
    fn keys_that_are_weak_or_not_rsa_are_refused() -> Result {
        let small = openssl::rsa::Rsa::generate(1024)?;
        assert!(ServerPrivateKey::from_pem(&small.private_key_to_pem()?).is_err());
        assert!(PhonePublicKey::from_pem(std::str::from_utf8(&small.public_key_to_pem()?)?).is_err());
        let group = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1)?;
        let curve = PKey::from_ec_key(openssl::ec::EcKey::generate(&group)?)?;
        assert!(PhonePublicKey::from_pem(std::str::from_utf8(&curve.public_key_to_pem()?)?).is_err());
        assert!(PhonePublicKey::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----").is_err());
        assert!(PhonePublicKey::from_pem("").is_err());
        let wrapped = PhonePrivateKey::generate()?.public_pem()?;
        let line = wrapped.lines().filter(|line| !line.starts_with('-')).collect::<String>();
        let framed = |line: &str| format!("-----BEGIN PUBLIC KEY-----{line}-----END PUBLIC KEY-----");
        assert_eq!(PhonePublicKey::from_pem(&framed(&line))?.pem(), wrapped);
        let filled = |length: usize| framed(&(" ".repeat(length - framed(&line).len()) + &line));
        assert!(PhonePublicKey::from_pem(&filled(4096)).is_ok());
        assert!(PhonePublicKey::from_pem(&filled(4097)).is_err());
        Ok(())
    }

    #[test]
    fn an_exponent_of_one_is_refused() -> Result {
        let sound = openssl::rsa::Rsa::generate(2048)?;
        let one = openssl::bn::BigNum::from_u32(1)?;
        let weak = openssl::rsa::Rsa::from_public_components(sound.n().to_owned()?, one)?;
        assert!(PhonePublicKey::from_pem(std::str::from_utf8(&weak.public_key_to_pem()?)?).is_err());
        Ok(())
    }
}
