//! The text of a paired phone, version 2: `b64( IV ‖ b64( AES-256-CBC-PKCS7( plaintext ) ) )`
//! under the key that phone and server share. It has no MAC: a changed bit of the IV changes the
//! first block unnoticed, so whoever takes texts has to know the blocks with which one may begin.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use openssl::symm::{Cipher, Crypter, Mode, encrypt};
use rand::Rng as _;
use rand::rngs::OsRng;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _, ConstantTimeLess as _};
use zeroize::{Zeroize as _, Zeroizing};

use super::{Error, SharedKey};
use crate::model::Secret;

const BLOCK: usize = 16;
/// Bytes of ciphertext at most: far more than texts carry, and what a column of the store holds.
const LONGEST: usize = 48 * 1024;

/// Padding is optional: old clients cut it off.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A text that is well-formed; whether a key opens it is another matter.
pub struct EncryptedPayload {
    iv: [u8; BLOCK],
    /// Whole blocks, at least one.
    ciphertext: Vec<u8>,
}

/// Base64 with white space anywhere, as phones wrap it at 76 columns.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, Error> {
    let dense: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(dense).map_err(|_| Error::Undecryptable)
}

impl EncryptedPayload {
    pub fn parse(text: &str) -> Result<Self, Error> {
        let decoded = decode(text.as_bytes())?;
        let (iv, inner) = decoded.split_first_chunk::<BLOCK>().ok_or(Error::Undecryptable)?;
        let ciphertext = decode(inner)?;
        let is_whole = !ciphertext.is_empty() && ciphertext.len().is_multiple_of(BLOCK);
        if !iv.is_ascii() || !is_whole || ciphertext.len() > LONGEST {
            return Err(Error::Undecryptable);
        }
        Ok(Self { iv: *iv, ciphertext })
    }

    /// What a phone sends.
    pub fn seal(key: &SharedKey, plain: &str) -> Result<String, Error> {
        let mut iv = [0_u8; BLOCK];
        iv.fill_with(|| OsRng.gen_range(b'!'..=b'~'));
        Self::seal_with(key, &iv, plain)
    }

    fn seal_with(key: &SharedKey, iv: &[u8; BLOCK], plain: &str) -> Result<String, Error> {
        let sealed = encrypt(Cipher::aes_256_cbc(), key.as_bytes(), Some(iv), plain.as_bytes())?;
        Ok(STANDARD.encode([iv.as_slice(), STANDARD.encode(sealed).as_bytes()].concat()))
    }

    /// The bytes by which a repeat is known, however its base64 was wrapped.
    pub fn parts(&self) -> [&[u8]; 2] {
        [&self.iv, &self.ciphertext]
    }

    /// Tries every key in turn, the same work for each whether it fits or not, and keeps the first
    /// plaintext that is UTF-8 and that `is_known` takes, with its key's place among the keys.
    pub fn open(&self, keys: &[SharedKey], is_known: impl Fn(&str) -> bool) -> Result<Option<(usize, Secret)>, Error> {
        let mut found = None;
        for (at, key) in keys.iter().enumerate() {
            let (plain, fits) = self.decrypt(key)?;
            // checked whatever the padding was, so that the padding alone is not told by the time
            let text = std::str::from_utf8(&plain);
            let is_taken = text.is_ok_and(&is_known) & bool::from(fits);
            let text = Secret::new(text.unwrap_or_default().to_owned());
            if is_taken && found.is_none() {
                found = Some((at, text));
            }
        }
        Ok(found)
    }

    /// The blocks with which a text can begin under an IV of somebody's choice: its first, and each that what is cut
    /// off before it would leave as the first.
    pub fn beginnings(&self, key: &SharedKey) -> Result<Vec<&[u8]>, Error> {
        let bare = self.decrypt_blocks(Cipher::aes_256_ecb(), key, None)?;
        let blocks = self.ciphertext.chunks(BLOCK).zip(bare.chunks(BLOCK)).enumerate();
        let beginnings = blocks.filter(|(at, (_, bare))| *at == 0 || can_begin(bare));
        Ok(beginnings.map(|(_, (block, _))| block).collect())
    }

    fn decrypt_blocks(&self, how: Cipher, key: &SharedKey, iv: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut crypter = Crypter::new(how, Mode::Decrypt, key.as_bytes(), iv)?;
        crypter.pad(false);
        let mut plain = Zeroizing::new(vec![0; self.ciphertext.len() + BLOCK]);
        let mut length = crypter.update(&self.ciphertext, &mut plain)?;
        length += crypter.finalize(&mut plain[length..])?;
        plain.truncate(length);
        Ok(plain)
    }

    /// The decrypted bytes without their padding, and whether that was PKCS#7 (RFC 5652, 6.3).
    fn decrypt(&self, key: &SharedKey) -> Result<(Zeroizing<Vec<u8>>, Choice), Error> {
        let mut plain = self.decrypt_blocks(Cipher::aes_256_cbc(), key, Some(&self.iv))?;
        let (padding, fits) = padding(&plain);
        let length = plain.len();
        plain[length - usize::from(padding)..].zeroize();
        plain.truncate(length - usize::from(padding));
        Ok((plain, fits))
    }
}

/// Whether an IV makes text of a block that was decrypted without one. An IV is ASCII: it leaves each byte above 0x7F, or
/// below, and no character of UTF-8 has a single byte above. What ends the block may go on in the next.
fn can_begin(bare: &[u8]) -> bool {
    let runs: Vec<&[u8]> = bare.split(u8::is_ascii).collect();
    runs.split_last().is_none_or(|(_, runs)| runs.iter().all(|run| run.len() != 1))
}

/// How many bytes of padding end these whole blocks, zero where it is not sound; in constant time.
fn padding(plain: &[u8]) -> (u8, Choice) {
    let Some((_, last)) = plain.split_last_chunk::<BLOCK>() else { return (0, Choice::from(0)) };
    let length = last[BLOCK - 1];
    // 1 to 16; and every byte that the length covers says so
    let mut fits = length.ct_lt(&17) & !length.ct_eq(&0);
    for (from_end, byte) in (0_u8..).zip(last.iter().rev()) {
        fits &= !from_end.ct_lt(&length) | byte.ct_eq(&length);
    }
    (u8::conditional_select(&0, &length, fits), fits)
}

#[cfg(test)]
#[path = "payload_test.rs"]
mod tests;
