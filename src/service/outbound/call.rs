//! One call of a provider, and what its answer means.

use super::drive::Lane;
use super::{Outbound, retry};
use crate::model::Channel;
use crate::model::message::{AttemptOutcome, State};
use crate::provider;
use crate::service::account::{AccountHandle, Ended, Rest, Sent, Turn, rest};
use crate::store::message::Attempt;
use crate::store::outbox::outcome::Next;

/// What is known of a call once it is over.
pub(super) struct Called {
    pub attempt: Attempt,
    pub next: Next,
}

impl Outbound {
    pub(super) async fn call(&self, lane: &Lane, via: &AccountHandle, started_ms: i64) -> Called {
        let timeout = self.parts.settings.call_timeout.as_duration();
        let outgoing = self.outgoing(&lane.message, via, lane.lease_ends.into_std());
        let answer = tokio::time::timeout(timeout, via.connector.send(&outgoing)).await;
        let answer =
            answer.unwrap_or_else(|_| provider::Outcome::Uncertain { reason: format!("no answer within {timeout:?}") });
        let ended_ms = self.parts.clock.now_ms();
        let (client, from, to) = (lane.message.client, &lane.message.from, &lane.message.to);
        let answer = via.judge(answer, Sent { client, from, to });
        let mut attempt = Attempt {
            number: lane.progress.tries,
            account: via.account.id,
            outcome: outcome_of(&answer),
            provider_id: None,
            code: None,
            reason: None,
            started_ms,
            ended_ms,
        };
        let turn = self.note(via, &answer);
        let next = self.judge(lane, via, answer, &mut attempt);
        self.tell_rest(via, turn, &attempt).await;
        if provider::opted_out(via.connector.kind(), attempt.code) && lane.message.channel == Channel::Sms {
            // the next message is refused in the same way, and tries again to write it
            if let Err(error) = self.opted_out_at_carrier(client, from, to).await {
                tracing::warn!(%error, "could not write a carrier's opt-out");
            }
        }
        Called { attempt, next }
    }

    /// What an answer means for the account.
    fn note(&self, via: &AccountHandle, answer: &provider::Outcome) -> Option<Turn> {
        self.parts.metrics.called(via.connector.kind().name(), outcome_of(answer).name());
        match answer {
            provider::Outcome::Accepted { .. }
            | provider::Outcome::Refused { .. }
            | provider::Outcome::Failed { .. } => via.record(Ended::Well, None),
            provider::Outcome::Denied { code, .. } | provider::Outcome::Forbidden { code, .. } => {
                via.record(Ended::Denied, *code)
            }
            provider::Outcome::Unreachable { .. } | provider::Outcome::Uncertain { .. } => {
                via.record(Ended::Failed, None)
            }
            provider::Outcome::Throttled { .. } => None,
        }
    }

    /// Writes down that an account rests, or is in use again, where that is not known. What fails here is tried again
    /// by the next call.
    async fn tell_rest(&self, via: &AccountHandle, turn: Option<Turn>, attempt: &Attempt) {
        let (directory, events, at_ms) = (&self.parts.directory, &self.parts.events, attempt.ended_ms);
        let told = match turn {
            Some(Turn::Opened | Turn::Denied) if attempt.outcome == AttemptOutcome::Denied => {
                let reason = attempt.reason.clone().unwrap_or_default();
                rest::begin(directory, events, &via.account, &Rest { since_ms: at_ms, code: attempt.code, reason })
                    .await
            }
            Some(Turn::Closed) => rest::end(directory, events, via.account.id, at_ms).await,
            // that it is in use again could not be written, or it was not known here that it rested
            None if is_well(attempt) && via.rest().is_some_and(|rest| rest.since_ms < attempt.started_ms) => {
                rest::end(directory, events, via.account.id, at_ms).await
            }
            _ => Ok(()),
        };
        if let Err(error) = told {
            tracing::warn!(%error, account = %via.account.id, "could not write down whether an account rests");
        }
    }

    /// What an answer means for the message.
    fn judge(&self, lane: &Lane, via: &AccountHandle, answer: provider::Outcome, attempt: &mut Attempt) -> Next {
        let (tries, now_ms) = (lane.progress.tries, attempt.ended_ms);
        let aside = self.has_held_up(lane, now_ms);
        let again = |asked| {
            let wait = retry::wait(&self.parts.settings, tries, asked);
            let ready_ms = Self::when(lane, wait, now_ms);
            Next::Again { ready_ms, aside }
        };
        match answer {
            provider::Outcome::Accepted { provider_id, .. } => {
                attempt.provider_id = Some(provider_id);
                Next::Over { state: State::Sent, code: None, reason: None }
            }
            provider::Outcome::Refused { code, reason } => refused(attempt, code, reason),
            provider::Outcome::Failed { provider_id, code, reason } => {
                attempt.provider_id = Some(provider_id);
                refused(attempt, code, reason)
            }
            provider::Outcome::Denied { code, reason } | provider::Outcome::Forbidden { code, reason } => {
                (attempt.code, attempt.reason) = (code, Some(reason));
                // behind a number of ours all wait for the same account; behind a foreign sender they need not
                let aside = aside && via.account.any_sender;
                let rests = via.breaker.wait(std::time::Instant::now(), tries);
                let wait = retry::wait(&self.parts.settings, 1, Some(rests));
                Next::Again { ready_ms: Self::when(lane, wait, now_ms), aside }
            }
            provider::Outcome::Throttled { after, reason } | provider::Outcome::Unreachable { after, reason } => {
                attempt.reason = Some(reason);
                if let Some(after) = after {
                    via.pace.pause(after, std::time::Instant::now());
                }
                again(after)
            }
            provider::Outcome::Uncertain { reason } => {
                attempt.reason = Some(reason.clone());
                self.in_doubt(lane, via, &reason, aside, now_ms)
            }
        }
    }
}

/// Whether the carrier has looked at the message.
fn is_well(attempt: &Attempt) -> bool {
    matches!(attempt.outcome, AttemptOutcome::Accepted | AttemptOutcome::Refused)
}

/// The message would be refused again.
fn refused(attempt: &mut Attempt, code: Option<i64>, reason: String) -> Next {
    (attempt.code, attempt.reason) = (code, Some(reason.clone()));
    Next::Over { state: State::Failed, code, reason: Some(reason) }
}

fn outcome_of(answer: &provider::Outcome) -> AttemptOutcome {
    match answer {
        provider::Outcome::Accepted { .. } => AttemptOutcome::Accepted,
        provider::Outcome::Refused { .. } | provider::Outcome::Failed { .. } => AttemptOutcome::Refused,
        provider::Outcome::Denied { .. } | provider::Outcome::Forbidden { .. } => AttemptOutcome::Denied,
        provider::Outcome::Throttled { .. } => AttemptOutcome::Throttled,
        provider::Outcome::Unreachable { .. } => AttemptOutcome::Unreachable,
        provider::Outcome::Uncertain { .. } => AttemptOutcome::Uncertain,
    }
}
