//! Whom the guard never blocks, and how it is set: `sb_guard_safe` and `sb_guard_setting`.

use serde::Deserialize;

use crate::model::guard::SafeKind;
use crate::model::{ClientId, Millis, SafeListEntryId};
use crate::store::engine::{SqlConditions, below};
use crate::store::version::CachedDataset;
use crate::store::{AuditTrail, Change, Result, Store, params};

/// Whom the guard never blocks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SafeListEntry {
    pub id: SafeListEntryId,
    /// The operator's holds for all clients.
    pub client: ClientId,
    pub kind: SafeKind,
    pub value: String,
    pub created_ms: Millis,
}

/// The fields of [`SafeListEntry`].
const COLUMNS: &str = "SELECT id, client_id, kind, value, created_ms FROM sb_guard_safe";

/// All of all clients.
pub async fn all(store: &Store) -> Result<Vec<SafeListEntry>> {
    store.all(COLUMNS, Vec::new()).await
}

/// A client's, newest first.
pub async fn list(
    store: &Store,
    client: ClientId,
    after: Option<SafeListEntryId>,
    limit: usize,
) -> Result<Vec<SafeListEntry>> {
    let those = SqlConditions::of("client_id = ? AND id < ?", params![client, below(after)]);
    let (sql, params) = those.page(COLUMNS, "ORDER BY id DESC LIMIT ?", limit);
    store.all(sql, params).await
}

pub async fn find(store: &Store, client: ClientId, id: SafeListEntryId) -> Result<Option<SafeListEntry>> {
    store.first(format!("{COLUMNS} WHERE client_id = ? AND id = ?"), params![client, id]).await
}

/// The entry of a client for just this.
pub async fn find_value(store: &Store, client: ClientId, kind: SafeKind, value: &str) -> Result<Option<SafeListEntry>> {
    let sql = format!("{COLUMNS} WHERE client_id = ? AND kind = ? AND value = ?");
    store.first(sql, params![client, kind.name(), value]).await
}

/// [`crate::store::Error::Conflict`]: it is on the list.
pub async fn insert(store: &Store, entry: &SafeListEntry, audit: AuditTrail) -> Result<()> {
    let row = params![entry.id, entry.client, entry.kind.name(), entry.value.as_str(), entry.created_ms];
    let into = "INSERT INTO sb_guard_safe (id, client_id, kind, value, created_ms)";
    let change = Change::new().insert(into, vec![row]).versioned(CachedDataset::Guard);
    store.commit(change.audited(audit).settled_by_id("sb_guard_safe", entry.id)).await
}

/// [`crate::store::Error::Guard`]: it is not there.
pub async fn delete(store: &Store, entry: &SafeListEntry, audit: AuditTrail) -> Result<()> {
    let sql = "DELETE FROM sb_guard_safe WHERE client_id = ? AND id = ?";
    let change = Change::new().one(sql, params![entry.client, entry.id]).versioned(CachedDataset::Guard);
    store.commit(change.audited(audit)).await
}

/// What is set for a client, in JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredGuardSettings {
    pub client: ClientId,
    pub settings: String,
}

/// Of all that have their own.
pub async fn all_settings(store: &Store) -> Result<Vec<StoredGuardSettings>> {
    store.all("SELECT client_id, settings FROM sb_guard_setting", Vec::new()).await
}

/// Sets a client's in the place of those that were read. A race ([`crate::store::Error::is_race`]): they are others.
pub async fn write_settings(
    store: &Store,
    client: ClientId,
    (before, after): (Option<&str>, &str),
    at_ms: Millis,
    audit: AuditTrail,
) -> Result<()> {
    let change = match before {
        Some(before) => {
            let sql = "UPDATE sb_guard_setting SET settings = ?, changed_ms = ? WHERE client_id = ? AND settings = ?";
            Change::new().one(sql, params![after, at_ms, client, before])
        }
        None => {
            let into = "INSERT INTO sb_guard_setting (client_id, settings, changed_ms)";
            Change::new().insert(into, vec![params![client, after, at_ms]])
        }
    };
    store.commit(change.versioned(CachedDataset::Guard).audited(audit)).await
}
