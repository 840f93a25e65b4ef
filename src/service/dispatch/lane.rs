//! Sends the messages of one lane, one after the other, for as long as this node owns it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::Dispatch;
use super::code::CodeStep;
use super::permit::SendPermit;
use crate::model::message::{AttemptOutcome, MessageState};
use crate::model::{AccountId, LaneKey, Millis};
use crate::provider::OPTED_OUT;
use crate::service::account::AccountHandle;
use crate::store::code::FreshCode;
use crate::store::event::PendingEvents;
use crate::store::message::{Message, SendAttempt};
use crate::store::outbox::intake::LeasedMessage;
use crate::store::outbox::mark::{self, SendingMark, SendingMarkResult};
use crate::store::outbox::outcome::{LaneHeadOutcome, NextStep, ReconciledAttempt};
use crate::store::outbox::{LaneHead, LaneHeadProgress, claim};
use crate::store::{self};

/// How long a message waits whose account is there and cannot be used.
const UNUSABLE: Duration = Duration::from_secs(10);

/// A lane that this node owns, with its first message.
pub(super) struct OwnedLane {
    pub head: LaneHead,
    pub message: Message,
    pub progress: LaneHeadProgress,
    /// By the monotonic clock: a machine that slept, or a process that was stopped, owns nothing any more.
    pub lease_ends: Instant,
    /// Counts among the lanes held in memory.
    pub _room: OwnedSemaphorePermit,
    /// The lane says that the first message's provider is being called: the permit to do so.
    pub permit: Option<SendPermit>,
    /// The code that it tells by that, where it was made just now.
    pub code: Option<FreshCode>,
}

impl From<LeasedMessage<SendPermit>> for OwnedLane {
    /// A lane that was born with its first message.
    fn from(leased: LeasedMessage<SendPermit>) -> Self {
        let LeasedMessage { message, head, lease_ends, room, call, code } = leased;
        let progress = call.as_ref().map(|(_, started_ms)| LaneHeadProgress::called(*started_ms)).unwrap_or_default();
        let permit = call.map(|(permit, _)| permit);
        Self { head, message, progress, lease_ends, _room: room, permit, code }
    }
}

