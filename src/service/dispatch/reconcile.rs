//! Sent, but no answer came: a blind retry would text people twice, so the provider is asked first.

use super::code::CodeStep;
use super::lane::{OwnedLane, outcome, over};
use super::{Dispatch, retry};
use crate::model::Millis;
use crate::model::message::{AttemptOutcome, MessageState};
use crate::service::account::{self, AccountHandle};
use crate::store::account::UncertainPolicy;
use crate::store::message::SendAttempt;
use crate::store::outbox::claim;
use crate::store::outbox::outcome::{LaneHeadOutcome, NextStep, ReconciledAttempt, is_recorded};

/// Providers stamp messages by their own clock, which may stand so far from ours.
const PROVIDER_SKEW_MS: Millis = 5_000;

/// How far back a message is looked for whose call was made by a clock that has gone back since: who knows when.
const LONG_MS: Millis = 24 * 3_600_000;

/// Twilio's code for a message whose fate is unknown.
const UNKNOWN_ERROR: i64 = 30008;

impl Dispatch {
    /// What follows a call without an answer.
    pub(super) fn in_doubt(
        &self,
        lane: &OwnedLane,
        via: &AccountHandle,
        reason: &str,
        aside: bool,
        now_ms: Millis,
    ) -> NextStep {
        // not later than now: the clock may have gone back during the call
        let started_ms = lane.progress.started_ms.unwrap_or(now_ms).min(now_ms);
        match policy(via) {
            UncertainPolicy::Fail => NextStep::Over {
                state: MessageState::Failed,
                code: Some(UNKNOWN_ERROR),
                reason: Some(reason.to_owned()),
            },
            UncertainPolicy::Reconcile => {
                let ready_ms = retry::next_look_up(&self.parts.settings, started_ms, now_ms).unwrap_or(now_ms);
                NextStep::LookUp { ready_ms, aside }
            }
            UncertainPolicy::Resend => {
                let wait = retry::wait(&self.parts.settings, lane.progress.tries, None);
                NextStep::Again { ready_ms: now_ms + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 4), aside }
            }
        }
    }

    /// Asks what became of a message's last call. `None`: the provider never had it, send it again.
    pub(super) async fn reconcile(&self, lane: &OwnedLane, via: Option<&AccountHandle>) -> Option<LaneHeadOutcome> {
        let now_ms = self.parts.clock.now_ms();
        let started_ms = lane.progress.started_ms.unwrap_or(now_ms).min(now_ms);
        let Some(via) = via else {
            return Some(over(lane, MessageState::Failed, Some(UNKNOWN_ERROR), "its account was deleted"));
        };
        let aside = self.has_held_up(lane, now_ms);
        if !lane.progress.is_recorded {
            // its node died during the call: say so, and go on as if no answer had come
            let reason = "the node died during the call";
            let next = self.in_doubt(lane, via, reason, aside, now_ms);
            // an answer that came when its lane was lost has been recorded: a second one would never be written
            let known = is_recorded(&self.parts.store, lane.message.id, lane.progress.tries).await;
            let attempt = (!known.unwrap_or(false)).then(|| lost(lane, via, started_ms, now_ms, reason));
            return Some(outcome(lane, attempt, None, next));
        }
        match policy(via) {
            UncertainPolicy::Reconcile => {}
            UncertainPolicy::Resend => return None,
            // it waited for a question that its account no longer wants asked
            UncertainPolicy::Fail => {
                return Some(over(lane, MessageState::Failed, Some(UNKNOWN_ERROR), "its call was not answered"));
            }
        }
        let later = |ready_ms| {
            let next = NextStep::LookUp { ready_ms, aside };
            Some(outcome(lane, None, None, next))
        };
        match self.find(lane, via, started_ms).await {
            Ok(Some(provider_id)) => {
                let adopted = Some(ReconciledAttempt { number: lane.progress.tries, provider_id });
                let next = NextStep::Over { state: MessageState::Sent, code: None, reason: None };
                Some(outcome(lane, None, adopted, next))
            }
            Ok(None) => retry::next_look_up(&self.parts.settings, started_ms, now_ms).and_then(later),
            // who cannot be asked cannot be sent to either: never send blindly, but do not ask for ever
            Err(_)
                if lane.message.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms)
                    && retry::next_look_up(&self.parts.settings, started_ms, now_ms).is_none() =>
            {
                let reason = "its call was not answered, and its carrier could not be asked what became of it";
                Some(over(lane, MessageState::Failed, Some(UNKNOWN_ERROR), reason))
            }
            Err(reason) => {
                tracing::info!(message = %lane.message.id, reason, "could not ask what became of a message");
                let wait = retry::wait(&self.parts.settings, lane.progress.tries + 3, None);
                later(now_ms + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 4))
            }
        }
    }

    /// The provider's id of this message: the same to, from and body, made since the call began,
    /// and not another message of ours.
    async fn find(&self, lane: &OwnedLane, via: &AccountHandle, started_ms: Millis) -> Result<Option<String>, String> {
        let message = &lane.message;
        let code = match self.open_code(lane, None).await {
            CodeStep::Go(code) => code,
            // without it the text cannot be told from others; nor is it sent again
            CodeStep::Stop { reason, .. } => return Err(reason.to_owned()),
            CodeStep::Lost => return Err("the store is away".to_owned()),
        };
        let is_turned = lane.progress.first_ms.is_some_and(|first_ms| first_ms > started_ms);
        let since_ms = started_ms - if is_turned { LONG_MS } else { PROVIDER_SKEW_MS };
        let outgoing = self.outgoing(message, via, code.as_ref(), lane.lease_ends.into_std());
        let listed = via.connector.find(&outgoing, since_ms).await;
        // the log has them
        let told = |words: String| match &code {
            Some(code) => code.hide_in(&words),
            None => words,
        };
        let listed = listed.map_err(|error| told(error.to_string()))?;
        let mut ids: Vec<String> = listed.into_iter().map(|sent| sent.provider_id).collect();
        let taken = claim::taken_ids(&self.parts.store, &ids).await.map_err(|error| error.to_string())?;
        ids.retain(|id| !taken.contains(id));
        // the oldest: whatever came later belongs to a later message
        Ok(ids.pop())
    }
}

/// What the account wants, as far as its provider can.
pub(super) fn policy(via: &AccountHandle) -> UncertainPolicy {
    match via.account.uncertain {
        UncertainPolicy::Reconcile => account::usual(via.connector.kind()),
        other => other,
    }
}

fn lost(lane: &OwnedLane, via: &AccountHandle, started_ms: Millis, now_ms: Millis, reason: &str) -> SendAttempt {
    SendAttempt {
        number: lane.progress.tries,
        account: via.account.id,
        outcome: AttemptOutcome::Uncertain,
        provider_id: None,
        code: None,
        reason: Some(reason.to_owned()),
        started_ms,
        ended_ms: now_ms,
    }
}
