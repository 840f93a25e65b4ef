//! Where clients want their events: `sb_endpoint`.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, de};

use super::delivery::turn;
use super::engine::{ColumnValues, at_most, below};
use super::version::CachedDataset;
use super::{AuditTrail, Change, Error, Result, Store, Value, params};
use crate::crypto::Aad;
use crate::model::event::EventPattern;
use crate::model::{ClientId, EndpointId, Millis};

/// What may be shown of an endpoint: everything but its secrets.
#[derive(Clone, Debug, Deserialize)]
pub struct Endpoint {
    pub id: EndpointId,
    pub url: String,
    pub description: String,
    #[serde(deserialize_with = "read_patterns")]
    pub patterns: Vec<EventPattern>,
    /// It is told of one object's events one after the other.
    pub is_ordered: bool,
    pub is_enabled: bool,
    /// Why we disabled it.
    pub reason: Option<String>,
    pub failing_since_ms: Option<Millis>,
    /// Until when the secret before this one signs too.
    pub previous_until_ms: Option<Millis>,
    pub created_ms: Millis,
    /// Moves with every change: whoever writes guards by it.
    pub changed_ms: Millis,
}

/// Which column a secret lies sealed in.
#[derive(Clone, Copy, Debug)]
pub enum EndpointSecretColumn {
    Current,
    Previous,
}

pub fn secret_place(row: &str, column: EndpointSecretColumn) -> Aad<'_> {
    let column = match column {
        EndpointSecretColumn::Current => "secret",
        EndpointSecretColumn::Previous => "previous_secret",
    };
    Aad { table: "sb_endpoint", row, column }
}

/// The fields of [`Endpoint`].
const COLUMNS: &str = "SELECT id, url, description, event_types, ordered, state = 'enabled', reason, failing_since_ms, \
                       previous_until_ms, created_ms, changed_ms FROM sb_endpoint";

fn read_patterns<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<EventPattern>, D::Error> {
    String::deserialize(from)?.split(',').map(|part| part.parse().map_err(de::Error::custom)).collect()
}

fn write_patterns(patterns: &[EventPattern]) -> String {
    patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn state(is_enabled: bool) -> &'static str {
    if is_enabled { "enabled" } else { "disabled" }
}

/// A client's endpoints, newest first, starting after the endpoint `after`.
pub async fn list(store: &Store, client: ClientId, after: Option<EndpointId>, limit: usize) -> Result<Vec<Endpoint>> {
    let sql = format!("{COLUMNS} WHERE client_id = ? AND id < ? ORDER BY id DESC LIMIT ?");
    store.all(sql, params![client, below(after), at_most(limit)]).await
}

pub async fn find(store: &Store, client: ClientId, id: EndpointId) -> Result<Option<Endpoint>> {
    store.first(format!("{COLUMNS} WHERE id = ? AND client_id = ?"), params![id, client]).await
}

/// How many a client has.
pub async fn count(store: &Store, client: ClientId) -> Result<i64> {
    let count = store.first("SELECT COUNT(*) FROM sb_endpoint WHERE client_id = ?", params![client]).await?;
    Ok(count.unwrap_or(0))
}

/// The secret that signs now, sealed.
pub async fn sealed_secret(store: &Store, client: ClientId, id: EndpointId) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT secret FROM sb_endpoint WHERE id = ? AND client_id = ?";
    store.first(sql, params![id, client]).await
}

pub async fn insert(
    store: &Store,
    client: ClientId,
    endpoint: &Endpoint,
    sealed: Vec<u8>,
    entry: AuditTrail,
) -> Result<()> {
    let fixed: ColumnValues = vec![
        ("id", endpoint.id.into()),
        ("client_id", client.into()),
        ("secret", sealed.into()),
        ("created_ms", endpoint.created_ms.into()),
    ];
    let change = Change::new().insert_row("sb_endpoint", [fixed, endpoint.columns()].concat());
    let change = change.versioned(CachedDataset::Endpoints).audited(entry);
    store.commit(change.settled_by_id("sb_endpoint", endpoint.id)).await
}

impl Endpoint {
    /// What may be changed of it, but for its secrets.
    fn columns(&self) -> ColumnValues {
        vec![
            ("url", self.url.as_str().into()),
            ("description", self.description.as_str().into()),
            ("event_types", write_patterns(&self.patterns).into()),
            ("state", state(self.is_enabled).into()),
            ("reason", self.reason.as_deref().into()),
            ("failing_since_ms", self.failing_since_ms.into()),
            ("changed_ms", self.changed_ms.into()),
            ("ordered", self.is_ordered.into()),
        ]
    }
}

