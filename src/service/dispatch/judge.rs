//! What a provider's answer means for the message.

use super::lane::OwnedLane;
use super::{Dispatch, retry};
use crate::model::message::{AttemptOutcome, MessageState};
use crate::provider::SendOutcome;
use crate::service::account::AccountHandle;
use crate::store::message::SendAttempt;
use crate::store::outbox::outcome::NextStep;

impl Dispatch {
    /// What an answer means for the message.
    pub(super) fn judge(
        &self,
        lane: &OwnedLane,
        via: &AccountHandle,
        answer: SendOutcome,
        attempt: &mut SendAttempt,
    ) -> NextStep {
        let (tries, now_ms) = (lane.progress.tries, attempt.ended_ms);
        let aside = self.has_held_up(lane, now_ms);
        let again = |asked| {
            let wait = retry::wait(&self.parts.settings, tries, asked);
            let ready_ms = Self::when(lane, wait, now_ms);
            NextStep::Again { ready_ms, aside }
        };
        match answer {
            SendOutcome::Accepted { provider_id, .. } => {
                attempt.provider_id = Some(provider_id);
                NextStep::Over { state: MessageState::Sent, code: None, reason: None }
            }
            SendOutcome::Refused { code, reason } => refused(attempt, code, reason),
            SendOutcome::Failed { provider_id, code, reason } => {
                attempt.provider_id = Some(provider_id);
                refused(attempt, code, reason)
            }
            SendOutcome::Denied { code, reason } | SendOutcome::Forbidden { code, reason } => {
                (attempt.code, attempt.reason) = (code, Some(reason));
                // behind a number of ours all wait for the same account; behind a foreign sender they need not
                let aside = aside && via.account.any_sender;
                let rests = via.breaker.wait(std::time::Instant::now(), tries);
                let wait = retry::wait(&self.parts.settings, 1, Some(rests));
                NextStep::Again { ready_ms: Self::when(lane, wait, now_ms), aside }
            }
            SendOutcome::Throttled { after, reason } | SendOutcome::Unreachable { after, reason } => {
                attempt.reason = Some(reason);
                if let Some(after) = after {
                    via.limiter.pause(after, std::time::Instant::now());
                }
                again(after)
            }
            SendOutcome::Uncertain { reason } => {
                attempt.reason = Some(reason.clone());
                self.in_doubt(lane, via, &reason, aside, now_ms)
            }
        }
    }
}

/// The message would be refused again.
fn refused(attempt: &mut SendAttempt, code: Option<i64>, reason: String) -> NextStep {
    (attempt.code, attempt.reason) = (code, Some(reason.clone()));
    NextStep::Over { state: MessageState::Failed, code, reason: Some(reason) }
}

/// The same as it is written down.
pub(super) fn outcome_of(answer: &SendOutcome) -> AttemptOutcome {
    match answer {
        SendOutcome::Accepted { .. } => AttemptOutcome::Accepted,
        SendOutcome::Refused { .. } | SendOutcome::Failed { .. } => AttemptOutcome::Refused,
        SendOutcome::Denied { .. } | SendOutcome::Forbidden { .. } => AttemptOutcome::Denied,
        SendOutcome::Throttled { .. } => AttemptOutcome::Throttled,
        SendOutcome::Unreachable { .. } => AttemptOutcome::Unreachable,
        SendOutcome::Uncertain { .. } => AttemptOutcome::Uncertain,
    }
}