impl Dispatch {
    /// Sends a lane's messages until it is empty, must wait long, or is no longer ours.
    pub(super) async fn drive(self: Arc<Self>, mut lane: OwnedLane) {
        while let Some(outcome) = self.step(&mut lane).await {
            let is_denied = outcome.attempt.as_ref().is_some_and(|attempt| attempt.outcome == AttemptOutcome::Denied);
            let is_ours = self.record(&lane, outcome).await;
            if is_denied {
                self.park(&lane);
            }
            if !is_ours {
                return;
            }
            let lanes = [lane.head.lane];
            match claim::heads(&self.parts.store, &lanes).await.map(|mut heads| heads.pop()) {
                // one that is being called has a driver of its own: the lane was left, and born again
                Ok(Some(next)) if !next.progress.is_unknown => {
                    (lane.head, lane.message, lane.progress) = (next.head, next.message, next.progress);
                }
                // found again when its lease has ended
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Brings the first message as far as it goes. `None`: the lane is no longer ours.
    async fn step(&self, lane: &mut OwnedLane) -> Option<LaneHeadOutcome> {
        if let Some(mut permit) = lane.permit.take() {
            let fresh = lane.code.take();
            return self.marked(lane, &permit.handle(), fresh, lane.progress.started_ms?).await;
        }
        let Ok(via) = self.handle(lane.message.account).await else {
            self.postpone(lane, Duration::from_secs(1)).await;
            return None;
        };
        // an answer that came after its lane was lost is recorded late, perhaps since this lane was taken
        let is_repeat = lane.progress.tries > 0;
        if is_repeat && claim::accepted_as(&self.parts.store, lane.message.id).await.is_ok_and(|id| id.is_some()) {
            let next = NextStep::Over { state: MessageState::Sent, code: None, reason: None };
            return Some(outcome(lane, None, None, next));
        }
        if lane.progress.is_unknown {
            let found = self.reconcile(lane, via.as_deref()).await;
            if found.is_some() {
                return found;
            }
        }
        let now_ms = self.parts.clock.now_ms();
        if lane.message.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
            return Some(over(lane, MessageState::Expired, None, "its validity ended"));
        }
        let Some(via) = via else {
            if self.parts.directory.current().is_unusable(lane.message.account) {
                self.postpone(lane, UNUSABLE).await;
                return None;
            }
            return Some(over(lane, MessageState::Failed, None, "its account was deleted"));
        };
        let was_open = via.breaker.is_open();
        let reservations = match self.pass(lane, &via).await {
            Ok(reservations) => reservations,
            Err(wait) => return self.turned_away(lane, &via, wait, was_open).await,
        };
        let is_code = lane.message.content.secret.is_some();
        let _call = tokio::select! {
            biased;
            // another node can have it at once
            () = self.parts.stop.cancelled() => {
                self.postpone(lane, Duration::ZERO).await;
                return None;
            }
            call = via.calls.acquire(is_code) => call?,
        };
        let marked = self.mark(lane).await;
        if let Some(SendingMarkResult::Call { started_ms }) = marked {
            reservations.take();
            lane.progress.tries += 1;
            lane.progress.first_ms.get_or_insert(started_ms);
            lane.progress.started_ms = Some(started_ms);
            return self.marked(lane, &via, None, started_ms).await;
        }
        self.give_back(reservations).await;
        marked.map(|_| over(lane, MessageState::Failed, Some(OPTED_OUT), "the recipient has opted out"))
    }

    /// Lets a lane go whose turn is too far away.
    async fn turned_away(
        &self,
        lane: &OwnedLane,
        via: &AccountHandle,
        wait: Duration,
        was_open: bool,
    ) -> Option<LaneHeadOutcome> {
        let now_ms = self.parts.clock.now_ms();
        if via.account.any_sender && via.breaker.is_open() && self.has_held_up(lane, now_ms) {
            // those behind it may go through another account
            let ready_ms = Self::when(lane, wait, now_ms);
            return Some(outcome(lane, None, None, NextStep::Again { ready_ms, aside: true }));
        }
        self.postpone(lane, wait).await;
        if was_open || via.breaker.is_open() {
            // it may be in use again by now: then the lane goes on at once
            self.park(lane);
        } else {
            self.queue(lane, via, wait);
        }
        None
    }

    /// Calls the provider of a lane that says so.
    async fn marked(
        &self,
        lane: &OwnedLane,
        via: &AccountHandle,
        fresh: Option<FreshCode>,
        started_ms: Millis,
    ) -> Option<LaneHeadOutcome> {
        let code = match self.open_code(lane, fresh).await {
            CodeStep::Go(code) => code,
            CodeStep::Stop { state, reason } => return Some(over(lane, state, None, reason)),
            CodeStep::Lost => return None,
        };
        // right before the call: a process that was stopped meanwhile must not make it
        if lane.lease_ends <= Instant::now() {
            return None;
        }
        let (attempt, next) = self.call(lane, via, code.as_ref(), started_ms).await;
        Some(outcome(lane, Some(attempt), None, next))
    }

    /// The account as this node knows it; one that another node has just added is read first.
    async fn handle(&self, account: AccountId) -> store::Result<Option<Arc<AccountHandle>>> {
        if let Some(via) = self.parts.directory.current().handle(account) {
            return Ok(Some(via.clone()));
        }
        self.parts.directory.refresh().await?;
        Ok(self.parts.directory.current().handle(account).cloned())
    }

    /// The end of a wait; that of a message's validity is not slept through.
    pub(super) fn when(lane: &OwnedLane, wait: Duration, now_ms: i64) -> i64 {
        let at_ms = now_ms + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 4);
        lane.message.expires_ms.map_or(at_ms, |expires_ms| at_ms.min(expires_ms.max(now_ms)))
    }

    /// Lets a lane go until a later time, without an attempt.
    async fn postpone(&self, lane: &OwnedLane, wait: Duration) {
        let now_ms = self.parts.clock.now_ms();
        let at_ms = Self::when(lane, wait, now_ms);
        let lanes = [lane.head.lane];
        if let Err(error) = claim::release(&self.parts.store, &self.parts.owner, &lanes, at_ms, now_ms).await {
            // its lease ends by itself
            tracing::debug!(%error, "could not let go of a lane");
        }
    }

    /// Writes that the provider is about to be called. `None`: the lane is no longer ours.
    async fn mark(&self, lane: &mut OwnedLane) -> Option<SendingMarkResult> {
        let passes_opt_out = lane.message.content.is_reply;
        let message = &lane.message;
        // one that has stepped aside is in a lane of its own
        let opt_out = if lane.head.lane == LaneKey::own(message.id) {
            self.parts.lanes.opt_outs(message.channel, &message.from, &message.to)
        } else {
            self.parts.lanes.opt_outs_of(message, lane.head.lane)
        };
        let mut was_away = false;
        loop {
            let now = Instant::now();
            if lane.lease_ends <= now {
                return None;
            }
            let is_stale = lane.lease_ends <= now + self.parts.settings.call_timeout.as_duration() * 2;
            let ready = SendingMark { head: lane.head.clone(), is_stale, opt_out: opt_out.clone(), passes_opt_out };
            match self.marks.write(ready).await {
                Ok(marked) => {
                    if is_stale {
                        lane.lease_ends = now + self.parts.settings.lease.as_duration();
                    }
                    return Some(marked);
                }
                // it was written before the store went away, but we did not hear of it
                Err(error) if error.is_race() && was_away => {
                    let started_ms = mark::marked(&self.parts.store, &self.parts.owner, &lane.head).await.ok()??;
                    return Some(SendingMarkResult::Call { started_ms });
                }
                Err(error) if error.is_race() => return None,
                Err(error) if error.will_pass() => {
                    was_away = true;
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(error) => {
                    tracing::error!(%error, "could not mark a message");
                    return None;
                }
            }
        }
    }

    /// Whether a message has held up those behind it for long enough.
    pub(super) fn has_held_up(&self, lane: &OwnedLane, now_ms: i64) -> bool {
        let hold_ms = self.parts.settings.hold_for.as_ms();
        // a lane of its own holds nobody up
        let is_shared = lane.head.lane != LaneKey::own(lane.message.id);
        // a first call that lies ahead was made by a clock that has gone back since
        let since = lane.progress.first_ms.min(lane.progress.started_ms);
        is_shared && since.is_some_and(|since_ms| now_ms - since_ms >= hold_ms)
    }
}

pub(super) fn over(lane: &OwnedLane, state: MessageState, code: Option<i64>, reason: &str) -> LaneHeadOutcome {
    outcome(lane, None, None, NextStep::Over { state, code, reason: Some(reason.to_owned()) })
}

pub(super) fn outcome(
    lane: &OwnedLane,
    attempt: Option<SendAttempt>,
    adopted: Option<ReconciledAttempt>,
    next: NextStep,
) -> LaneHeadOutcome {
    let is_failure = matches!(next, NextStep::Over { state, .. } if state.is_failure());
    let refund = (is_failure && lane.message.cost.is_some()).then(|| Box::new(lane.message.clone()));
    let has_failed = matches!(next, NextStep::Over { state: MessageState::Failed, .. });
    let untold = lane.message.verification().filter(|_| has_failed);
    LaneHeadOutcome { head: lane.head.clone(), attempt, adopted, next, told: PendingEvents::default(), refund, untold }
}
