//! One call of a provider, and what its answer means.

use super::drive::Lane;
use super::{Outbound, retry};
use crate::model::Channel;
use crate::model::message::State;
use crate::provider;
use crate::service::account::Line;
use crate::store::message::Attempt;
use crate::store::outbox::outcome::Next;

/// What is known of a call once it is over.
pub(super) struct Called {
    pub attempt: Attempt,
    pub next: Next,
}

impl Outbound {
    pub(super) async fn call(&self, lane: &Lane, via: &Line, started_ms: i64) -> Called {
        let timeout = self.parts.settings.call_timeout.as_duration();
        let answer = tokio::time::timeout(timeout, via.connector.send(&self.outgoing(&lane.message, via))).await;
        let answer =
            answer.unwrap_or_else(|_| provider::Outcome::Uncertain { reason: format!("no answer within {timeout:?}") });
        let mut attempt = Attempt {
            number: lane.progress.tries,
            account: via.account.id,
            outcome: String::new(),
            provider_id: None,
            code: None,
            reason: None,
            started_ms,
            ended_ms: self.parts.clock.now_ms(),
        };
        let next = self.judge(lane, via, answer, &mut attempt);
        if provider::opted_out(via.connector.kind(), attempt.code) && lane.message.channel == Channel::Sms {
            let (client, from, to) = (lane.message.client, &lane.message.from, &lane.message.to);
            // the next message is refused in the same way, and tries again to write it
            if let Err(error) = self.opted_out_at_carrier(client, from, to).await {
                tracing::warn!(%error, "could not write a carrier's opt-out");
            }
        }
        Called { attempt, next }
    }

    /// What an answer means for the message, its account, and what is told of it.
    fn judge(&self, lane: &Lane, via: &Line, answer: provider::Outcome, attempt: &mut Attempt) -> Next {
        let (tries, now_ms) = (lane.progress.tries, attempt.ended_ms);
        let aside = self.has_held_up(lane, now_ms);
        let again = |asked| {
            let wait = retry::wait(&self.parts.settings, tries, asked);
            let ready_ms = Self::when(lane, wait, now_ms);
            Next::Again { ready_ms, aside }
        };
        let is_success = matches!(answer, provider::Outcome::Accepted { .. } | provider::Outcome::Refused { .. });
        if !matches!(answer, provider::Outcome::Throttled { .. }) {
            via.record(is_success);
        }
        name(&answer).clone_into(&mut attempt.outcome);
        self.parts.metrics.called(via.connector.kind().name(), name(&answer));
        match answer {
            provider::Outcome::Accepted { provider_id, .. } => {
                attempt.provider_id = Some(provider_id);
                Next::Over { state: State::Sent, code: None, reason: None }
            }
            provider::Outcome::Refused { code, reason } => {
                (attempt.code, attempt.reason) = (code, Some(reason.clone()));
                Next::Over { state: State::Failed, code, reason: Some(reason) }
            }
            provider::Outcome::Throttled { after, reason } => {
                attempt.reason = Some(reason);
                if let Some(after) = after {
                    via.pace.pause(after, std::time::Instant::now());
                }
                again(after)
            }
            provider::Outcome::Unreachable { reason } => {
                attempt.reason = Some(reason);
                again(None)
            }
            provider::Outcome::Uncertain { reason } => {
                attempt.reason = Some(reason.clone());
                self.in_doubt(lane, via, &reason, aside, now_ms)
            }
        }
    }
}

fn name(outcome: &provider::Outcome) -> &'static str {
    match outcome {
        provider::Outcome::Accepted { .. } => "accepted",
        provider::Outcome::Refused { .. } => "refused",
        provider::Outcome::Throttled { .. } => "throttled",
        provider::Outcome::Unreachable { .. } => "unreachable",
        provider::Outcome::Uncertain { .. } => "uncertain",
    }
}
