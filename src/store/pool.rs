//! A client's numbers that messages leave from together: `sb_pool`, and `sb_number.pool_id`.

use super::engine::{at_most, below};
use super::version::CachedDataset;
use super::{AuditTrail, Change, Result, Store, Value, params};
use crate::model::{ClientId, Millis, NumberId, PoolId};

#[derive(Clone, Debug, serde::Deserialize)]
pub struct Pool {
    pub id: PoolId,
    pub client: ClientId,
    pub name: String,
    pub created_ms: Millis,
}

/// The fields of [`Pool`].
const COLUMNS: &str = "SELECT id, client_id, name, created_ms FROM sb_pool";

fn key(client: ClientId, id: PoolId) -> Vec<Value> {
    params![id, client]
}

/// A client's pools, newest first, behind the pool `after`.
pub async fn list(store: &Store, client: ClientId, after: Option<PoolId>, limit: usize) -> Result<Vec<Pool>> {
    let sql = format!("{COLUMNS} WHERE client_id = ? AND id < ? ORDER BY id DESC LIMIT ?");
    store.all(sql, params![client, below(after), at_most(limit)]).await
}

pub async fn find(store: &Store, client: ClientId, id: PoolId) -> Result<Option<Pool>> {
    store.first(format!("{COLUMNS} WHERE id = ? AND client_id = ?"), key(client, id)).await
}

pub async fn insert(store: &Store, pool: &Pool, entry: AuditTrail) -> Result<()> {
    let sql = "INSERT INTO sb_pool (id, client_id, name, created_ms) VALUES (?, ?, ?, ?)";
    let change = Change::new().one(sql, params![pool.id, pool.client, pool.name.as_str(), pool.created_ms]);
    store.commit(change.audited(entry).settled_by_id("sb_pool", pool.id)).await
}

/// [`super::Error::Guard`]: there is no such pool, or it has another name than was read.
pub async fn rename(store: &Store, before: &Pool, name: &str, entry: AuditTrail) -> Result<()> {
    let params = [params![name], key(before.client, before.id), params![before.name.as_str()]].concat();
    let change = Change::new().one("UPDATE sb_pool SET name = ? WHERE id = ? AND client_id = ? AND name = ?", params);
    store.commit(change.audited(entry)).await
}

/// Lets its numbers go. [`super::Error::Guard`]: there is no such pool.
pub async fn delete(store: &Store, client: ClientId, id: PoolId, entry: AuditTrail) -> Result<()> {
    let change = Change::new()
        .one("DELETE FROM sb_pool WHERE id = ? AND client_id = ?", key(client, id))
        .run("UPDATE sb_number SET pool_id = NULL WHERE pool_id = ? AND client_id = ?", key(client, id));
    store.commit(change.versioned(CachedDataset::Directory).audited(entry)).await
}

/// Puts a number into a pool, out of any other. [`super::Error::Guard`]: one of them is not there, or not this
/// client's.
pub async fn put(store: &Store, client: ClientId, id: PoolId, number: NumberId, entry: AuditTrail) -> Result<()> {
    let sql = "UPDATE sb_number SET pool_id = ? WHERE id = ? AND client_id = ? \
               AND EXISTS (SELECT 1 FROM sb_pool p WHERE p.id = ? AND p.client_id = ?)";
    let change = Change::new().one(sql, [params![id, number, client], key(client, id)].concat());
    store.commit(change.versioned(CachedDataset::Directory).audited(entry)).await
}

/// [`super::Error::Guard`]: the number is not in this pool.
pub async fn take_out(store: &Store, client: ClientId, id: PoolId, number: NumberId, entry: AuditTrail) -> Result<()> {
    let sql = "UPDATE sb_number SET pool_id = NULL WHERE id = ? AND client_id = ? AND pool_id = ?";
    let change = Change::new().one(sql, params![number, client, id]);
    store.commit(change.versioned(CachedDataset::Directory).audited(entry)).await
}
