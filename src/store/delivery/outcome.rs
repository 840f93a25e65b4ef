//! What became of claimed deliveries, written for many at once.

use super::{DeliveryLease, DeliveryState, turn};
use crate::model::Millis;
use crate::store::event::EventTarget;
use crate::store::lease::{GIVE_BACK, LeaseOwner};
use crate::store::{Change, Result, Store, Value, callback, params};

/// What is written of a claimed delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    Delivered {
        status: u16,
    },
    /// Another try.
    Later {
        at_ms: Millis,
        status: Option<u16>,
        reason: String,
    },
    /// No further try: [`DeliveryState::Exhausted`] or [`DeliveryState::Dropped`].
    Over {
        state: DeliveryState,
        status: Option<u16>,
        reason: String,
    },
    /// It was not tried: given back as it was, due at that time.
    Released {
        at_ms: Millis,
    },
}

impl DeliveryOutcome {
    /// No further try follows.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Delivered { .. } | Self::Over { .. })
    }
}

/// What is written of the health of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointHealthChange {
    Unchanged,
    /// It works again.
    Recovered,
    /// It fails from now on.
    Failing,
}

/// One finished delivery.
#[derive(Clone, Debug)]
pub struct FinishedDelivery {
    pub held: DeliveryLease,
    pub outcome: DeliveryOutcome,
    pub health: EndpointHealthChange,
}

/// Writes what became of claimed deliveries in one commit. A delivery whose lease was lost is left
/// alone: another node is at it.
pub async fn record(store: &Store, owner: &LeaseOwner, done: &[FinishedDelivery], now_ms: Millis) -> Result<()> {
    let mut change = Change::new();
    for status in statuses(done) {
        let taken: Vec<DeliveryLease> = done
            .iter()
            .filter(|one| one.outcome == DeliveryOutcome::Delivered { status })
            .map(|one| one.held)
            .collect();
        change = delivered(change, owner, status, &taken, now_ms);
    }
    for one in done {
        change = health(single(change, owner, one, now_ms), one, now_ms);
    }
    store.commit(turn::pass_on(change, done, now_ms)).await?;
    let over = done.iter().filter(|one| one.held.has_login && one.outcome.is_over());
    let over: Vec<Value> = over.map(|one| one.held.target.key()).collect();
    // of two nodes that end the last deliveries of a message, one at least sees that both have ended
    if !over.is_empty()
        && let Err(error) = callback::erase_unneeded(store, &over).await
    {
        tracing::warn!(%error, "logins of callbacks that nobody needs were not erased; a sweep will");
    }
    Ok(())
}

fn statuses(done: &[FinishedDelivery]) -> std::collections::BTreeSet<u16> {
    let status = |one: &FinishedDelivery| match one.outcome {
        DeliveryOutcome::Delivered { status } => Some(status),
        DeliveryOutcome::Later { .. } | DeliveryOutcome::Over { .. } | DeliveryOutcome::Released { .. } => None,
    };
    done.iter().filter_map(status).collect()
}

/// The usual outcome, for many at once.
fn delivered(change: Change, owner: &LeaseOwner, status: u16, taken: &[DeliveryLease], now_ms: Millis) -> Change {
    let guard = vec!["(event_id = ? AND target_id = ? AND ready_ms = ?)"; taken.len()].join(" OR ");
    let mut values: Vec<Value> = params![i64::from(status), now_ms, owner];
    for held in taken {
        values.extend([held.event.into(), held.target.key(), held.until_ms.into()]);
    }
    let sql = format!(
        "UPDATE sb_delivery SET state = 'delivered', owner = NULL, ready_ms = NULL, tries = tries + 1, \
         last_status = ?, last_reason = NULL, changed_ms = ? WHERE owner = ? AND ({guard})"
    );
    change.run(sql, values)
}

/// One that a node holds.
const WHERE_HELD: &str = "WHERE event_id = ? AND target_id = ? AND ready_ms = ? AND owner = ?";

fn single(change: Change, owner: &LeaseOwner, done: &FinishedDelivery, now_ms: Millis) -> Change {
    let held = done.held;
    let key = params![held.event, held.target.key(), held.until_ms, owner];
    let (state, ready_ms, status, reason): (_, Option<Millis>, _, &str) = match &done.outcome {
        DeliveryOutcome::Delivered { .. } => return change,
        DeliveryOutcome::Later { at_ms, status, reason } => (DeliveryState::Pending, Some(*at_ms), *status, reason),
        DeliveryOutcome::Over { state, status, reason } => (*state, None, *status, reason),
        DeliveryOutcome::Released { at_ms } => {
            let sql = format!("UPDATE sb_delivery SET {GIVE_BACK} {WHERE_HELD}");
            return change.run(sql, [params![*at_ms, now_ms], key].concat());
        }
    };
    // dropping is no try
    let tried = i64::from(state != DeliveryState::Dropped || status.is_some());
    let reason: String = reason.chars().take(255).collect();
    let sql = format!(
        "UPDATE sb_delivery SET state = ?, owner = NULL, ready_ms = ?, set_ms = ?, tries = tries + ?, last_status = ?, \
         last_reason = ?, changed_ms = ? {WHERE_HELD}"
    );
    let values = params![state.name(), ready_ms, now_ms, tried, status.map(i64::from), reason, now_ms];
    change.run(sql, [values, key].concat())
}

fn health(change: Change, done: &FinishedDelivery, now_ms: Millis) -> Change {
    let EventTarget::Endpoint(id) = done.held.target else { return change };
    match done.health {
        EndpointHealthChange::Unchanged => change,
        EndpointHealthChange::Recovered => {
            change.run("UPDATE sb_endpoint SET failing_since_ms = NULL WHERE id = ?", params![id])
        }
        EndpointHealthChange::Failing => change.run(
            "UPDATE sb_endpoint SET failing_since_ms = ? WHERE id = ? AND failing_since_ms IS NULL",
            params![now_ms, id],
        ),
    }
}
