//! Facts about the store itself: whose keys wrote it, and the hash keys that lie sealed in it.

use super::{Change, Error, Result, Store};
use crate::crypto::{HashKey, MasterKey, Place};
use crate::model::Millis;

/// The value under `name`, writing `value` first where there is none.
/// Two nodes that start together agree: one insert wins, both read it.
pub async fn value_or_insert(store: &Store, name: &'static str, value: &str) -> Result<String> {
    if let Some(found) = value_of(store, name).await? {
        return Ok(found);
    }
    let insert = Change::new()
        .one("INSERT INTO sb_meta (name, value) VALUES (?, ?)", vec![name.into(), value.into()])
        .settled_by("SELECT 1 FROM sb_meta WHERE name = ?", vec![name.into()]);
    match store.commit(insert).await {
        Ok(()) | Err(Error::Conflict) => {}
        Err(error) => return Err(error),
    }
    value_of(store, name).await?.ok_or_else(|| Error::Data(format!("sb_meta {name} vanished")))
}

pub async fn value_of(store: &Store, name: &'static str) -> Result<Option<String>> {
    let rows = store.query("SELECT value FROM sb_meta WHERE name = ?", vec![name.into()]).await?;
    rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// Replaces a value, for an administrator who changes keys on purpose.
pub async fn replace(store: &Store, name: &'static str, value: &str) -> Result<()> {
    let change = Change::new()
        .run("DELETE FROM sb_meta WHERE name = ?", vec![name.into()])
        .one("INSERT INTO sb_meta (name, value) VALUES (?, ?)", vec![name.into(), value.into()]);
    store.commit(change).await
}

/// The hash key called `name`, made and sealed at its first use.
pub async fn hash_key(store: &Store, master: &MasterKey, name: &'static str, now_ms: Millis) -> Result<HashKey> {
    if let Some(key) = sealed_key(store, master, name).await? {
        return Ok(key);
    }
    let key = HashKey::generate();
    let sealed = master.seal(place(name), key.as_bytes())?;
    let insert = Change::new()
        .one(
            "INSERT INTO sb_secret (name, sealed, created_ms) VALUES (?, ?, ?)",
            vec![name.into(), sealed.into(), now_ms.into()],
        )
        .settled_by("SELECT 1 FROM sb_secret WHERE name = ?", vec![name.into()]);
    match store.commit(insert).await {
        Ok(()) | Err(Error::Conflict) => {}
        Err(error) => return Err(error),
    }
    // read back: another node may have been first
    sealed_key(store, master, name).await?.ok_or_else(|| Error::Data(format!("sb_secret {name} vanished")))
}

async fn sealed_key(store: &Store, master: &MasterKey, name: &'static str) -> Result<Option<HashKey>> {
    let rows = store.query("SELECT sealed FROM sb_secret WHERE name = ?", vec![name.into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let opened = master.open(place(name), row.bytes(0)?)?;
    Ok(Some(HashKey::from_bytes(&opened)?))
}

fn place(name: &str) -> Place<'_> {
    Place { table: "sb_secret", row: name, column: "sealed" }
}
