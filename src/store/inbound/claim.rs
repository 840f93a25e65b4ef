//! Finding webhooks that nobody handles: what a dead node left behind, what found no room, what is tried again.

use std::time::Duration;

use tokio::time::Instant;

use super::{LeasedWebhook, WebhookJobContent};
use crate::model::{InboundId, Millis};
use crate::store::lease::{FREE, GIVE_BACK, HELD, Lease, LeaseOwner, TAKE};
use crate::store::{Change, Query, Result, Row, Store, Value};

/// Takes at most `limit` jobs that are free and due, the longest due first; they come in the order of arrival.
pub async fn claim<R>(
    store: &Store,
    owner: &LeaseOwner,
    now_ms: Millis,
    lease: Duration,
    limit: i64,
) -> Result<Vec<LeasedWebhook<R>>> {
    let until_ms = now_ms + i64::try_from(lease.as_millis()).unwrap_or(i64::MAX / 4);
    let taken = Lease { owner, now_ms, until_ms };
    let sql = format!("SELECT id FROM sb_inbound WHERE {FREE} ORDER BY ready_ms, id LIMIT ?");
    let params = taken.free().into_iter().chain([limit.into()]).collect();
    let free = store.query(sql, params).await?;
    if free.is_empty() {
        return Ok(Vec::new());
    }
    let ids = free.iter().map(|row| row.key(0)).collect::<Result<Vec<_>>>()?;
    let lease_ends = Instant::now() + lease;
    // another node may be quicker with some
    let sql = format!("UPDATE sb_inbound SET {TAKE}, tries = tries + 1 WHERE {FREE} AND id IN ({{}})");
    let before: Vec<Value> = taken.take().into_iter().chain(taken.free()).collect();
    store.commit(Change::new().any(&sql, &before, &ids)).await?;
    let sql =
        format!("SELECT id, account_id, kind, payload, received_ms FROM sb_inbound WHERE {HELD} AND id IN ({{}})");
    let rows = store.look_up(vec![Query::over(sql, &taken.held(), ids)]).await?.concat();
    let mut jobs = rows.iter().map(|row| parse(row, lease_ends)).collect::<Result<Vec<_>>>()?;
    jobs.sort_by_key(|job| (job.received_ms, job.id));
    Ok(jobs)
}

fn parse<R>(row: &Row, lease_ends: Instant) -> Result<LeasedWebhook<R>> {
    let (id, account, kind, payload, received_ms) = row.read()?;
    Ok(LeasedWebhook { id, account, kind, content: WebhookJobContent::Stored(payload), received_ms, lease_ends })
}

/// Gives jobs back, to be claimed again at `ready_ms`.
pub async fn give_back(
    store: &Store,
    owner: &LeaseOwner,
    ids: &[InboundId],
    ready_ms: Millis,
    now_ms: Millis,
) -> Result<()> {
    let keys: Vec<Value> = ids.iter().map(Value::from).collect();
    let sql = format!("UPDATE sb_inbound SET {GIVE_BACK} WHERE owner = ? AND ready_ms IS NOT NULL AND id IN ({{}})");
    store.commit(Change::new().any(&sql, &[ready_ms.into(), now_ms.into(), owner.into()], &keys)).await
}
