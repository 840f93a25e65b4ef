//! Finding lanes that nobody owns: what a dead node left behind, and what is due now.

use super::{CALLING, LaneHead, LaneHeadProgress, UNKNOWN, lane_of, span};
use crate::model::{LaneKey, MessageId, Millis};
use crate::store::engine::at_most;
use crate::store::event::PendingEvents;
use crate::store::lease::{FREE, GIVE_BACK, HELD, Lease, LeaseOwner, TAKE};
use crate::store::message::{COLUMNS, Message, WIDTH};
use crate::store::{Change, Query, Result, Row, Store, Value, delivery, params};

/// The first message of a lane that is now ours.
#[derive(Clone, Debug)]
pub struct ClaimedLane {
    pub head: LaneHead,
    pub message: Message,
    pub progress: LaneHeadProgress,
}

struct FreeLane {
    lane: LaneKey,
    version: i64,
}

/// Takes at most `limit` lanes that are free and due, the longest due first.
pub async fn claim(store: &Store, lease: Lease<'_>, limit: usize) -> Result<Vec<ClaimedLane>> {
    let free = free(store, lease, limit).await?;
    let mut ours = Vec::with_capacity(free.len());
    for chunk in free.chunks(64) {
        ours.extend(take(store, chunk, lease).await?);
    }
    heads(store, &ours).await
}

async fn free(store: &Store, lease: Lease<'_>, limit: usize) -> Result<Vec<FreeLane>> {
    let sql = format!("SELECT lane, version FROM sb_lane WHERE {FREE} ORDER BY ready_ms LIMIT ?");
    let mut params = lease.free().to_vec();
    params.push(at_most(limit));
    let rows = store.query(sql, params).await?;
    rows.iter().map(|row| Ok(FreeLane { lane: row.id(0)?, version: row.int(1)? })).collect()
}

/// Writes our name on lanes that are as they were seen; another node may be quicker with some.
async fn take(store: &Store, free: &[FreeLane], lease: Lease<'_>) -> Result<Vec<LaneKey>> {
    let mut change = Change::new();
    for lane in free {
        let mut params = lease.take().to_vec();
        params.extend([lane.lane.into(), lane.version.into(), lease.now_ms.into()]);
        let sql = format!(
            "UPDATE sb_lane SET {TAKE}, version = version + 1 WHERE lane = ? AND version = ? AND ready_ms <= ?"
        );
        change = change.run(sql, params);
    }
    store.commit(change).await?;
    let keys: Vec<Value> = free.iter().map(|lane| lane.lane.into()).collect();
    let sql = format!("SELECT lane, version FROM sb_lane WHERE {HELD} AND lane IN ({{}})");
    let query = Query::over(sql, &lease.held(), keys);
    let rows = store.read(vec![query]).await?.concat();
    rows.iter().map(|row| row.id(0)).collect()
}

/// The first messages of lanes, which stay whose they are.
pub async fn heads(store: &Store, lanes: &[LaneKey]) -> Result<Vec<ClaimedLane>> {
    let mut found = Vec::with_capacity(lanes.len());
    for chunk in lanes.chunks(16) {
        let rows = store.look_up(vec![head_query(chunk)]).await?.concat();
        for row in &rows {
            found.push(parse(row)?);
        }
    }
    Ok(found)
}

/// One `SELECT` a lane, glued together: one round trip, and each walks the index to its first row.
fn head_query(lanes: &[LaneKey]) -> Query {
    let one = format!(
        "SELECT * FROM (SELECT {COLUMNS}, o.place, l.phase, l.tries, l.first_ms, l.started_ms FROM sb_outbox o \
         JOIN sb_message m ON m.id = o.message_id JOIN sb_lane l ON l.lane = ? \
         WHERE o.place >= ? AND o.place <= ? ORDER BY o.place LIMIT 1)"
    );
    let parts: Vec<String> = (0..lanes.len()).map(|part| format!("{one} AS p{part}")).collect();
    let params = lanes.iter().flat_map(|lane| [Value::from(lane)].into_iter().chain(span(*lane)));
    Query::new(parts.join(" UNION ALL "), params.collect())
}

fn parse(row: &Row) -> Result<ClaimedLane> {
    let message: Message = row.read()?;
    let place = row.array(WIDTH)?;
    let phase = row.int(WIDTH + 1)?;
    let progress = LaneHeadProgress {
        tries: row.int(WIDTH + 2)?,
        first_ms: row.maybe_int(WIDTH + 3)?,
        started_ms: row.maybe_int(WIDTH + 4)?,
        // a call whose node died is as unknown as one without an answer
        is_unknown: phase == UNKNOWN || phase == CALLING,
        is_recorded: phase == UNKNOWN,
    };
    Ok(ClaimedLane { head: LaneHead { lane: lane_of(place), place, message: message.id }, message, progress })
}

