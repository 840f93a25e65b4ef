//! Senders of ours: `sb_number`.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::engine::{ColumnValues, SqlConditions, below, blocking, readable};
use super::version::CachedDataset;
use super::{AuditTrail, Change, CorePace, Result, Row, Store, Value, params};
use crate::model::{AccountId, ClientId, Country, Millis, NumberId, NumberImportId, PoolId, named};

/// What a text to a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum InboundTextPolicy {
    /// Told to the client's endpoints.
    Forward,
    /// A paired phone's encrypted text.
    Encrypted,
}

named!(InboundTextPolicy, Forward, Encrypted);

/// What a number can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum NumberCapability {
    Sms,
    Mms,
    Voice,
    Whatsapp,
}

named!(NumberCapability, Sms, Mms, Voice, Whatsapp);

/// As a number's column holds them: `sms`, `mms`, `voice`, `whatsapp`, with commas between.
fn written(capabilities: &[NumberCapability]) -> String {
    capabilities.iter().map(|one| one.name()).collect::<Vec<_>>().join(",")
}

/// Reads what [`written`] wrote; what is not known here keeps the rest from nobody.
fn read(text: &str) -> Vec<NumberCapability> {
    text.split(',').filter_map(NumberCapability::parse).collect()
}

fn read_capabilities<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<NumberCapability>, D::Error> {
    String::deserialize(from).map(|text| read(&text))
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Number {
    pub id: NumberId,
    pub client: ClientId,
    pub account: AccountId,
    pub address: String,
    #[serde(deserialize_with = "read_capabilities")]
    pub capabilities: Vec<NumberCapability>,
    pub meaning: InboundTextPolicy,
    /// Segments a second at most; 0: no limit.
    pub rate: i64,
    /// To which platform encrypted texts go.
    pub platform: Option<String>,
    pub country: Option<String>,
    /// The pool that it is in.
    pub pool: Option<PoolId>,
    pub created_ms: Millis,
    /// Never chosen: only who names it sends from it.
    pub is_reserved: bool,
}

/// The fields of [`Number`].
const COLUMNS: &str = "SELECT n.id, n.client_id, n.account_id, n.address, n.capabilities, n.meaning, n.rate, \
     n.platform, n.country, n.pool_id, n.created_ms, n.reserved FROM sb_number n";

/// Whether a row `n` of `sb_number` is a number of ours yet: an import may be bringing it still.
macro_rules! is_there {
    () => {
        "(n.import_id IS NULL OR EXISTS \
         (SELECT 1 FROM sb_number_import i WHERE i.id = n.import_id AND i.state = 'done'))"
    };
}

pub(super) use is_there;

const IS_THERE: &str = is_there!();

/// How long reading all numbers may take: a million are read at leisure.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every number that can be read, oldest first.
pub async fn all(store: &Store) -> Result<Vec<Number>> {
    let sql = format!("{COLUMNS} WHERE {IS_THERE} ORDER BY id");
    let rows = store.patient(PATIENCE).query(sql, Vec::new()).await?;
    blocking(move || {
        let mut pace = CorePace::default();
        // each is freed as it is read: freeing all at once would hold a core too
        let rows = rows.into_iter().inspect(|_| pace.step());
        rows.flat_map(|row| readable("a number", &[row], Row::read::<Number>)).collect()
    })
    .await
}

/// What a list of numbers is narrowed to, and the number behind which it goes on.
#[derive(Clone, Debug, Default)]
pub struct NumberFilter {
    pub after: Option<NumberId>,
    pub address: Option<String>,
    pub country: Option<Country>,
    pub pool: Option<PoolId>,
    pub is_reserved: Option<bool>,
}

/// A client's numbers, newest first.
pub async fn list(store: &Store, client: ClientId, filter: &NumberFilter, limit: usize) -> Result<Vec<Number>> {
    let (sql, params) = SqlConditions::of("client_id = ? AND id < ?", params![client, below(filter.after)])
        .and(IS_THERE, Vec::new())
        .and_some("address = ?", filter.address.as_deref())
        .and_some("country = ?", filter.country.as_ref().map(Country::name))
        .and_some("pool_id = ?", filter.pool)
        .and_some("reserved = ?", filter.is_reserved)
        .page(COLUMNS, "ORDER BY id DESC LIMIT ?", limit);
    store.all(sql, params).await
}

pub async fn find(store: &Store, client: ClientId, id: NumberId) -> Result<Option<Number>> {
    store.first(format!("{COLUMNS} WHERE id = ? AND client_id = ? AND {IS_THERE}"), params![id, client]).await
}

/// [`super::Error::Conflict`]: the number is somebody's already. [`super::Error::Guard`]: there is no such account.
pub async fn insert(store: &Store, number: &Number, entry: AuditTrail) -> Result<()> {
    let fixed: ColumnValues = vec![
        ("id", number.id.into()),
        ("client_id", number.client.into()),
        ("address", number.address.as_str().into()),
        ("country", number.country.clone().into()),
        ("created_ms", number.created_ms.into()),
    ];
    let columns = [fixed, number.columns()].concat();
    // as long as the account is held, nobody deletes it
    let change = Change::new().one("UPDATE sb_account SET id = id WHERE id = ?", params![number.account]);
    let change = change.insert_row("sb_number", columns).versioned(CachedDataset::Directory).audited(entry);
    store.commit(change.settled_by_id("sb_number", number.id)).await
}

impl Change {
    /// Inserts numbers that an import brings, with their pools. [`super::Error::Conflict`]: one is somebody's already.
    #[must_use]
    pub(super) fn imported(self, import: NumberImportId, numbers: &[Number]) -> Self {
        let into = "INSERT INTO sb_number (id, client_id, account_id, address, capabilities, meaning, rate, platform, \
                    country, pool_id, created_ms, reserved, import_id)";
        let row = |number: &Number| {
            params![
                number.id,
                number.client,
                number.account,
                number.address.as_str(),
                written(&number.capabilities),
                number.meaning.name(),
                number.rate,
                number.platform.clone(),
                number.country.clone(),
                number.pool,
                number.created_ms,
                number.is_reserved,
                import,
            ]
        };
        self.insert(into, numbers.iter().map(row).collect())
    }
}

impl Number {
    /// What may be changed of it: all but the number itself and whose it is.
    fn columns(&self) -> ColumnValues {
        vec![
            ("account_id", self.account.into()),
            ("capabilities", written(&self.capabilities).into()),
            ("meaning", self.meaning.name().into()),
            ("rate", self.rate.into()),
            ("platform", self.platform.clone().into()),
            ("reserved", self.is_reserved.into()),
        ]
    }
}

impl Change {
    /// Holds to it that a number is as it was read, and in no open session. In two statements: one alone may look for
    /// sessions, and only then wait for the row, while whoever has it begins one.
    #[must_use]
    pub(super) fn with_idle_number(self, client: ClientId, id: NumberId, before: ColumnValues) -> Self {
        let held = "UPDATE sb_number SET id = id WHERE id = ? AND client_id = ?";
        let idle = "UPDATE sb_number SET id = id WHERE id = ? \
                    AND NOT EXISTS (SELECT 1 FROM sb_pair s WHERE s.number_id = ?)";
        self.one_as_read(held, params![id, client], before).one(idle, params![id, id])
    }
}

/// How many open sessions it is in.
pub async fn open_sessions(store: &Store, id: NumberId) -> Result<i64> {
    let sql = "SELECT COUNT(DISTINCT session_id) FROM sb_pair WHERE number_id = ?";
    Ok(store.first(sql, params![id]).await?.unwrap_or(0))
}

/// The same of each of these that is in any.
pub async fn open_sessions_of(store: &Store, ids: &[NumberId]) -> Result<HashMap<NumberId, i64>> {
    let sql = "SELECT number_id, COUNT(DISTINCT session_id) FROM sb_pair WHERE number_id IN ({}) GROUP BY number_id";
    let found = store.look_up_each(sql, ids.iter().map(Value::from).collect()).await?;
    found.iter().map(Row::read::<(NumberId, i64)>).collect()
}

/// [`super::Error::Guard`]: it is not there, or another than was read.
pub async fn update(store: &Store, before: &Number, number: &Number, now_ms: Millis, entry: AuditTrail) -> Result<()> {
    let key = [("id", number.id.into()), ("client_id", number.client.into())];
    let mut change = Change::new().rewrite("sb_number", number.columns(), key, before.columns());
    if before.is_reserved != number.is_reserved {
        // in an exclusive pool it is not free while it is reserved
        let free_ms = (!number.is_reserved).then_some(now_ms);
        let sql = "UPDATE sb_pool_number SET free_ms = ? WHERE number_id = ? AND session_id IS NULL";
        change = change.run(sql, params![free_ms, number.id]);
    }
    store.commit(change.versioned(CachedDataset::Directory).audited(entry)).await
}

/// Lets a number go; its messages stay. [`super::Error::Guard`]: it is not there, another than was read, or in an open
/// session.
pub async fn delete(store: &Store, before: &Number, entry: AuditTrail) -> Result<()> {
    let change = Change::new()
        .with_idle_number(before.client, before.id, before.columns())
        .one("DELETE FROM sb_number WHERE id = ?", params![before.id])
        .run("DELETE FROM sb_pool_number WHERE number_id = ?", params![before.id]);
    store.commit(change.versioned(CachedDataset::Directory).audited(entry)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_as_they_are_written() {
        for text in ["", "sms", "sms,mms,voice,whatsapp", "voice,sms"] {
            assert_eq!(written(&read(text)), text);
        }
        assert_eq!(read("sms,fax"), [NumberCapability::Sms]);
    }
}
