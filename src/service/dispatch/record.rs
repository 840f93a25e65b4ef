//! Writing down what came of a call. It was made, so this is tried until it is written.

use std::time::Duration;

use tokio::time::Instant;

use super::Dispatch;
use super::lane::OwnedLane;
use crate::model::Channel;
use crate::model::message::MessageState;
use crate::service::event::FailureReason;
use crate::service::retry;
use crate::store::event::PendingEvents;
use crate::store::outbox::claim;
use crate::store::outbox::outcome::{LaneHeadOutcome, NextStep, is_written, late};
use crate::store::session::call;

/// How long we keep trying to record an outcome that came too late for its lane.
const LATE: Duration = Duration::from_secs(60);

impl Dispatch {
    /// Records an outcome. `true`: more messages wait in the lane, which is still ours.
    pub(super) async fn record(&self, lane: &OwnedLane, mut outcome: LaneHeadOutcome) -> bool {
        outcome.told = self.told_next(lane, &outcome.next);
        let mut was_away = false;
        loop {
            // lanes change hands only some seconds after their lease ended
            if lane.lease_ends <= Instant::now() {
                return self.record_late(&outcome).await;
            }
            match self.outcomes.write(outcome.clone()).await {
                Ok(is_ours) => {
                    self.after(lane, &outcome);
                    self.let_session_rest(lane, &outcome.next).await;
                    return is_ours && matches!(outcome.next, NextStep::Over { .. });
                }
                Err(error) if error.will_pass() => {
                    tracing::warn!(%error, "an outcome waits for the store");
                    was_away = true;
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                // it was written before the store went away, but we did not hear of it
                Err(error) if error.is_race() && was_away && self.is_written(&outcome).await => {
                    self.after(lane, &outcome);
                    let is_owned = claim::is_owned(&self.parts.store, &self.parts.owner, lane.head.lane).await;
                    return is_owned.unwrap_or(false) && matches!(outcome.next, NextStep::Over { .. });
                }
                Err(error) if error.is_race() => match &mut outcome.next {
                    // nobody stands behind it after all: it may stay where it is
                    NextStep::Again { aside, .. } | NextStep::LookUp { aside, .. } if *aside => *aside = false,
                    _ => return self.record_late(&outcome).await,
                },
                Err(error) => {
                    tracing::error!(%error, message = %lane.message.id, "could not record what came of a message");
                    return self.record_late(&outcome).await;
                }
            }
        }
    }

    /// What is told when a call, or a wait, has come to this.
    fn told_next(&self, lane: &OwnedLane, next: &NextStep) -> PendingEvents {
        let (events, message, now_ms) = (&self.parts.events, &lane.message, self.parts.clock.now_ms());
        match next {
            NextStep::Over { state, code, reason } => {
                events.told(message, *state, FailureReason { code: *code, reason: reason.as_deref() }, now_ms)
            }
            // the first time only
            NextStep::Again { .. } | NextStep::LookUp { .. } if message.state.may_become(MessageState::Sending) => {
                events.told(message, MessageState::Sending, FailureReason::default(), now_ms)
            }
            NextStep::Again { .. } | NextStep::LookUp { .. } => PendingEvents::default(),
        }
    }

    async fn is_written(&self, outcome: &LaneHeadOutcome) -> bool {
        is_written(&self.parts.store, outcome).await.unwrap_or(false)
    }

    /// The lane is another's by now: what the provider answered is kept for whoever looks.
    async fn record_late(&self, outcome: &LaneHeadOutcome) -> bool {
        if let Err(error) = retry::while_away(LATE, || late(&self.parts.store, outcome)).await {
            tracing::warn!(%error, "could not record a late outcome");
        }
        false
    }

    /// A call that comes to nothing before its carrier says a word of it keeps no session going. What fails here time
    /// makes up for.
    async fn let_session_rest(&self, lane: &OwnedLane, next: &NextStep) {
        let is_nothing = matches!(next, NextStep::Over { state, .. } if state.is_failure());
        if lane.message.channel != Channel::Voice || !is_nothing {
            return;
        }
        if let Err(error) = call::rest(&self.parts.store, lane.message.id, self.parts.clock.now_ms()).await {
            tracing::info!(%error, "a session goes on as though a call were under way in it");
        }
    }

    fn after(&self, lane: &OwnedLane, outcome: &LaneHeadOutcome) {
        if !outcome.told.new.is_empty() {
            self.parts.events.wake();
        }
        if let NextStep::Over { state, code, .. } = &outcome.next {
            self.parts.metrics.sent(state.name());
            tracing::debug!(message = %lane.message.id, state = state.name(), code, "a message left the outbox");
        }
    }
}
