//! Which edition of accounts and numbers is in force: nodes keep them in memory, and read them
//! again when this has changed.

use super::{Change, Result, Store};

/// Marks that accounts or numbers have changed, in the change that changes them.
pub(super) fn changed(change: Change) -> Change {
    let edition = hex::encode(rand::random::<[u8; 16]>());
    change.one("UPDATE sb_meta SET value = ? WHERE name = 'book'", vec![edition.into()])
}

/// The edition in force; equal editions hold the same.
pub async fn edition(store: &Store) -> Result<String> {
    let rows = store.query("SELECT value FROM sb_meta WHERE name = 'book'", Vec::new()).await?;
    Ok(rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()?.unwrap_or_default())
}
