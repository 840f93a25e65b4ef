//! Finding webhooks that nobody handles: what a dead node left behind, what found no room, what is tried again.

use std::time::Duration;

use tokio::time::Instant;

use super::{Content, Job, Kind};
use crate::model::{AccountId, InboundId, Millis};
use crate::store::lease::{Owner, SKEW_MS};
use crate::store::{Change, Error, Query, Result, Row, Store, Value};

/// Takes at most `limit` jobs that are free and due, the longest due first; they come in the order of arrival.
pub async fn claim<R>(
    store: &Store,
    owner: &Owner,
    now_ms: Millis,
    lease: Duration,
    limit: i64,
) -> Result<Vec<Job<R>>> {
    let sql = "SELECT id FROM sb_inbound WHERE ready_ms <= ? AND (owner IS NULL OR ready_ms <= ?) \
               ORDER BY ready_ms, id LIMIT ?";
    let free = store.query(sql, vec![now_ms.into(), (now_ms - SKEW_MS).into(), limit.into()]).await?;
    if free.is_empty() {
        return Ok(Vec::new());
    }
    let ids = free.iter().map(|row| row.text(0).map(Value::from)).collect::<Result<Vec<_>>>()?;
    let lease_ends = Instant::now() + lease;
    let until_ms = Value::from(now_ms + i64::try_from(lease.as_millis()).unwrap_or(i64::MAX / 4));
    let owner = Value::from(owner);
    // another node may be quicker with some
    let change = Change::new().any(
        "UPDATE sb_inbound SET owner = ?, ready_ms = ?, set_ms = ?, tries = tries + 1 WHERE ready_ms <= ? \
         AND (owner IS NULL OR ready_ms <= ?) AND id IN ({})",
        &[owner.clone(), until_ms.clone(), now_ms.into(), now_ms.into(), (now_ms - SKEW_MS).into()],
        &ids,
    );
    store.commit(change).await?;
    let sql = "SELECT id, account_id, kind, payload, received_ms FROM sb_inbound WHERE owner = ? AND ready_ms = ? \
               AND id IN ({})";
    let rows = store.look_up(vec![Query::over(sql, &[owner, until_ms], ids)]).await?.concat();
    let mut jobs = rows.iter().map(|row| parse(row, lease_ends)).collect::<Result<Vec<_>>>()?;
    jobs.sort_by_key(|job| (job.received_ms, job.id));
    Ok(jobs)
}

fn parse<R>(row: &Row, lease_ends: Instant) -> Result<Job<R>> {
    let bad = |what: &str| Error::Data(format!("webhook {what}"));
    Ok(Job {
        id: InboundId::from_hex(row.text(0)?).map_err(|_| bad("id"))?,
        account: AccountId::from_hex(row.text(1)?).map_err(|_| bad("account"))?,
        kind: Kind::parse(row.text(2)?).ok_or_else(|| bad("kind"))?,
        content: Content::Stored(row.text(3)?.to_owned()),
        received_ms: row.int(4)?,
        lease_ends,
    })
}

/// Gives jobs back, to be claimed again at `ready_ms`.
pub async fn give_back(
    store: &Store,
    owner: &Owner,
    ids: &[InboundId],
    ready_ms: Millis,
    now_ms: Millis,
) -> Result<()> {
    let keys: Vec<Value> = ids.iter().map(|id| id.hex().into()).collect();
    let sql = "UPDATE sb_inbound SET owner = NULL, ready_ms = ?, set_ms = ? WHERE owner = ? AND ready_ms IS NOT NULL AND id IN ({})";
    store.commit(Change::new().any(sql, &[ready_ms.into(), now_ms.into(), owner.into()], &keys)).await
}
