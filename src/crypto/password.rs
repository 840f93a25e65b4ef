//! Checks a password against what the backend stored of it.

use argon2::{Argon2, PasswordHash, PasswordVerifier};
use subtle::ConstantTimeEq;

use super::hash;

/// How the backend stored a password, told by how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordScheme {
    /// Salted HMAC-SHA512: microseconds.
    Hmac,
    /// Argon2id: tens of milliseconds and mebibytes; belongs on a bounded pool.
    Argon2id,
}

impl PasswordScheme {
    pub fn of(stored: &str) -> Self {
        if stored.starts_with("$argon2id$") { Self::Argon2id } else { Self::Hmac }
    }
}

/// Whether `password` is the one behind `stored`, compared in constant time.
pub fn matches(stored: &str, salt: &str, password: &str) -> bool {
    match PasswordScheme::of(stored) {
        PasswordScheme::Hmac => hash::backend(salt, password).as_bytes().ct_eq(stored.as_bytes()).into(),
        PasswordScheme::Argon2id => PasswordHash::new(stored)
            .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok()),
    }
}

/// An Argon2id string of a password, for the development database.
pub fn argon2id(password: &str) -> Option<String> {
    use argon2::PasswordHasher as _;
    use argon2::password_hash::{SaltString, rand_core::OsRng};
    let salt = SaltString::generate(&mut OsRng);
    Argon2::default().hash_password(password.as_bytes(), &salt).ok().map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_takes_its_own_password_only() -> Result<(), &'static str> {
        let hmac = hash::backend("salt", "right");
        let argon = argon2id("right").ok_or("no hash")?;
        assert_eq!(
            (PasswordScheme::of(&hmac), PasswordScheme::of(&argon)),
            (PasswordScheme::Hmac, PasswordScheme::Argon2id)
        );
        for stored in [&hmac, &argon] {
            assert!(matches(stored, "salt", "right"));
            assert!(!matches(stored, "salt", "wrong"));
        }
        assert!(!matches(&hmac, "other salt", "right"));
        assert!(!matches("$argon2id$garbage", "salt", "right"));
        assert!(!matches("", "salt", ""));
        Ok(())
    }
}
