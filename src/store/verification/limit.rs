//! Limits of clients' own, `sb_verification_limit`; and what was sent, where that is counted.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::crypto::hash;
use crate::model::window::WindowLimit;
use crate::model::{
    ClientId, FromBytes as _, Id, LimitBucketId, MessageId, Millis, VerificationLimitId, VerificationServiceId,
};
use crate::store::engine::{ColumnValues, SqlConditions, at_most, below, readable};
use crate::store::version::CachedDataset;
use crate::store::{AuditTrail, Change, Error, Result, Row, Store, Value, params};

/// So many sends may be within so long, of each value that a limit is named with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitBucket {
    pub id: LimitBucketId,
    pub most: u32,
    pub interval_ms: Millis,
    pub created_ms: Millis,
    pub changed_ms: Millis,
}

impl LimitBucket {
    pub fn limit(&self) -> WindowLimit {
        WindowLimit { most: self.most, within_ms: self.interval_ms }
    }
}

/// A limit of a client's own, which its orders name with what is counted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NamedLimit {
    pub id: VerificationLimitId,
    pub client: ClientId,
    /// Of this service alone; `None`: of all that the client verifies.
    pub service: Option<VerificationServiceId>,
    pub name: String,
    pub description: String,
    #[serde(deserialize_with = "read")]
    pub buckets: Vec<LimitBucket>,
    pub created_ms: Millis,
    pub changed_ms: Millis,
}

/// The fields of [`NamedLimit`].
const COLUMNS: &str =
    "SELECT id, client_id, service_id, name, description, buckets, created_ms, changed_ms FROM sb_verification_limit";

/// A bucket as the column of its limit holds it.
#[derive(Deserialize, Serialize)]
struct StoredBucket {
    id: String,
    most: u32,
    interval_ms: Millis,
    created_ms: Millis,
    changed_ms: Millis,
}

fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<LimitBucket>, D::Error> {
    let stored: Vec<StoredBucket> = serde_json::from_str(&String::deserialize(from)?).map_err(D::Error::custom)?;
    let bucket = |one: StoredBucket| -> Result<LimitBucket, D::Error> {
        let mut bytes = [0_u8; 16];
        hex::decode_to_slice(&one.id, &mut bytes).map_err(D::Error::custom)?;
        let StoredBucket { most, interval_ms, created_ms, changed_ms, .. } = one;
        Ok(LimitBucket { id: LimitBucketId::from_bytes(bytes), most, interval_ms, created_ms, changed_ms })
    };
    stored.into_iter().map(bucket).collect()
}

fn written(buckets: &[LimitBucket]) -> Result<String> {
    let stored = |one: &LimitBucket| StoredBucket {
        id: one.id.hex(),
        most: one.most,
        interval_ms: one.interval_ms,
        created_ms: one.created_ms,
        changed_ms: one.changed_ms,
    };
    let all: Vec<StoredBucket> = buckets.iter().map(stored).collect();
    serde_json::to_string(&all).map_err(|error| Error::Data(format!("buckets of a limit: {error}")))
}

impl NamedLimit {
    /// No two limits have the same: whose it is, and its name.
    fn name_key(&self) -> [u8; 32] {
        let service = self.service.map_or([0; 16], Id::bytes);
        hash::sha256(&[&self.client.bytes()[..], &service, self.name.as_bytes()].concat())
    }

    /// What may be changed of it.
    fn columns(&self) -> Result<ColumnValues> {
        Ok(vec![
            ("name", self.name.as_str().into()),
            ("name_key", self.name_key().into()),
            ("description", self.description.as_str().into()),
            ("buckets", written(&self.buckets)?.into()),
            ("changed_ms", self.changed_ms.into()),
        ])
    }
}

/// Which limits are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct LimitFilter {
    /// Only those of this service.
    pub service: Option<VerificationServiceId>,
    pub after: Option<VerificationLimitId>,
    /// Only those that are newer; they are read from the oldest of them on.
    pub before: Option<VerificationLimitId>,
}

/// All that can be read.
pub async fn all(store: &Store) -> Result<Vec<NamedLimit>> {
    Ok(readable("a limit", &store.query(COLUMNS, Vec::new()).await?, Row::read))
}

/// A client's, newest first, or from the oldest on that is newer than one.
pub async fn list(store: &Store, client: ClientId, filter: LimitFilter, limit: usize) -> Result<Vec<NamedLimit>> {
    let order = if filter.before.is_some() { "ORDER BY id LIMIT ?" } else { "ORDER BY id DESC LIMIT ?" };
    let (sql, params) = SqlConditions::of("client_id = ? AND id < ?", params![client, below(filter.after)])
        .and_some("service_id = ?", filter.service)
        .and_some("id > ?", filter.before)
        .page(COLUMNS, order, limit);
    store.all(sql, params).await
}