/// Gives up lanes that this node will not get to.
pub async fn release(
    store: &Store,
    owner: &LeaseOwner,
    lanes: &[LaneKey],
    ready_ms: Millis,
    now_ms: Millis,
) -> Result<()> {
    let keys: Vec<Value> = lanes.iter().map(Value::from).collect();
    let sql = format!(
        "UPDATE sb_lane SET {GIVE_BACK}, version = version + 1 WHERE owner = ? AND phase <> 1 AND lane IN ({{}})"
    );
    store.commit(Change::new().any(&sql, &[ready_ms.into(), now_ms.into(), owner.into()], &keys)).await
}

/// Makes lanes due that wait, whatever they wait for.
pub async fn hasten(store: &Store, lanes: &[LaneKey], now_ms: Millis) -> Result<()> {
    let keys: Vec<Value> = lanes.iter().map(Value::from).collect();
    let sql = "UPDATE sb_lane SET ready_ms = ?, version = version + 1 WHERE owner IS NULL AND phase = 0 \
               AND ready_ms > ? AND lane IN ({})";
    store.commit(Change::new().any(sql, &[now_ms.into(), now_ms.into()], &keys)).await
}

/// The id under which a provider took a message in an earlier attempt, however late that was recorded.
pub async fn accepted_as(store: &Store, message: MessageId) -> Result<Option<String>> {
    // what came to nothing at once has a name too
    let sql = "SELECT provider_id FROM sb_attempt WHERE message_id = ? AND provider_id IS NOT NULL \
               AND outcome <> 'refused' ORDER BY number";
    store.first(sql, params![message]).await
}

/// Which of these provider's ids belong to messages of ours already.
pub async fn taken_ids(store: &Store, provider_ids: &[String]) -> Result<Vec<String>> {
    if provider_ids.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<Value> = provider_ids.iter().map(|id| id.as_str().into()).collect();
    let sql = "SELECT provider_id FROM sb_attempt WHERE provider_id IN ({})";
    let rows = store.read(vec![Query::over(sql, &[], keys)]).await?.concat();
    rows.iter().map(Row::read).collect()
}

/// Scheduled messages that are due, oldest first.
pub async fn due(store: &Store, now_ms: Millis, limit: usize) -> Result<Vec<Message>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sb_schedule s JOIN sb_message m ON m.id = s.message_id WHERE s.due_ms <= ? \
         ORDER BY s.due_ms, s.message_id LIMIT ?"
    );
    store.all(sql, params![now_ms, at_most(limit)]).await
}

/// Lets a scheduled message join its lane. A race means that another node did, or that it was canceled.
pub async fn join(store: &Store, id: MessageId, lane: LaneKey, told: &PendingEvents, now_ms: Millis) -> Result<()> {
    let rows = store.query("SELECT last_pos FROM sb_lane WHERE lane = ?", params![lane]).await?;
    let pos = rows.first().map(|row| row.array(0).map(u128::from_be_bytes)).transpose()?;
    let last_pos = pos.map_or(0, |pos| pos + 1).max(MessageId::new(now_ms).bits());
    let written = Value::from(last_pos.to_be_bytes());
    let sql = "UPDATE sb_message SET state = 'queued', changed_ms = ? WHERE id = ? AND state = 'scheduled'";
    let change = Change::new().one("DELETE FROM sb_schedule WHERE message_id = ?", params![id]);
    let change = change.one(sql, params![now_ms, id]);
    let change = if pos.is_some() {
        let sql = "UPDATE sb_lane SET waiting = waiting + 1, last_pos = ? WHERE lane = ? AND last_pos < ?";
        change.one(sql, params![written.clone(), lane, written])
    } else {
        let sql = "INSERT INTO sb_lane (lane, ready_ms, set_ms, phase, waiting, last_pos, version, tries) \
                   VALUES (?, ?, ?, 0, 1, ?, 0, 0)";
        change.one(sql, params![lane, now_ms, now_ms, written])
    };
    let place = super::place(lane, last_pos);
    let change = change.one("INSERT INTO sb_outbox (place, message_id) VALUES (?, ?)", params![place, id]);
    store.commit(delivery::add(change, told, now_ms)).await
}

/// Whether this node owns a lane.
pub async fn is_owned(store: &Store, owner: &LeaseOwner, lane: LaneKey) -> Result<bool> {
    let sql = "SELECT 1 FROM sb_lane WHERE lane = ? AND owner = ?";
    Ok(!store.query(sql, params![lane, owner]).await?.is_empty())
}

/// Takes all lanes from their owners, who are known to be dead. Calls under way then are in doubt now.
pub async fn release_all(store: &Store, now_ms: Millis) -> Result<()> {
    let sql = "UPDATE sb_lane SET owner = NULL, ready_ms = ?, set_ms = ?, version = version + 1, \
               started_ms = CASE WHEN started_ms > ? THEN ? ELSE started_ms END WHERE owner IS NOT NULL";
    store.commit(Change::new().run(sql, vec![now_ms.into(); 4])).await
}
