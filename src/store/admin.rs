//! Administrators' keys: `sb_admin_key`, keyed hashes only.

use super::engine::readable;
use super::version::CachedDataset;
use super::{AuditTrail, Change, Result, Row, Store, params};
use crate::model::{AdminKeyId, Millis};

/// What may be shown of a key.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct AdminKey {
    pub id: AdminKeyId,
    pub prefix: String,
    pub name: String,
    pub created_ms: Millis,
    pub revoked_ms: Option<Millis>,
}

pub async fn list(store: &Store) -> Result<Vec<AdminKey>> {
    store.all("SELECT id, prefix, name, created_ms, revoked_ms FROM sb_admin_key ORDER BY id", Vec::new()).await
}

/// The hashes of all keys in force, with what each is called: its id and its name.
pub async fn hashes(store: &Store) -> Result<Vec<([u8; 32], String)>> {
    let rows = store.query("SELECT id, key_hash, name FROM sb_admin_key WHERE revoked_ms IS NULL", Vec::new()).await?;
    let named = |row: &Row| {
        let id: AdminKeyId = row.id(0)?;
        Ok((row.array(1)?, format!("{id} {}", row.text(2)?)))
    };
    Ok(readable("an administrator's key", &rows, named))
}

pub async fn insert(store: &Store, key: &AdminKey, hash: &[u8; 32], entry: AuditTrail) -> Result<()> {
    let sql = "INSERT INTO sb_admin_key (id, key_hash, prefix, name, created_ms) VALUES (?, ?, ?, ?, ?)";
    let change = Change::new().one(sql, params![key.id, hash, key.prefix.as_str(), key.name.as_str(), key.created_ms]);
    store.commit(change.versioned(CachedDataset::Directory).audited(entry)).await
}

/// [`super::Error::Guard`]: it is not there, or revoked already.
pub async fn revoke(store: &Store, id: AdminKeyId, now_ms: Millis, entry: AuditTrail) -> Result<()> {
    let sql = "UPDATE sb_admin_key SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL";
    store.commit(Change::new().one(sql, params![now_ms, id]).versioned(CachedDataset::Directory).audited(entry)).await
}
