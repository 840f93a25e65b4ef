//! Whose turn it is among the events of one object on their way to an ordered endpoint: `sb_delivery_turn`.
//!
//! A delivery that takes turns names its object, and has a row here until it is over. Only the one with the lowest place
//! is claimed: the lease that it is claimed under is all that holds the others, on every node. An event gets its place in
//! the transaction that writes it, after all that come before it are committed, so none can slip in front later.
//!
//! One that is tried again takes a hundred behind it along to its next try. They could not be claimed anyway, and a place that
//! is away for long would leave more and more of them for each look to pass over.

use std::collections::HashMap;

use super::{DeliveryOutcome, FinishedDelivery, HeldDelivery};
use crate::model::{EventId, Millis};
use crate::store::event::{EventTarget, NewEvent};
use crate::store::{Change, Query, Result, Store, Value, params};

/// Whether a delivery `d` may be claimed as far as turns go: it takes none, it is the first, or its endpoint, as it is
/// now, is told in any order.
pub(super) const IS_ITS: &str = " AND (d.object IS NULL \
    OR d.event_id = COALESCE((SELECT t.event_id FROM sb_delivery_turn t \
        WHERE t.target_id = d.target_id AND t.object = d.object ORDER BY t.place LIMIT 1), d.event_id) \
    OR COALESCE((SELECT p.ordered FROM sb_endpoint p WHERE p.id = d.target_id AND p.state = 'enabled'), 0) = 0)";

/// Gives up a turn that a delivery has no use for any more: it is over, or takes none.
const LEAVE: &str = "DELETE FROM sb_delivery_turn WHERE event_id = ? AND target_id = ? AND NOT EXISTS \
    (SELECT 1 FROM sb_delivery d WHERE d.event_id = sb_delivery_turn.event_id \
     AND d.target_id = sb_delivery_turn.target_id AND d.object IS NOT NULL AND d.ready_ms IS NOT NULL)";

/// The same of whatever has one within a range of events.
pub(in crate::store) const SWEEP: &str = "DELETE FROM sb_delivery_turn WHERE event_id > ? AND event_id <= ? AND NOT EXISTS \
    (SELECT 1 FROM sb_delivery d WHERE d.event_id = sb_delivery_turn.event_id \
     AND d.target_id = sb_delivery_turn.target_id AND d.object IS NOT NULL AND d.ready_ms IS NOT NULL)";

const BEHIND: &str = "SELECT f.event_id FROM sb_delivery_turn t JOIN sb_delivery_turn f \
    ON f.target_id = t.target_id AND f.object = t.object AND f.place > t.place \
    WHERE t.event_id = ? AND t.target_id = ? ORDER BY f.place LIMIT 100";

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

/// Adds what deliveries that were tried, or are over, mean to those behind them.
pub(super) async fn pass_on(
    store: &Store,
    mut change: Change,
    done: &[FinishedDelivery],
    now_ms: Millis,
) -> Result<Change> {
    let turns: Vec<&FinishedDelivery> = done.iter().filter(|one| one.held.has_turn).collect();
    if turns.is_empty() {
        return Ok(change);
    }
    let queries = turns.iter().map(|one| behind(one.held.event, one.held.target)).collect();
    for (one, rows) in turns.iter().zip(store.read(queries).await?) {
        let HeldDelivery { event, target, .. } = one.held;
        let followers = rows.iter().map(|row| row.key(0)).collect::<Result<Vec<_>>>()?;
        change = match &one.outcome {
            DeliveryOutcome::Released { .. } => change,
            DeliveryOutcome::Later { at_ms, .. } => followers
                .into_iter()
                .fold(change, |change, follower| wait(change, (event, follower), target, *at_ms, now_ms)),
            DeliveryOutcome::Delivered { .. } | DeliveryOutcome::Over { .. } => {
                leave(change, event, target, followers.into_iter().next(), now_ms)
            }
        };
    }
    Ok(change)
}

/// Takes a delivery out of its row, in the change that has it told again: it waits for nobody, and nobody for it.
pub(in crate::store) async fn step_out(
    store: &Store,
    change: Change,
    event: EventId,
    target: EventTarget,
    now_ms: Millis,
) -> Result<Change> {
    let rows = store.read(vec![behind(event, target)]).await?.concat();
    let next = rows.first().map(|row| row.key(0)).transpose()?;
    Ok(leave(change, event, target, next, now_ms))
}

fn behind(event: EventId, target: EventTarget) -> Query {
    Query::new(BEHIND, params![event, target.key()])
}

/// A follower waits as long as its head, where that is the head still and the endpoint is told in order still.
fn wait(
    change: Change,
    (head, follower): (EventId, Value),
    target: EventTarget,
    at_ms: Millis,
    now_ms: Millis,
) -> Change {
    let sql = "UPDATE sb_delivery SET ready_ms = ?, set_ms = ? \
               WHERE event_id = ? AND target_id = ? AND owner IS NULL AND object IS NOT NULL AND ready_ms < ? \
               AND EXISTS (SELECT 1 FROM sb_delivery_turn t WHERE t.event_id = ? \
               AND t.target_id = sb_delivery.target_id) \
               AND EXISTS (SELECT 1 FROM sb_endpoint p WHERE p.id = sb_delivery.target_id AND p.ordered = 1)";
    change.run(sql, params![at_ms, now_ms, follower, target.key(), at_ms, head])
}

/// The next, where there is one, goes at once, but for one that waits for a try of its own.
fn leave(change: Change, event: EventId, target: EventTarget, next: Option<Value>, now_ms: Millis) -> Change {
    let change = change.run(LEAVE, params![event, target.key()]);
    let Some(next) = next else { return change };
    let sql = "UPDATE sb_delivery SET ready_ms = ?, set_ms = ? \
               WHERE event_id = ? AND target_id = ? AND owner IS NULL AND tries = 0 AND ready_ms > ?";
    change.run(sql, params![now_ms, now_ms, next, target.key(), now_ms])
}