/// Writes an endpoint over what was read as `seen`. A race means that it has changed since.
pub async fn update(store: &Store, client: ClientId, seen: &Endpoint, to: &Endpoint, entry: AuditTrail) -> Result<()> {
    let key = [("id", seen.id.into()), ("client_id", client.into())];
    let read = vec![("changed_ms", seen.changed_ms.into())];
    let change = Change::new().rewrite("sb_endpoint", to.columns(), key, read);
    commit(store, change.audited(entry), to).await?;
    if seen.is_ordered && seen.is_enabled && !(to.is_ordered && to.is_enabled) {
        turn::release_all(store, to.id, to.changed_ms).await;
    }
    Ok(())
}

/// A new secret, the one before it sealed into its own column. A race means that the endpoint has changed.
pub async fn rotate(
    store: &Store,
    client: ClientId,
    seen: &Endpoint,
    to: &Endpoint,
    sealed: Vec<u8>,
    previous: Vec<u8>,
    entry: AuditTrail,
) -> Result<()> {
    let sql = "UPDATE sb_endpoint SET secret = ?, previous_secret = ?, previous_until_ms = ?, changed_ms = ? \
               WHERE id = ? AND client_id = ? AND changed_ms = ?";
    let values = params![sealed, previous, to.previous_until_ms, to.changed_ms, seen.id, client, seen.changed_ms];
    commit(store, Change::new().one(sql, values).audited(entry), to).await
}

async fn commit(store: &Store, change: Change, to: &Endpoint) -> Result<()> {
    let settled = "SELECT 1 FROM sb_endpoint WHERE id = ? AND changed_ms = ?";
    let change = change.versioned(CachedDataset::Endpoints);
    store.commit(change.settled_by(settled, params![to.id, to.changed_ms])).await
}

/// Commits that an endpoint is told of nothing any more. Whether it was there as it was read.
async fn end(store: &Store, change: Change, id: EndpointId, now_ms: Millis) -> Result<bool> {
    match store.commit(change.versioned(CachedDataset::Endpoints)).await {
        Err(Error::Guard(_)) => return Ok(false),
        done => done?,
    }
    turn::release_all(store, id, now_ms).await;
    Ok(true)
}

/// Removes an endpoint; its deliveries end when they next come up. Whether there was one.
pub async fn delete(
    store: &Store,
    client: ClientId,
    id: EndpointId,
    now_ms: Millis,
    entry: AuditTrail,
) -> Result<bool> {
    let sql = "DELETE FROM sb_endpoint WHERE id = ? AND client_id = ?";
    end(store, Change::new().one(sql, params![id, client]).audited(entry), id, now_ms).await
}

/// Disables an endpoint that is still as it was when its delivery was claimed, and says why.
pub async fn disable(store: &Store, id: EndpointId, seen_ms: Millis, reason: &str, now_ms: Millis) -> Result<bool> {
    let sql = "UPDATE sb_endpoint SET state = 'disabled', reason = ?, changed_ms = ? \
               WHERE id = ? AND changed_ms = ? AND state = 'enabled'";
    let changed_ms = now_ms.max(seen_ms + 1);
    let values: Vec<Value> = params![reason, changed_ms, id, seen_ms];
    end(store, Change::new().one(sql, values), id, now_ms).await
}

/// What every client listens for.
#[derive(Debug, Default)]
pub struct EndpointSubscriptionsByClient {
    pub by_client: HashMap<ClientId, Vec<EndpointSubscription>>,
    /// One of them at least is told of one object's events one after the other.
    pub has_ordered: bool,
}

/// What an endpoint listens for, and how.
#[derive(Clone, Debug, Deserialize)]
pub struct EndpointSubscription {
    pub id: EndpointId,
    #[serde(deserialize_with = "read_patterns")]
    pub patterns: Vec<EventPattern>,
    pub is_ordered: bool,
}

pub async fn listeners(store: &Store) -> Result<EndpointSubscriptionsByClient> {
    let sql = "SELECT client_id, id, event_types, ordered FROM sb_endpoint WHERE state = 'enabled'";
    let mut listeners = EndpointSubscriptionsByClient::default();
    for (client, one) in store.all::<(ClientId, EndpointSubscription)>(sql, Vec::new()).await? {
        listeners.has_ordered |= one.is_ordered;
        listeners.by_client.entry(client).or_default().push(one);
    }
    Ok(listeners)
}
