//! Passwords' ciphertexts whose password was right: `sb_sync_ciphertext`. Kept for ever, and taken once.

use crate::store::{Change, Result, Store, params};

/// A ciphertext, and the session and public key that it came with: keyed hashes.
#[derive(Clone, Debug)]
pub struct SpentCiphertext {
    pub id: [u8; 32],
    pub used_with: [u8; 32],
}

impl SpentCiphertext {
    /// Takes it in the commit of `change`: [`crate::store::Error::Conflict`] where it was taken before.
    pub fn take(&self, change: Change) -> Change {
        let values = params![self.id, self.used_with];
        change
            .one("INSERT INTO sb_sync_ciphertext (id, used_with) VALUES (?, ?)", values.clone())
            .settled_by("SELECT 1 FROM sb_sync_ciphertext WHERE id = ? AND used_with = ?", values)
    }

    /// What it was taken with, if it was.
    pub async fn taken_with(&self, store: &Store) -> Result<Option<[u8; 32]>> {
        let sql = "SELECT used_with FROM sb_sync_ciphertext WHERE id = ?";
        store.first(sql, params![self.id]).await
    }
}
