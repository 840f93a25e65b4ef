//! The backend's encrypted columns: 16 ASCII hex characters of IV, then the hex of
//! AES-256-CBC under the first 32 ASCII bytes of the backend's key.

use openssl::symm::{Cipher, decrypt, encrypt};

use super::{Error, random};

const IV: usize = 16;

fn key(shared_key: &str) -> Result<&[u8], Error> {
    shared_key.as_bytes().get(..32).ok_or(Error::BadKey)
}

/// Encrypts one column; the same text twice gives two values.
pub fn seal_column(shared_key: &str, plain: &str) -> Result<String, Error> {
    let iv = hex::encode(random::<{ IV / 2 }>());
    let sealed = encrypt(Cipher::aes_256_cbc(), key(shared_key)?, Some(iv.as_bytes()), plain.as_bytes())?;
    Ok(format!("{iv}{}", hex::encode(sealed)))
}

pub fn open_column(shared_key: &str, sealed: &str) -> Result<String, Error> {
    let (iv, body) = sealed.split_at_checked(IV).ok_or(Error::Undecryptable)?;
    let body = hex::decode(body).map_err(|_| Error::Undecryptable)?;
    let plain = decrypt(Cipher::aes_256_cbc(), key(shared_key)?, Some(iv.as_bytes()), &body)
        .map_err(|_| Error::Undecryptable)?;
    String::from_utf8(plain).map_err(|_| Error::Undecryptable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_opens_again() -> Result<(), Error> {
        let key = "0123456789abcdef0123456789abcdef, and more that does not count";
        let sealed = seal_column(key, "token ✓")?;
        assert_eq!(open_column(key, &sealed)?, "token ✓");
        assert!(sealed.is_ascii() && sealed.len() == 16 + 32);
        for bad in ["", "short", "0123456789abcdefzz", "日本語日本語日本語"] {
            assert!(open_column(key, bad).is_err(), "{bad}");
        }
        assert!(seal_column("short", "x").is_err());
        Ok(())
    }
}
