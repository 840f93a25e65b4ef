//! What destinations cost: `sb_rate`.

use std::time::Duration;

use super::engine::{ColumnValues, SqlConditions, readable};
use super::version::CachedDataset;
use super::{AuditTrail, Change, Result, Row, Store, Value, params};
use crate::model::{Millis, Money, PricedChannel, RateId};

/// How long a whole card may take to be written.
const CARD: Duration = Duration::from_secs(60);

/// A price of a segment, of a message with pictures, or of a call.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Rate {
    pub id: RateId,
    pub channel: PricedChannel,
    /// Digits behind the plus; empty: all destinations.
    pub prefix: String,
    pub price: Money,
    pub from_ms: Millis,
    /// `None`: until another takes its place.
    pub until_ms: Option<Millis>,
}

/// The fields of [`Rate`].
const COLUMNS: &str = "id, channel, prefix, price, from_ms, until_ms";

/// All rates: of one destination the newest first.
pub async fn all(store: &Store) -> Result<Vec<Rate>> {
    every(store).await?.iter().map(Row::read).collect()
}

/// The same of those that can be read.
pub async fn usable(store: &Store) -> Result<Vec<Rate>> {
    Ok(readable("a rate", &every(store).await?, Row::read))
}

async fn every(store: &Store) -> Result<Vec<Row>> {
    let sql = format!("SELECT {COLUMNS} FROM sb_rate ORDER BY channel, prefix, from_ms DESC");
    store.query(sql, Vec::new()).await
}

/// What a rate is for: there is one of each.
pub type TariffRateKey = (PricedChannel, String, Millis);

impl Rate {
    pub fn slot(&self) -> TariffRateKey {
        (self.channel, self.prefix.clone(), self.from_ms)
    }

    /// What may be changed of it.
    fn columns(&self) -> ColumnValues {
        vec![("price", self.price.into()), ("until_ms", self.until_ms.into())]
    }

    fn values(&self) -> Vec<Value> {
        params![self.id, self.channel.name(), self.prefix.as_str(), self.price, self.from_ms, self.until_ms]
    }
}

/// Which rates a list holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub channel: Option<PricedChannel>,
    /// Of destinations that begin with these digits.
    pub prefix: Option<String>,
    /// In force at this time.
    pub at_ms: Option<Millis>,
    /// Behind this one.
    pub after: Option<TariffRateKey>,
}

/// Rates by channel, prefix and time.
pub async fn list(store: &Store, filter: &Filter, limit: usize) -> Result<Vec<Rate>> {
    let mut those = SqlConditions::of("1 = 1", Vec::new())
        .and_some("channel = ?", filter.channel.map(PricedChannel::name))
        .and_some("from_ms <= ? AND (until_ms IS NULL OR until_ms > ?)", filter.at_ms);
    if let Some(prefix) = &filter.prefix {
        // a colon is above every digit
        those = those.and("prefix >= ? AND prefix < ?", params![prefix.as_str(), format!("{prefix}:")]);
    }
    if let Some((channel, prefix, from_ms)) = &filter.after {
        let (channel, prefix) = (channel.name(), prefix.as_str());
        // the first condition is what the index can begin at
        let behind = "channel >= ? AND (channel > ? OR prefix > ? OR (prefix = ? AND from_ms > ?))";
        those = those.and(behind, params![channel, channel, prefix, prefix, *from_ms]);
    }
    let select = format!("SELECT {COLUMNS} FROM sb_rate");
    let (sql, params) = those.page(&select, "ORDER BY channel, prefix, from_ms LIMIT ?", limit);
    store.all(sql, params).await
}

pub async fn find(store: &Store, id: RateId) -> Result<Option<Rate>> {
    store.first(format!("SELECT {COLUMNS} FROM sb_rate WHERE id = ?"), params![id]).await
}

const INSERT: &str = "INSERT INTO sb_rate (id, channel, prefix, price, from_ms, until_ms)";

/// [`super::Error::Conflict`]: there is a rate of this channel and prefix that begins at this time.
pub async fn insert(store: &Store, rate: &Rate, entry: AuditTrail) -> Result<()> {
    let change = Change::new().insert(INSERT, vec![rate.values()]);
    store.commit(change.versioned(CachedDataset::Tariff).audited(entry).settled_by_id("sb_rate", rate.id)).await
}

/// Changes price and end. [`super::Error::Guard`]: it is not there, or another than was read.
pub async fn update(store: &Store, before: &Rate, rate: &Rate, entry: AuditTrail) -> Result<()> {
    let change = Change::new().rewrite("sb_rate", rate.columns(), [("id", rate.id.into())], before.columns());
    store.commit(change.versioned(CachedDataset::Tariff).audited(entry)).await
}

/// [`super::Error::Guard`]: it is not there, or another than was read.
pub async fn delete(store: &Store, before: &Rate, entry: AuditTrail) -> Result<()> {
    let change = Change::new().one_as_read("DELETE FROM sb_rate WHERE id = ?", params![before.id], before.columns());
    store.commit(change.versioned(CachedDataset::Tariff).audited(entry)).await
}

/// Writes a card in one go: instead of all rates, or of those whose ids are among `gone`, each of which must be there.
pub async fn write_card(
    store: &Store,
    card: &[Rate],
    instead_of_all: bool,
    gone: &[RateId],
    entry: AuditTrail,
) -> Result<()> {
    let change = if instead_of_all {
        Change::new().run("DELETE FROM sb_rate", Vec::new())
    } else {
        let gone: Vec<Value> = gone.iter().map(Value::from).collect();
        Change::new().each("DELETE FROM sb_rate WHERE id IN ({})", &[], &gone)
    };
    let change = change.insert(INSERT, card.iter().map(Rate::values).collect());
    store.patient(CARD).commit(change.versioned(CachedDataset::Tariff).audited(entry)).await
}
