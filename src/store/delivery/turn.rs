//! Whose turn it is among the events of one object on their way to an ordered endpoint: `sb_delivery_turn`.
//!
//! A delivery that takes turns names its object, and has a row here until it is over. Only the one with the lowest place
//! is claimed: the lease that it is claimed under is all that holds the others, on every node. An event gets its place in
//! the transaction that writes it, after all that come before it are committed, so none can slip in front later.
//!
//! One that has been due for a while without its turn having come is parked behind the one before it, or every claim
//! would pass over it again. Its `ready_ms` is then no time: it says behind whom it stands. Whatever ends that one's turn
//! releases it in the same transaction. Parking locks the row of the one in front, and does nothing where that has gone,
//! so nobody is parked behind one who has left. Releasing one too many does no harm: claims look whose turn it is. An
//! endpoint that takes turns no more releases all of its own behind its change: they may be more than one commit bears.

use std::collections::HashMap;

use super::{DueDeliveryKey, FinishedDelivery, MANY, due_key, is_full};
use crate::model::{EndpointId, EventId, Id as _, Millis};
use crate::store::engine::LOWEST;
use crate::store::event::{EventTarget, NewEvent};
use crate::store::lease::GIVE_BACK;
use crate::store::{Change, Query, Result, Store, Value, params};

/// Whether it is the turn of a delivery `d`: it takes none, it is the first, or its endpoint, as it is now, is told in
/// any order.
pub(super) const IS_ITS: &str = "(d.object IS NULL \
    OR d.event_id = COALESCE((SELECT t.event_id FROM sb_delivery_turn t \
        WHERE t.target_id = d.target_id AND t.object = d.object ORDER BY t.place LIMIT 1), d.event_id) \
    OR COALESCE((SELECT p.ordered FROM sb_endpoint p WHERE p.id = d.target_id AND p.state = 'enabled'), 0) = 0)";

/// No `ready_ms` from here on is a time: the delivery is parked.
pub(in crate::store) const PARKED: Millis = 1 << 62;

/// Commits by which an endpoint releases its own: the rest is left to [`release_overlooked`].
const PAGES: usize = 20;

/// Gives up a turn that a delivery has no use for any more: it is over, or takes none.
const LEAVE: &str = "DELETE FROM sb_delivery_turn WHERE event_id = ? AND target_id = ? AND NOT EXISTS \
    (SELECT 1 FROM sb_delivery d WHERE d.event_id = sb_delivery_turn.event_id \
     AND d.target_id = sb_delivery_turn.target_id AND d.object IS NOT NULL AND d.ready_ms IS NOT NULL)";

/// The same of whatever has one within a range of events.
pub(super) const SWEEP: &str = "DELETE FROM sb_delivery_turn WHERE event_id > ? AND event_id <= ? AND NOT EXISTS \
    (SELECT 1 FROM sb_delivery d WHERE d.event_id = sb_delivery_turn.event_id \
     AND d.target_id = sb_delivery_turn.target_id AND d.object IS NOT NULL AND d.ready_ms IS NOT NULL)";

/// Who is right before a delivery.
const BEFORE: &str = "SELECT f.event_id FROM sb_delivery_turn t JOIN sb_delivery_turn f \
    ON f.target_id = t.target_id AND f.object = t.object AND f.place < t.place \
    WHERE t.event_id = ? AND t.target_id = ? ORDER BY f.place DESC LIMIT 1";

/// Changes nothing, but waits for whoever is about to end that turn, and lets nobody end it.
const LOCK: &str = "UPDATE sb_delivery_turn SET place = place WHERE event_id = ? AND target_id = ?";

/// The objects of the deliveries that take turns.
pub(super) type ObjectIdByDelivery = HashMap<(EventId, EventTarget), [u8; 16]>;

pub(super) fn objects(events: &[NewEvent]) -> ObjectIdByDelivery {
    let mut objects = ObjectIdByDelivery::new();
    for event in events.iter().filter(|event| !event.ordered.is_empty()) {
        let Some(object) = event.object() else { continue };
        for endpoint in &event.ordered {
            objects.insert((event.id, EventTarget::Endpoint(*endpoint)), object);
        }
    }
    objects
}

/// Adds their turns, in the change that writes their events.
pub(super) fn add(change: Change, targets: &[(EventId, EventTarget)], objects: &ObjectIdByDelivery) -> Change {
    if objects.is_empty() {
        return change;
    }
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for (event, target) in targets {
        if let Some(object) = objects.get(&(*event, *target)) {
            rows.push(params![event, target.key(), object, event]);
        }
    }
    let into = "INSERT INTO sb_delivery_turn (event_id, target_id, object, place)";
    change.insert_as(into, "(?, ?, ?, COALESCE((SELECT sequence FROM sb_event WHERE id = ?), 0))", rows)
}

/// Parks deliveries, as they were read, each behind the one that is right before it.
pub(super) async fn park(store: &Store, due: Vec<DueDeliveryKey>, now_ms: Millis) -> Result<()> {
    if due.is_empty() {
        return Ok(());
    }
    let queries =
        due.iter().map(|[event, target, _]| Query::new(BEFORE, vec![event.clone(), target.clone()])).collect();
    let sql = format!(
        "UPDATE sb_delivery SET {GIVE_BACK} WHERE event_id = ? AND target_id = ? AND ready_ms = ? \
         AND EXISTS (SELECT 1 FROM sb_delivery_turn t WHERE t.event_id = ? AND t.target_id = ?)"
    );
    let mut change = Change::new();
    for ([event, target, ready_ms], found) in due.into_iter().zip(store.read(queries).await?) {
        // it may be first by now
        let Some(row) = found.first() else { continue };
        let front: EventId = row.id(0)?;
        let values = params![behind(front), now_ms, event, target.clone(), ready_ms, front, target.clone()];
        change = change.run(LOCK, params![front, target]).run(sql.clone(), values);
    }
    if change.statements() > 0 { store.commit(change).await } else { Ok(()) }
}

