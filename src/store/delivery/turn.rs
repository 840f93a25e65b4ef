//! Whose turn it is among the events of one object on their way to an ordered endpoint: `sb_delivery_turn`.
//!
//! A delivery that takes turns names its object, and has a row here until it is over. Only the one with the lowest place
//! is claimed: the lease that it is claimed under is all that holds the others, on every node. An event gets its place in
//! the transaction that writes it, after all that come before it are committed, so none can slip in front later.
//!
//! One that has been due for a while without its turn having come is parked behind the one before it, or every claim
//! would pass over it again. Its `ready_ms` is then no time: it says behind whom it stands. Whatever ends that one's turn
//! releases it in the same transaction. Parking locks the row of the one in front, and does nothing where that has gone,
//! so nobody is parked behind one who has left. Releasing one too many does no harm: claims look whose turn it is.

use std::collections::HashMap;

use super::{DueKey, FinishedDelivery};
use crate::model::{EndpointId, EventId, Id as _, Millis};
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

/// How many are released in one commit.
const MANY: usize = 500;

/// Gives up a turn that a delivery has no use for any more: it is over, or takes none.
const LEAVE: &str = "DELETE FROM sb_delivery_turn WHERE event_id = ? AND target_id = ? AND NOT EXISTS \
    (SELECT 1 FROM sb_delivery d WHERE d.event_id = sb_delivery_turn.event_id \
     AND d.target_id = sb_delivery_turn.target_id AND d.object IS NOT NULL AND d.ready_ms IS NOT NULL)";

/// The same of whatever has one within a range of events.
pub(in crate::store) const SWEEP: &str = "DELETE FROM sb_delivery_turn WHERE event_id > ? AND event_id <= ? AND NOT EXISTS \
    (SELECT 1 FROM sb_delivery d WHERE d.event_id = sb_delivery_turn.event_id \
     AND d.target_id = sb_delivery_turn.target_id AND d.object IS NOT NULL AND d.ready_ms IS NOT NULL)";

/// Who is right before a delivery.
const BEFORE: &str = "SELECT f.event_id FROM sb_delivery_turn t JOIN sb_delivery_turn f \
    ON f.target_id = t.target_id AND f.object = t.object AND f.place < t.place \
    WHERE t.event_id = ? AND t.target_id = ? ORDER BY f.place DESC LIMIT 1";

/// Changes nothing, but waits for whoever is about to end that turn, and lets nobody end it.
const LOCK: &str = "UPDATE sb_delivery_turn SET place = place WHERE event_id = ? AND target_id = ?";

/// The objects of the deliveries that take turns.
pub(in crate::store) type DeliveryObjects = HashMap<(EventId, EventTarget), [u8; 16]>;

pub(in crate::store) fn objects(events: &[NewEvent]) -> DeliveryObjects {
    let mut objects = DeliveryObjects::new();
    for event in events.iter().filter(|event| !event.ordered.is_empty()) {
        let Some(object) = event.object() else { continue };
        for endpoint in &event.ordered {
            objects.insert((event.id, EventTarget::Endpoint(*endpoint)), object);
        }
    }
    objects
}

/// Adds their turns, in the change that writes their events.
pub(in crate::store) fn add(change: Change, targets: &[(EventId, EventTarget)], objects: &DeliveryObjects) -> Change {
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
pub(super) async fn park(store: &Store, due: Vec<DueKey>, now_ms: Millis) -> Result<()> {
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
fn behind(front: EventId) -> Millis {
    let [_, _, _, _, _, _, _, _, last @ ..] = front.bytes();
    PARKED | (Millis::from_be_bytes(last) & (PARKED - 1))
}

/// Adds what deliveries that are over mean to those behind them.
pub(super) fn pass_on(change: Change, done: &[FinishedDelivery], now_ms: Millis) -> Change {
    let over = done.iter().filter(|one| one.held.has_turn && one.outcome.is_over());
    over.fold(change, |change, one| leave(change, one.held.event, one.held.target, now_ms))
}

/// Ends the turn of a delivery that the change has ended, or has told again: then it waits for nobody, and nobody for it.
pub(in crate::store) fn leave(change: Change, event: EventId, target: EventTarget, now_ms: Millis) -> Change {
    let sql = format!("UPDATE sb_delivery SET {GIVE_BACK} WHERE ready_ms = ? AND target_id = ?");
    let values = params![now_ms, now_ms, behind(event), target.key()];
    change.run(LEAVE, params![event, target.key()]).run(sql, values)
}

/// Releases everything parked for an endpoint, in the same change that ends its turn-taking.
pub(in crate::store) fn release_all(change: Change, endpoint: EndpointId, now_ms: Millis) -> Change {
    let sql = format!("UPDATE sb_delivery SET {GIVE_BACK} WHERE ready_ms >= ? AND target_id = ?");
    change.run(sql, params![now_ms, now_ms, PARKED, endpoint])
}

/// Releases what is parked although its turn has come; how many were. One can be parked just as its endpoint stops to take
/// turns, or by a node of a cluster that does not share its locks.
pub async fn release_overlooked(store: &Store, now_ms: Millis) -> Result<usize> {
    let find = format!(
        "SELECT event_id, target_id, ready_ms FROM sb_delivery d WHERE ready_ms >= ? AND {IS_ITS} LIMIT {MANY}"
    );
    let free = format!("UPDATE sb_delivery SET {GIVE_BACK} WHERE event_id = ? AND target_id = ? AND ready_ms = ?");
    let mut released = 0;
    loop {
        let rows = store.query(find.clone(), params![PARKED]).await?;
        let mut change = Change::new();
        for row in &rows {
            let values = params![now_ms, now_ms, row.key(0)?, row.key(1)?, row.int(2)?];
            change = change.run(free.clone(), values);
        }
        if !rows.is_empty() {
            store.commit(change).await?;
        }
        released += rows.len();
        if rows.len() < MANY {
            return Ok(released);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_parked_is_due_at_no_time() {
        for n in 0..200 {
            let event = EventId::new(n);
            assert!((PARKED..=Millis::MAX).contains(&behind(event)));
            assert_eq!(behind(event), behind(event));
        }
        let all: std::collections::HashSet<Millis> = (0..200).map(|_| behind(EventId::new(1))).collect();
        assert_eq!(all.len(), 200, "each behind another");
    }
}
