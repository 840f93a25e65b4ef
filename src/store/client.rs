//! Consumers of the API: `sb_client`, each but the operator with a balance. The operator is not changed here.

use serde::{Deserialize, Deserializer};

use super::engine::{at_most, below, patched, readable};
use super::ledger::{self, LedgerMovement};
use super::version::CachedDataset;
use super::{AuditTrail, Change, Result, Row, Store, Value, params};
use crate::crypto::Aad;
use crate::model::{ClientId, Country, Millis, Money};

#[derive(Clone, Debug, Deserialize)]
pub struct Client {
    pub id: ClientId,
    pub name: String,
    /// Who they are, as JSON.
    pub profile: Option<String>,
    /// Sealed; see [`place`].
    pub auth_token: Option<Vec<u8>>,
    pub is_active: bool,
    /// Where numbers are that it writes without a country code.
    #[serde(deserialize_with = "known_country")]
    pub country: Option<Country>,
    pub created_ms: Millis,
    pub balance: Money,
    /// How far below zero the balance may fall.
    pub credit_limit: Money,
    /// Below what they are told that it is low.
    pub low_at: Option<Money>,
}

/// What of a client is kept in memory.
#[derive(Clone, Debug, Deserialize)]
pub struct CachedClient {
    pub id: ClientId,
    pub name: String,
    pub auth_token: Option<Vec<u8>>,
    pub is_active: bool,
    #[serde(deserialize_with = "known_country")]
    pub country: Option<Country>,
}

/// Where a client's auth token lies sealed.
pub fn place(row: &str) -> Aad<'_> {
    Aad { table: "sb_client", row, column: "auth_token" }
}

/// The fields of [`Client`].
const COLUMNS: &str = "SELECT c.id, c.name, c.profile, c.auth_token, c.is_active, c.country, c.created_ms, \
     b.balance, b.credit_limit, b.low_at FROM sb_client c JOIN sb_balance b ON b.client_id = c.id";

/// One that no plan has any more is none.
fn known_country<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Country>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.and_then(|name| name.parse().ok()))
}

fn named(country: Option<Country>) -> Value {
    country.map(|country| country.to_string()).into()
}

/// Newest first, starting after the client `after`; the operator is not among them.
pub async fn list(store: &Store, after: Option<ClientId>, limit: usize) -> Result<Vec<Client>> {
    let sql = format!("{COLUMNS} WHERE c.id < ? ORDER BY c.id DESC LIMIT ?");
    store.all(sql, params![below(after), at_most(limit)]).await
}

pub async fn find(store: &Store, client: ClientId) -> Result<Option<Client>> {
    store.first(format!("{COLUMNS} WHERE c.id = ?"), params![client]).await
}

/// All of them, the operator too.
pub async fn known(store: &Store) -> Result<Vec<CachedClient>> {
    let rows = store.query("SELECT id, name, auth_token, is_active, country FROM sb_client", Vec::new()).await?;
    // one that cannot be read is nobody
    Ok(readable("a client", &rows, Row::read))
}

/// Makes a client with its balance, and what it has paid in. [`super::Error::Conflict`]: it is there.
pub async fn insert(store: &Store, client: &Client, paid: Option<&LedgerMovement>, entry: AuditTrail) -> Result<()> {
    let columns = vec![
        ("id", client.id.into()),
        ("name", client.name.as_str().into()),
        ("profile", client.profile.clone().into()),
        ("auth_token", client.auth_token.clone().into()),
        ("is_active", client.is_active.into()),
        ("created_ms", client.created_ms.into()),
        ("country", named(client.country)),
    ];
    let change = Change::new().insert_row("sb_client", columns);
    let change = ledger::open(change, client.id, client.credit_limit, client.low_at);
    let change = match paid {
        Some(movement) => ledger::enter(change, movement),
        None => change,
    };
    store.commit(change.versioned(CachedDataset::Clients).audited(entry).settled_by_id("sb_client", client.id)).await
}

/// What is to change of a client; what is not given stays as it is by then.
#[derive(Clone, Debug, Default)]
pub struct ClientUpdate {
    pub name: Option<String>,
    pub profile: Option<Option<String>>,
    pub is_active: Option<bool>,
    pub country: Option<Option<Country>>,
    pub credit_limit: Option<Money>,
    pub low_at: Option<Option<Money>>,
}

impl ClientUpdate {
    /// The client as it will be.
    pub fn of(&self, before: &Client) -> Client {
        let mut client = before.clone();
        client.name = self.name.clone().unwrap_or(client.name);
        client.profile = self.profile.clone().unwrap_or(client.profile);
        client.is_active = self.is_active.unwrap_or(client.is_active);
        client.country = self.country.unwrap_or(client.country);
        client.credit_limit = self.credit_limit.unwrap_or(client.credit_limit);
        client.low_at = self.low_at.unwrap_or(client.low_at);
        client
    }
}

/// [`super::Error::Guard`]: it is not there, or what is to change is another than was read; or it owes more than the
/// new credit limit.
pub async fn update(store: &Store, before: &Client, set: ClientUpdate, entry: AuditTrail) -> Result<()> {
    let id = Value::from(before.id);
    let (columns, read) = patched([
        ("name", set.name.map(Value::from), before.name.as_str().into()),
        ("is_active", set.is_active.map(Value::from), before.is_active.into()),
        ("profile", set.profile.map(Value::from), before.profile.clone().into()),
        ("country", set.country.map(named), named(before.country)),
    ]);
    let mut change = Change::new().rewrite("sb_client", columns, [("id", id.clone())], read);
    if let Some(limit) = set.credit_limit {
        let sql = "UPDATE sb_balance SET credit_limit = ? WHERE client_id = ? AND balance + ? >= 0";
        let read = vec![("credit_limit", before.credit_limit.into())];
        change = change.one_as_read(sql, params![limit, id.clone(), limit], read);
    }
    if let Some(low_at) = set.low_at {
        // another threshold, another message about it
        let sql = "UPDATE sb_balance SET low_at = ?, low_told = CASE WHEN low_told = 2 THEN 2 ELSE 0 END \
                   WHERE client_id = ?";
        change = change.one_as_read(sql, params![low_at, id], vec![("low_at", before.low_at.into())]);
    }
    store.commit(change.versioned(CachedDataset::Clients).audited(entry)).await
}

/// Puts another auth token in place of the old one. [`super::Error::Guard`]: there is no such client.
pub async fn set_token(store: &Store, client: ClientId, sealed: Vec<u8>, entry: AuditTrail) -> Result<()> {
    let sql = "UPDATE sb_client SET auth_token = ? WHERE id = ?";
    store.commit(Change::new().one(sql, params![sealed, client]).versioned(CachedDataset::Clients).audited(entry)).await
}