/// The `ready_ms` of whoever is parked behind that event: ids differ in their last bytes, and where they do not, one too
/// many is released.
pub fn behind(front: EventId) -> Millis {
    let [_, _, _, _, _, _, _, _, last @ ..] = front.bytes();
    PARKED | (Millis::from_be_bytes(last) & (PARKED - 1))
}

/// Adds what deliveries that are over mean to those behind them.
pub(super) fn pass_on(change: Change, done: &[FinishedDelivery], now_ms: Millis) -> Change {
    let over = done.iter().filter(|one| one.held.has_turn && one.outcome.is_over());
    over.fold(change, |change, one| leave(change, one.held.event, one.held.target, now_ms))
}

/// Ends the turn of a delivery that the change has ended, or has told again: then it waits for nobody, and nobody for it.
pub(super) fn leave(change: Change, event: EventId, target: EventTarget, now_ms: Millis) -> Change {
    let sql = format!("UPDATE sb_delivery SET {GIVE_BACK} WHERE ready_ms = ? AND target_id = ?");
    let values = params![now_ms, now_ms, behind(event), target.key()];
    change.run(LEAVE, params![event, target.key()]).run(sql, values)
}

/// Makes those of these due that are still parked as they were read.
async fn release(store: &Store, parked: Vec<DueDeliveryKey>, now_ms: Millis) -> Result<()> {
    if parked.is_empty() {
        return Ok(());
    }
    let sql = format!("UPDATE sb_delivery SET {GIVE_BACK} WHERE event_id = ? AND target_id = ? AND ready_ms = ?");
    let free =
        |change: Change, key: DueDeliveryKey| change.run(sql.clone(), [params![now_ms, now_ms], key.to_vec()].concat());
    store.commit(parked.into_iter().fold(Change::new(), free)).await
}

/// Releases what is parked on its way to an endpoint that takes no turns any more. That is committed: what fails here is
/// left to [`release_overlooked`].
pub(in crate::store) async fn release_all(store: &Store, endpoint: EndpointId, now_ms: Millis) {
    if let Err(error) = release_pages(store, endpoint, now_ms).await {
        tracing::warn!(%endpoint, %error, "deliveries that wait for their turn were not released; the next look will");
    }
}

async fn release_pages(store: &Store, endpoint: EndpointId, now_ms: Millis) -> Result<()> {
    let find = "SELECT event_id, target_id, ready_ms FROM sb_delivery WHERE ready_ms >= ? AND target_id = ? LIMIT ?";
    for _ in 0..PAGES {
        let rows = store.query(find, params![PARKED, endpoint, MANY]).await?;
        release(store, rows.iter().map(due_key).collect::<Result<_>>()?, now_ms).await?;
        if !is_full(&rows, MANY) {
            break;
        }
    }
    Ok(())
}

/// Releases what is parked although its turn has come; how many were. One can be parked just as its endpoint stops to take
/// turns, or by a node of a cluster that does not share its locks; and an endpoint may have had too many of them.
pub async fn release_overlooked(store: &Store, now_ms: Millis) -> Result<usize> {
    // page by page through all that are parked, so that no look is long, however many wait
    let find = format!(
        "SELECT event_id, target_id, ready_ms, CASE WHEN {IS_ITS} THEN 1 ELSE 0 END FROM sb_delivery d \
         WHERE ready_ms >= ? AND (ready_ms > ? OR target_id > ? OR (target_id = ? AND event_id > ?)) \
         ORDER BY ready_ms, target_id, event_id LIMIT ?"
    );
    let (mut last, mut released): (DueDeliveryKey, _) = ([LOWEST.into(), LOWEST.into(), PARKED.into()], 0);
    loop {
        let [event, target, ready_ms] = last.clone();
        let values = params![ready_ms.clone(), ready_ms, target.clone(), target, event, MANY];
        let rows = store.query(find.clone(), values).await?;
        let mut its = Vec::new();
        for row in &rows {
            last = due_key(row)?;
            if row.int(3)? == 1 {
                its.push(last.clone());
            }
        }
        released += its.len();
        release(store, its, now_ms).await?;
        if !is_full(&rows, MANY) {
            return Ok(released);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FromBytes as _;

    #[test]
    fn whoever_is_parked_is_due_at_no_time() {
        let mut bytes = [0xff; 16];
        assert_eq!((behind(EventId::from_bytes([0; 16])), behind(EventId::from_bytes(bytes))), (PARKED, Millis::MAX));
        // the sign and the mark of the parked are no part of the id
        bytes[8..].copy_from_slice(&[0x81, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(behind(EventId::from_bytes(bytes)), 0x4102_0304_0506_0708);
        let all: std::collections::HashSet<Millis> = (0..200).map(|_| behind(EventId::new(1))).collect();
        assert_eq!(all.len(), 200, "each behind another");
    }
}
