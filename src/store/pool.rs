//! A client's numbers that messages leave from together, and how they are chosen: `sb_pool`, and `sb_number.pool_id`.

use serde::{Deserialize, Deserializer, de};

use super::engine::{at_most, below, readable};
use super::version::CachedDataset;
use super::{AuditTrail, Change, Result, Row, Store, Value, params};
use crate::model::{ClientId, Millis, NumberId, PoolId, PoolSettings};

#[derive(Clone, Debug, Deserialize)]
pub struct Pool {
    pub id: PoolId,
    pub client: ClientId,
    pub name: String,
    pub created_ms: Millis,
    #[serde(deserialize_with = "read")]
    pub settings: PoolSettings,
    /// The settings as they were read: another version of ours may have written more than we know.
    written: Option<String>,
}

/// The fields of [`Pool`].
const COLUMNS: &str = "SELECT id, client_id, name, created_ms, settings, settings FROM sb_pool";

fn read<'de, D: Deserializer<'de>>(from: D) -> Result<PoolSettings, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map_or_else(|| Ok(PoolSettings::default()), |text| serde_json::from_str(&text).map_err(de::Error::custom))
}

/// As a pool's column holds them.
fn written(settings: &PoolSettings) -> Option<String> {
    if *settings == PoolSettings::default() { None } else { serde_json::to_string(settings).ok() }
}

impl Pool {
    pub fn new(id: PoolId, client: ClientId, name: String, settings: PoolSettings, created_ms: Millis) -> Self {
        let written = written(&settings);
        Self { id, client, name, created_ms, settings, written }
    }
}

fn key(client: ClientId, id: PoolId) -> Vec<Value> {
    params![id, client]
}

/// Every pool that can be read.
pub async fn all(store: &Store) -> Result<Vec<Pool>> {
    Ok(readable("a pool", &store.query(COLUMNS, Vec::new()).await?, Row::read))
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
    let columns = vec![
        ("id", pool.id.into()),
        ("client_id", pool.client.into()),
        ("name", pool.name.as_str().into()),
        ("created_ms", pool.created_ms.into()),
        ("settings", pool.written.clone().into()),
    ];
    let change = Change::new().insert_row("sb_pool", columns).versioned(CachedDataset::Directory).audited(entry);
    store.commit(change.settled_by_id("sb_pool", pool.id)).await
}

/// Gives it another name and other settings. [`super::Error::Guard`]: there is no such pool, or it is another than was
/// read.
pub async fn update(
    store: &Store,
    before: &Pool,
    name: &str,
    settings: &PoolSettings,
    entry: AuditTrail,
) -> Result<()> {
    let settings = if *settings == before.settings { before.written.clone() } else { written(settings) };
    let columns = vec![("name", name.into()), ("settings", settings.into())];
    let read = vec![("name", before.name.as_str().into()), ("settings", before.written.clone().into())];
    let key = [("id", before.id.into()), ("client_id", before.client.into())];
    let change = Change::new().rewrite("sb_pool", columns, key, read);
    store.commit(change.versioned(CachedDataset::Directory).audited(entry)).await
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
