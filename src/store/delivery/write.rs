//! Events with their deliveries: written in the change of what happened, told once more, and removed.

use super::{list, turn};
use crate::model::{EventId, Millis};
use crate::store::event::{self, EventTarget, PendingEvents};
use crate::store::sweep::RetentionCursor;
use crate::store::{AuditTrail, Change, Error, Result, Store, params};

/// Races with other replays before an event is called busy.
const RACES: usize = 20;

/// Adds events and their deliveries to a change, so that they commit with what happened.
/// Deliveries are born free, due when the event was made.
pub fn add(change: Change, told: &PendingEvents, now_ms: Millis) -> Change {
    deliver(event::insert(change, &told.new), told, now_ms)
}

/// Adds the first events of messages that the same change inserts, and their deliveries.
pub(in crate::store) fn add_first(change: Change, told: &PendingEvents, now_ms: Millis) -> Change {
    deliver(event::insert_first(change, &told.new), told, now_ms)
}

fn deliver(change: Change, told: &PendingEvents, now_ms: Millis) -> Change {
    let objects = turn::objects(&told.new);
    let rows = told.targets.iter().map(|(event, target)| {
        params![event, target.key(), target.kind(), now_ms, 0, "pending", now_ms, objects.get(&(*event, *target))]
    });
    let into = "INSERT INTO sb_delivery (event_id, target_id, target, ready_ms, tries, state, changed_ms, object)";
    turn::add(change.insert(into, rows.collect()), &told.targets, &objects)
}

/// Sends an event once more: resets the deliveries that there are and are not under way, adds those
/// that there are not.
pub async fn replay(
    store: &Store,
    id: EventId,
    targets: &[EventTarget],
    now_ms: Millis,
    entry: AuditTrail,
) -> Result<()> {
    for _ in 0..RACES {
        match store.commit(again(store, id, targets, now_ms).await?.audited(entry.clone())).await {
            // another replay has added the same: it is there now
            Err(Error::Conflict) => {}
            done => return done,
        }
    }
    Err(Error::Busy("others keep replaying this event".into()))
}

async fn again(store: &Store, id: EventId, targets: &[EventTarget], now_ms: Millis) -> Result<Change> {
    let known: Vec<EventTarget> = list(store, id).await?.into_iter().map(|found| found.target).collect();
    let mut change = Change::new();
    for target in targets.iter().filter(|target| known.contains(target)) {
        let sql = "UPDATE sb_delivery SET state = 'pending', ready_ms = ?, tries = 0, last_status = NULL, \
                   last_reason = NULL, object = NULL, changed_ms = ? \
                   WHERE event_id = ? AND target_id = ? AND owner IS NULL";
        change = change.run(sql, params![now_ms, now_ms, id, target.key()]);
        change = turn::leave(change, id, *target, now_ms);
    }
    let new = targets.iter().filter(|target| !known.contains(target)).map(|target| (id, *target)).collect();
    Ok(deliver(change, &PendingEvents { new: Vec::new(), targets: new }, now_ms))
}

/// Forgets a batch of events that nobody waits for any more; whether there may be more.
pub async fn sweep(store: &Store, walk: &mut RetentionCursor) -> Result<bool> {
    let passed = walk.go_on(store, "SELECT id FROM sb_event WHERE id > ? AND id < ? ORDER BY id LIMIT ?").await?;
    if !passed.rows.is_empty() {
        let range = passed.between.to_vec();
        let change = Change::new()
            .run("DELETE FROM sb_delivery WHERE event_id > ? AND event_id <= ? AND ready_ms IS NULL", range.clone())
            // none is left behind: it would hold up its object for ever
            .run(turn::SWEEP, range.clone())
            .run(
                "DELETE FROM sb_event WHERE id > ? AND id <= ? \
                 AND NOT EXISTS (SELECT 1 FROM sb_delivery WHERE sb_delivery.event_id = sb_event.id)",
                range,
            );
        store.commit(change).await?;
    }
    Ok(passed.may_be_more)
}
