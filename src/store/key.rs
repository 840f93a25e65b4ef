//! Clients' keys: `sb_key`, keyed hashes only.

use super::engine::{at_most, below, patched, readable};
use super::version::CachedDataset;
use super::{AuditTrail, Change, Result, Store, Value, params};
use crate::model::{AccountId, AllowedTwiml, ClientId, KeyId, Millis};

/// What may be shown of a key.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct ApiKey {
    pub id: KeyId,
    pub client: ClientId,
    /// How it begins; empty where it was not made here.
    pub prefix: String,
    pub name: String,
    /// `sms`, `voice`, …, with commas between.
    pub scopes: String,
    /// The only account that it sends through.
    pub account: Option<AccountId>,
    /// The networks that it may come from, as a list in JSON.
    pub sources: Option<String>,
    /// Patterns of senders and of destinations.
    pub senders: Option<String>,
    pub destinations: Option<String>,
    /// Requests a minute; 0: no limit.
    pub rate: i64,
    pub created_ms: Millis,
    pub expires_ms: Option<Millis>,
    pub last_used_ms: Option<Millis>,
    pub revoked_ms: Option<Millis>,
    /// What its calls may say; `None`: as its other bounds, and the settings, have it.
    pub twiml: Option<AllowedTwiml>,
}

/// The fields of [`ApiKey`].
const COLUMNS: &str = "SELECT id, client_id, prefix, name, scopes, account_id, sources, senders, destinations, rate, \
     created_ms, expires_ms, last_used_ms, revoked_ms, twiml";

/// A client's keys, newest first, starting after the key `after`; revoked ones too.
pub async fn list(store: &Store, client: ClientId, after: Option<KeyId>, limit: usize) -> Result<Vec<ApiKey>> {
    let sql = format!("{COLUMNS} FROM sb_key WHERE client_id = ? AND id < ? ORDER BY id DESC LIMIT ?");
    store.all(sql, params![client, below(after), at_most(limit)]).await
}

pub async fn find(store: &Store, client: ClientId, id: KeyId) -> Result<Option<ApiKey>> {
    store.first(format!("{COLUMNS} FROM sb_key WHERE id = ? AND client_id = ?"), params![id, client]).await
}

/// All that are not revoked, with their hashes.
pub async fn in_force(store: &Store) -> Result<Vec<([u8; 32], ApiKey)>> {
    let rows = store.query(format!("{COLUMNS}, key_hash FROM sb_key WHERE revoked_ms IS NULL"), Vec::new()).await?;
    // one that cannot be read opens nothing
    Ok(readable("a key", &rows, |row| Ok((row.array(15)?, row.read()?))))
}

/// [`super::Error::Conflict`]: this key is there already. [`super::Error::Guard`]: there is no such client, or it is not
/// active.
pub async fn insert(store: &Store, key: &ApiKey, hash: &[u8; 32], entry: AuditTrail) -> Result<()> {
    let sql = "INSERT INTO sb_key (id, client_id, key_hash, prefix, name, scopes, account_id, sources, senders, \
               destinations, rate, created_ms, expires_ms, twiml) SELECT ?, id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? \
               FROM sb_client WHERE id = ? AND is_active = 1";
    let values = params![
        key.id,
        hash,
        key.prefix.as_str(),
        key.name.as_str(),
        key.scopes.as_str(),
        key.account,
        key.sources.clone(),
        key.senders.clone(),
        key.destinations.clone(),
        key.rate,
        key.created_ms,
        key.expires_ms,
        key.twiml.map(AllowedTwiml::name),
        key.client,
    ];
    let change = Change::new().one(sql, values);
    store.commit(change.versioned(CachedDataset::Clients).audited(entry).settled_by_id("sb_key", key.id)).await
}

/// What is to change of a key; what is not given stays as it is by then.
#[derive(Clone, Debug, Default)]
pub struct ApiKeyUpdate {
    pub name: Option<String>,
    pub scopes: Option<String>,
    pub account: Option<Option<AccountId>>,
    pub sources: Option<Option<String>>,
    pub senders: Option<Option<String>>,
    pub destinations: Option<Option<String>>,
    pub rate: Option<i64>,
    pub expires_ms: Option<Option<Millis>>,
    pub twiml: Option<Option<AllowedTwiml>>,
}

/// Changes what a key is called and may do. [`super::Error::Guard`]: it is not there, or revoked, or what is to change
/// is another than was read.
pub async fn update(store: &Store, before: &ApiKey, set: ApiKeyUpdate, entry: AuditTrail) -> Result<()> {
    let account = |account: Option<AccountId>| Value::from(account);
    let twiml = |twiml: Option<AllowedTwiml>| Value::from(twiml.map(AllowedTwiml::name));
    let (columns, mut read) = patched([
        ("name", set.name.map(Value::from), before.name.as_str().into()),
        ("scopes", set.scopes.map(Value::from), before.scopes.as_str().into()),
        ("account_id", set.account.map(account), account(before.account)),
        ("sources", set.sources.map(Value::from), before.sources.clone().into()),
        ("senders", set.senders.map(Value::from), before.senders.clone().into()),
        ("destinations", set.destinations.map(Value::from), before.destinations.clone().into()),
        ("rate", set.rate.map(Value::from), before.rate.into()),
        ("expires_ms", set.expires_ms.map(Value::from), before.expires_ms.into()),
        ("twiml", set.twiml.map(twiml), twiml(before.twiml)),
    ]);
    read.push(("revoked_ms", Value::Null));
    let key = [("id", before.id.into()), ("client_id", before.client.into())];
    store
        .commit(Change::new().rewrite("sb_key", columns, key, read).versioned(CachedDataset::Clients).audited(entry))
        .await
}

/// [`super::Error::Guard`]: it is not there, or revoked already.
pub async fn revoke(store: &Store, client: ClientId, id: KeyId, now_ms: Millis, entry: AuditTrail) -> Result<()> {
    let sql = "UPDATE sb_key SET revoked_ms = ? WHERE id = ? AND client_id = ? AND revoked_ms IS NULL";
    let change = Change::new().one(sql, params![now_ms, id, client]);
    store.commit(change.versioned(CachedDataset::Clients).audited(entry)).await
}

/// Writes down that keys were used, the last time of all of them.
pub async fn used(store: &Store, keys: &[KeyId], at_ms: Millis) -> Result<()> {
    let keys: Vec<Value> = keys.iter().map(Value::from).collect();
    let sql = "UPDATE sb_key SET last_used_ms = ? WHERE (last_used_ms IS NULL OR last_used_ms < ?) AND id IN ({})";
    store.commit(Change::new().any(sql, &[at_ms.into(), at_ms.into()], &keys)).await
}
