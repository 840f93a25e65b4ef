//! Facts about the store itself: whose keys wrote it, and the hash keys that lie sealed in it.

use zeroize::Zeroizing;

use super::{Change, Error, Result, Store, params};
use crate::crypto::{Aad, HashKey, MasterKey};
use crate::model::{Millis, Secret};

/// The value under `name`, writing `value` first where there is none.
/// Two nodes that start together agree: one insert wins, both read it.
pub async fn value_or_insert(store: &Store, name: &'static str, value: &str) -> Result<String> {
    if let Some(found) = value_of(store, name).await? {
        return Ok(found);
    }
    let insert = Change::new()
        .one("INSERT INTO sb_meta (name, value) VALUES (?, ?)", params![name, value])
        .settled_by("SELECT 1 FROM sb_meta WHERE name = ?", params![name]);
    store.commit_once(insert).await?;
    value_of(store, name).await?.ok_or_else(|| Error::Data(format!("sb_meta {name} vanished")))
}

pub async fn value_of(store: &Store, name: &'static str) -> Result<Option<String>> {
    store.first("SELECT value FROM sb_meta WHERE name = ?", params![name]).await
}

/// Replaces a value, for an administrator who changes keys on purpose.
pub async fn replace(store: &Store, name: &'static str, value: &str) -> Result<()> {
    let change = Change::new()
        .run("DELETE FROM sb_meta WHERE name = ?", params![name])
        .one("INSERT INTO sb_meta (name, value) VALUES (?, ?)", params![name, value]);
    store.commit(change).await
}

/// The hash key called `name`, made and sealed at its first use.
pub async fn hash_key(store: &Store, master: &MasterKey, name: &'static str, now_ms: Millis) -> Result<HashKey> {
    let opened = sealed_or_insert(store, master, name, || HashKey::generate().as_bytes().to_vec(), now_ms).await?;
    Ok(HashKey::from_bytes(&opened)?)
}

/// The secret text called `name`; where there is none, it is `new` from now on.
pub async fn secret_or_insert(
    store: &Store,
    master: &MasterKey,
    name: &str,
    new: &Secret,
    now_ms: Millis,
) -> Result<Secret> {
    let opened = sealed_or_insert(store, master, name, || new.expose().as_bytes().to_vec(), now_ms).await?;
    let text = std::str::from_utf8(&opened).map_err(|_| Error::Data(format!("sb_secret {name} is no text")))?;
    Ok(Secret::new(text.to_owned()))
}

async fn sealed_or_insert(
    store: &Store,
    master: &MasterKey,
    name: &str,
    new: impl FnOnce() -> Vec<u8>,
    now_ms: Millis,
) -> Result<Zeroizing<Vec<u8>>> {
    if let Some(found) = sealed(store, master, name).await? {
        return Ok(found);
    }
    let made = master.seal(place(name), &Zeroizing::new(new()))?;
    let insert = Change::new()
        .one("INSERT INTO sb_secret (name, sealed, created_ms) VALUES (?, ?, ?)", params![name, made, now_ms])
        .settled_by("SELECT 1 FROM sb_secret WHERE name = ?", params![name]);
    store.commit_once(insert).await?;
    // read back: another node may have been first
    sealed(store, master, name).await?.ok_or_else(|| Error::Data(format!("sb_secret {name} vanished")))
}

async fn sealed(store: &Store, master: &MasterKey, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let rows = store.query("SELECT sealed FROM sb_secret WHERE name = ?", params![name]).await?;
    rows.first().map(|row| Ok(master.open(place(name), row.bytes(0)?)?)).transpose()
}

fn place(name: &str) -> Aad<'_> {
    Aad { table: "sb_secret", row: name, column: "sealed" }
}
