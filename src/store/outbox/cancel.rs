//! Taking a message back before a provider is called: a compare-and-set against the mark.

use super::{WAITING, span};
use crate::model::message::MessageState;
use crate::model::{LaneKey, MessageId, Millis};
use crate::store::event::PendingEvents;
use crate::store::ledger;
use crate::store::message::{Message, states_before};
use crate::store::{AuditTrail, Change, Query, Result, Store, Value, delivery, params};

/// What a cancel found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelResult {
    Done,
    /// It is being sent, or was, or is over.
    TooLate,
}

/// Where a message may stand: its pair's lane, or one of its own.
struct CancelLaneState {
    lane: LaneKey,
    place: [u8; 32],
    is_head: bool,
    phase: i64,
    version: i64,
    waiting: i64,
}

/// Cancels one message. A race means that its lane has moved: try again.
pub async fn cancel(
    store: &Store,
    message: &Message,
    lane: LaneKey,
    told: &PendingEvents,
    now_ms: Millis,
    entry: AuditTrail,
) -> Result<CancelResult> {
    let id = message.id;
    let change = delivery::add(Change::new(), told, now_ms);
    let before = states_before("state", MessageState::Sent);
    let sql =
        format!("UPDATE sb_message SET state = 'canceled', changed_ms = ? WHERE id = ? AND client_id = ? AND {before}");
    let change = change.one(sql, params![now_ms, id, message.client]);
    // balances behind lanes, as in the intake: or they would wait for each other
    let refunded = |change| ledger::refund(change, [message], now_ms).audited(entry);
    let scheduled = store.query("SELECT 1 FROM sb_schedule WHERE message_id = ?", params![id]).await?;
    if !scheduled.is_empty() {
        let change = change.one("DELETE FROM sb_schedule WHERE message_id = ?", params![id]);
        return store.commit(refunded(change)).await.map(|()| CancelResult::Done);
    }
    for lane in [lane, LaneKey::own(id)] {
        let Some(standing) = standing(store, lane, id).await? else { continue };
        if standing.is_head && (standing.phase != WAITING || may_be_sent(store, id).await?) {
            return Ok(CancelResult::TooLate);
        }
        return store.commit(refunded(leave(change, &standing, now_ms))).await.map(|()| CancelResult::Done);
    }
    Ok(CancelResult::TooLate)
}

/// Whether a provider may have it from a call without an answer, though it is to be sent again.
async fn may_be_sent(store: &Store, id: MessageId) -> Result<bool> {
    let sql = "SELECT 1 FROM sb_attempt WHERE message_id = ? AND outcome = 'uncertain'";
    Ok(!store.query(sql, params![id]).await?.is_empty())
}

async fn standing(store: &Store, lane: LaneKey, id: MessageId) -> Result<Option<CancelLaneState>> {
    let range = span(lane);
    let answers = store
        .read(vec![
            Query::new(
                "SELECT place FROM sb_outbox WHERE place >= ? AND place <= ? AND message_id = ?",
                range.iter().cloned().chain([id.into()]).collect(),
            ),
            Query::new("SELECT MIN(place) FROM sb_outbox WHERE place >= ? AND place <= ?", range.to_vec()),
            Query::new("SELECT phase, version, waiting FROM sb_lane WHERE lane = ?", params![lane]),
        ])
        .await?;
    let [places, first, lanes] = answers.as_slice() else { return Ok(None) };
    let (Some(place), Some(row)) = (places.first(), lanes.first()) else { return Ok(None) };
    let place: [u8; 32] = place.array(0)?;
    let is_head = first.first().map(|row| row.maybe_bytes(0)).transpose()?.flatten() == Some(place.as_slice());
    let (phase, version, waiting) = (row.int(0)?, row.int(1)?, row.int(2)?);
    Ok(Some(CancelLaneState { lane, place, is_head, phase, version, waiting }))
}

fn leave(change: Change, standing: &CancelLaneState, now_ms: Millis) -> Change {
    let guard = [Value::from(standing.lane), standing.version.into()];
    let change = change.one("DELETE FROM sb_outbox WHERE place = ?", params![standing.place]);
    if standing.waiting == 1 {
        let sql = "DELETE FROM sb_lane WHERE lane = ? AND version = ? AND waiting = 1";
        return change.one(sql, guard.to_vec());
    }
    if !standing.is_head {
        // the version stays: nothing changes for its owner, nor for others who cancel here
        let sql = "UPDATE sb_lane SET waiting = waiting - 1 WHERE lane = ? AND version = ? AND waiting > 1";
        return change.one(sql, guard.to_vec());
    }
    // whoever owns the lane holds a first message that is no longer there: it is taken from them
    let sql = "UPDATE sb_lane SET waiting = waiting - 1, phase = 0, tries = 0, first_ms = NULL, owner = NULL, \
               ready_ms = ?, set_ms = ?, version = version + 1 WHERE lane = ? AND version = ? AND waiting > 1";
    change.one(sql, [Value::from(now_ms), now_ms.into()].into_iter().chain(guard).collect())
}
