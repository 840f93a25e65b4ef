//! What the guard against pumping knows: what was verified, what it decided, how its levels stood, and its lists.

pub mod decision;
pub mod level;
pub mod list;

use std::net::IpAddr;

use super::sweep::RetentionCursor;
use super::{Change, Query, Result, Row, Store, Value, params};
use crate::model::guard::{DAY_MS, GuardOrigin, HOUR_MS, prefix};
use crate::model::{Address, ClientId, Millis, VerificationId};

/// A verification that was approved: its commit writes it.
#[derive(Clone, Debug)]
pub struct VerifiedFact {
    pub client: ClientId,
    pub verification: VerificationId,
    /// Folded.
    pub address: String,
    pub country: String,
    pub prefix: String,
    /// From where it was asked for, where that is known.
    pub device_network: Option<String>,
    pub at_ms: Millis,
}

impl VerifiedFact {
    pub fn new(
        client: ClientId,
        verification: VerificationId,
        to: &Address,
        device_ip: Option<IpAddr>,
        at_ms: Millis,
    ) -> Self {
        let GuardOrigin { country, prefix, network, .. } = GuardOrigin::of(to, device_ip);
        let address = to.folded().into_owned();
        Self { client, verification, address, country, prefix, device_network: network, at_ms }
    }

    fn values(&self) -> Vec<Value> {
        params![
            self.verification,
            self.client,
            self.address.as_str(),
            self.country.as_str(),
            self.prefix.as_str(),
            self.device_network.clone(),
            self.at_ms.div_euclid(DAY_MS),
            self.at_ms,
        ]
    }
}

const INSERT: &str =
    "INSERT INTO sb_guard_verified (verification_id, client_id, address, country, prefix, network, day, at_ms)";

/// Writes a fact with the approval that it is of.
pub fn verified(change: Change, fact: &VerifiedFact) -> Change {
    change.insert(INSERT, vec![fact.values()])
}

/// The same of many approvals in one commit.
pub fn all_verified(change: Change, facts: &[VerifiedFact]) -> Change {
    change.insert(INSERT, facts.iter().map(VerifiedFact::values).collect())
}

/// How many were verified in a country: on each UTC day since one, and since two times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountryFacts {
    pub days: Vec<(i64, i64)>,
    pub in_day: i64,
    pub in_hour: i64,
}

/// Counts a country's: by days from `first_day` on, and those of the last day and of the last hour.
pub async fn country_facts(
    store: &Store,
    client: ClientId,
    country: &str,
    first_day: i64,
    now_ms: Millis,
) -> Result<CountryFacts> {
    let by_day = "SELECT day, COUNT(*) FROM sb_guard_verified WHERE client_id = ? AND country = ? AND at_ms >= ? \
                  GROUP BY day";
    let since = "SELECT COUNT(*) FROM sb_guard_verified WHERE client_id = ? AND country = ? AND at_ms > ?";
    let of = |sql: &'static str, at_ms: Millis| Query::new(sql, params![client, country, at_ms]);
    let queries =
        vec![of(by_day, first_day.saturating_mul(DAY_MS)), of(since, now_ms - DAY_MS), of(since, now_ms - HOUR_MS)];
    // a best day has many rows: that is a reader's work
    let found = store.read(queries).await?;
    let count = |nth: usize| found.get(nth).and_then(|rows| rows.first()).map_or(Ok(0), |row| row.int(0));
    let days = found.first().into_iter().flatten().map(Row::read).collect::<Result<Vec<(i64, i64)>>>()?;
    Ok(CountryFacts { days, in_day: count(1)?, in_hour: count(2)? })
}

/// How many were verified since a time, in each of these prefixes, or from each of these networks.
pub async fn counts_since(
    store: &Store,
    client: ClientId,
    column: VerifiedColumn,
    names: &[String],
    since_ms: Millis,
) -> Result<Vec<(String, i64)>> {
    const NAMES: usize = 256;
    let column = column.name();
    let sql = format!(
        "SELECT {column}, COUNT(*) FROM sb_guard_verified WHERE client_id = ? AND at_ms > ? AND {column} IN ({{}}) \
         GROUP BY {column}"
    );
    let mut all = Vec::new();
    for some in names.chunks(NAMES) {
        let keys = some.iter().map(|name| Value::from(name.as_str())).collect();
        let query = Query::over(sql.clone(), &[client.into(), since_ms.into()], keys);
        let rows = store.read(vec![query]).await?.concat();
        for row in &rows {
            all.push((row.text(0)?.to_owned(), row.int(1)?));
        }
    }
    Ok(all)
}

/// By what verified ones are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifiedColumn {
    Prefix,
    Network,
}

impl VerifiedColumn {
    fn name(self) -> &'static str {
        match self {
            Self::Prefix => "prefix",
            Self::Network => "network",
        }
    }
}

/// A number that may have been verified for a client, since a time and until another.
pub struct AskedNumber {
    pub client: ClientId,
    pub to: Address,
    pub since_ms: Millis,
    pub until_ms: Millis,
}

/// Of each of these numbers whether it was.
pub async fn were_verified(store: &Store, asked: &[AskedNumber]) -> Result<Vec<bool>> {
    const NUMBERS: usize = 64;
    // numbers of a prefix are few: they need no index of their own
    let sql = "SELECT 1 FROM sb_guard_verified WHERE client_id = ? AND prefix = ? AND at_ms > ? AND at_ms <= ? \
               AND address = ? LIMIT 1";
    let query = |AskedNumber { client, to, since_ms, until_ms }: &AskedNumber| {
        Query::new(sql, params![*client, prefix(to), *since_ms, *until_ms, to.folded().into_owned()])
    };
    let mut all = Vec::with_capacity(asked.len());
    for some in asked.chunks(NUMBERS) {
        let found = store.look_up(some.iter().map(query).collect()).await?;
        all.extend(found.iter().map(|rows| !rows.is_empty()));
    }
    Ok(all)
}

/// Of these verifications those that were approved.
pub async fn approved_of(store: &Store, verifications: &[VerificationId]) -> Result<Vec<VerificationId>> {
    let keys = verifications.iter().map(Value::from).collect();
    let sql = "SELECT verification_id FROM sb_guard_verified WHERE verification_id IN ({})";
    store.look_up_each(sql, keys).await?.iter().map(|row| row.id(0)).collect()
}

/// What was verified long ago, removed batch by batch.
#[derive(Debug)]
pub struct OldVerified {
    walk: RetentionCursor,
    before_ms: Millis,
}

impl OldVerified {
    pub fn before(before_ms: Millis) -> Self {
        Self { walk: RetentionCursor::before(before_ms), before_ms }
    }

    /// Removes a batch; whether there may be more.
    pub async fn remove(&mut self, store: &Store) -> Result<bool> {
        let find = "SELECT verification_id, at_ms FROM sb_guard_verified WHERE verification_id > ? AND \
                    verification_id < ? ORDER BY verification_id LIMIT ?";
        let passed = self.walk.go_on(store, find).await?;
        let mut keys = Vec::new();
        for row in &passed.rows {
            if row.int(1)? < self.before_ms {
                keys.push(row.key(0)?);
            }
        }
        if !keys.is_empty() {
            let sql = "DELETE FROM sb_guard_verified WHERE verification_id IN ({})";
            store.commit(Change::new().any(sql, &[], &keys)).await?;
        }
        Ok(passed.may_be_more)
    }
}