pub async fn find(store: &Store, client: ClientId, id: VerificationLimitId) -> Result<Option<NamedLimit>> {
    store.first(format!("{COLUMNS} WHERE id = ? AND client_id = ?"), params![id, client]).await
}

/// How many limits a client has, of one of its services or of all that it verifies.
pub async fn count(store: &Store, client: ClientId, service: Option<VerificationServiceId>) -> Result<i64> {
    let whose = if service.is_some() { "service_id = ?" } else { "service_id IS NULL" };
    let sql = format!("SELECT COUNT(*) FROM sb_verification_limit WHERE client_id = ? AND {whose}");
    let params: Vec<Value> = [Some(client.into()), service.map(Value::from)].into_iter().flatten().collect();
    Ok(store.first(sql, params).await?.unwrap_or(0))
}

/// Whether another has its name.
pub async fn has_namesake(store: &Store, limit: &NamedLimit) -> Result<bool> {
    let sql = "SELECT id FROM sb_verification_limit WHERE name_key = ? AND id <> ?";
    let other: Option<VerificationLimitId> = store.first(sql, params![limit.name_key(), limit.id]).await?;
    Ok(other.is_some())
}

/// [`Error::Conflict`]: another has its name. [`Error::Guard`]: its client has no such service.
pub async fn insert(store: &Store, limit: &NamedLimit, entry: AuditTrail) -> Result<()> {
    let fixed: ColumnValues = vec![
        ("id", limit.id.into()),
        ("client_id", limit.client.into()),
        ("service_id", limit.service.into()),
        ("created_ms", limit.created_ms.into()),
    ];
    let change = match limit.service {
        Some(service) => {
            let held = "UPDATE sb_verification_service SET name = name WHERE id = ? AND client_id = ? \
                        AND deleted_ms IS NULL";
            Change::new().one(held, params![service, limit.client])
        }
        None => Change::new(),
    };
    let change = change.insert_row("sb_verification_limit", [fixed, limit.columns()?].concat());
    let change = change.versioned(CachedDataset::SendRules).audited(entry);
    store.commit(change.settled_by_id("sb_verification_limit", limit.id)).await
}

/// [`Error::Guard`]: it is not there, or another than was read. [`Error::Conflict`]: another has its name.
pub async fn update(store: &Store, before: &NamedLimit, after: &NamedLimit, entry: AuditTrail) -> Result<()> {
    let (key, read) = ([("id", before.id.into())], vec![("changed_ms", before.changed_ms.into())]);
    let change = Change::new().rewrite("sb_verification_limit", after.columns()?, key, read);
    store.commit(change.versioned(CachedDataset::SendRules).audited(entry)).await
}

/// [`Error::Guard`]: it is not there, or another than was read.
pub async fn delete(store: &Store, before: &NamedLimit, entry: AuditTrail) -> Result<()> {
    let read = vec![("changed_ms", before.changed_ms.into())];
    let sql = "DELETE FROM sb_verification_limit WHERE id = ?";
    let change = Change::new().one_as_read(sql, params![before.id], read);
    store.commit(change.versioned(CachedDataset::SendRules).audited(entry)).await
}

/// A code that was sent.
#[derive(Clone, Debug, Deserialize)]
pub struct SentCode {
    pub message: MessageId,
    pub client: ClientId,
    pub service: Option<VerificationServiceId>,
    pub address: String,
    pub at_ms: Millis,
    /// What its verification holds besides, as JSON; `None`: nothing, or it is not kept any more.
    pub extra: Option<String>,
}

/// Codes that were sent behind this one, in the order of time, which is that of their messages' ids.
pub async fn sent_after(store: &Store, after: MessageId, limit: usize) -> Result<Vec<SentCode>> {
    let sql = "SELECT s.message_id, s.client_id, s.service_id, s.address, s.at_ms, v.extra \
               FROM sb_verification_send s LEFT JOIN sb_verification v ON v.id = s.verification_id \
               WHERE s.message_id > ? ORDER BY s.message_id LIMIT ?";
    store.all(sql, params![after, at_most(limit)]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_read_as_they_are_written() -> Result<()> {
        let bucket =
            |most| LimitBucket { id: LimitBucketId::new(7), most, interval_ms: 60_000, created_ms: 5, changed_ms: 6 };
        let all = vec![bucket(1), bucket(u32::MAX)];
        let quoted = serde_json::to_string(&written(&all)?).map_err(|error| Error::Data(error.to_string()))?;
        let mut json = serde_json::Deserializer::from_str(&quoted);
        assert_eq!(read(&mut json).ok(), Some(all));
        Ok(())
    }
}
