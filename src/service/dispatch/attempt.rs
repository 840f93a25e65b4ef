//! One call of a provider, and what its answer means for the account.

use std::time::Instant;

use super::Dispatch;
use super::code::OpenCode;
use super::judge::outcome_of;
use super::lane::OwnedLane;
use crate::model::message::AttemptOutcome;
use crate::model::{Channel, Millis};
use crate::provider::{self, OutgoingMessage, SendOutcome};
use crate::service::account::{AccountHandle, BlamedSend, BreakerChange, BreakerRequestOutcome, RestReason, rest};
use crate::store::message::{Message, SendAttempt};
use crate::store::outbox::outcome::NextStep;

impl Dispatch {
    /// Calls the provider: what is known of that once it is over, and what follows for the message.
    pub(super) async fn call(
        &self,
        lane: &OwnedLane,
        via: &AccountHandle,
        code: Option<&OpenCode>,
        started_ms: i64,
    ) -> (SendAttempt, NextStep) {
        let timeout = self.parts.settings.call_timeout.as_duration();
        let outgoing = self.outgoing(&lane.message, via, code, lane.lease_ends.into_std());
        let answer = tokio::time::timeout(timeout, via.connector.send(&outgoing)).await;
        let answer =
            answer.unwrap_or_else(|_| SendOutcome::Uncertain { reason: format!("no answer within {timeout:?}") });
        // carriers repeat what they refuse
        let answer = if let Some(code) = code { code.hide(answer) } else { answer };
        let ended_ms = self.parts.clock.now_ms();
        let (client, from, to) = (lane.message.client, &lane.message.from, &lane.message.to);
        let answer = via.judge(answer, BlamedSend { client, from, to });
        let mut attempt = SendAttempt {
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
        self.note_sender(via, from, &attempt);
        if provider::opted_out(via.connector.kind(), attempt.code) && lane.message.channel == Channel::Sms {
            // the next message is refused in the same way, and tries again to write it
            if let Err(error) = self.parts.opt_outs.opted_out_at_carrier(client, from, to).await {
                tracing::warn!(%error, "could not write a carrier's opt-out");
            }
        }
        (attempt, next)
    }

    /// A message as its provider gets it, until the lease of its lane ends.
    pub(super) fn outgoing(
        &self,
        message: &Message,
        handle: &AccountHandle,
        code: Option<&OpenCode>,
        lease_ends: Instant,
    ) -> OutgoingMessage {
        let now_ms = self.parts.clock.now_ms();
        let status_url = self.parts.public_url.as_ref().and_then(|origin| {
            let path = handle.connector.status_path()?;
            Some(format!("{origin}{path}"))
        });
        OutgoingMessage {
            id: message.id,
            channel: message.channel,
            from: message.from.clone(),
            to: message.to.clone(),
            body: code.map_or_else(|| message.body.clone(), OpenCode::text),
            media_urls: message.content.media_urls.clone(),
            template: message.content.template.clone(),
            valid_for_secs: message.expires_ms.map(|expires_ms| seconds_left(expires_ms, now_ms)),
            status_url,
            instructions: message.content.call.clone(),
            until: code.map_or(lease_ends, |code| code.until(lease_ends, now_ms)),
            secret: code.map(OpenCode::secret),
        }
    }

    /// What an answer means for the account.
    fn note(&self, via: &AccountHandle, answer: &SendOutcome) -> Option<BreakerChange> {
        self.parts.metrics.called(via.connector.kind().name(), outcome_of(answer).name());
        match answer {
            SendOutcome::Accepted { .. } | SendOutcome::Refused { .. } | SendOutcome::Failed { .. } => {
                via.record(BreakerRequestOutcome::Well, None)
            }
            SendOutcome::Denied { code, .. } | SendOutcome::Forbidden { code, .. } => {
                via.record(BreakerRequestOutcome::Denied, *code)
            }
            SendOutcome::Unreachable { .. } | SendOutcome::Uncertain { .. } => {
                via.record(BreakerRequestOutcome::Failed, None)
            }
            SendOutcome::Throttled { .. } => None,
        }
    }

    /// New sessions avoid a number that its carrier does not know as the account's.
    fn note_sender(&self, via: &AccountHandle, from: &str, attempt: &SendAttempt) {
        let entries = self.parts.directory.current();
        let sender = entries.sender(from).filter(|sender| sender.number.account == via.account.id);
        let Some(sender) = sender else { return };
        let (kind, code) = (via.connector.kind(), attempt.code);
        match attempt.outcome {
            AttemptOutcome::Accepted => sender.accept(),
            AttemptOutcome::Refused if provider::has_no_such_sender(kind, code) && sender.refuse(attempt.ended_ms) => {
                let number = sender.number.id;
                tracing::warn!(%number, code, "a carrier does not have it: new sessions avoid it");
            }
            _ => {}
        }
    }

    /// Writes down that an account rests, or is in use again, where that is not known. What fails here is tried again
    /// by the next call.
    async fn tell_rest(&self, via: &AccountHandle, turn: Option<BreakerChange>, attempt: &SendAttempt) {
        let (directory, events, at_ms) = (&self.parts.directory, &self.parts.events, attempt.ended_ms);
        let told = match turn {
            Some(BreakerChange::Opened | BreakerChange::Denied) if attempt.outcome == AttemptOutcome::Denied => {
                let reason = attempt.reason.clone().unwrap_or_default();
                let why = RestReason { since_ms: at_ms, code: attempt.code, reason };
                rest::begin(directory, events, &via.account, &why).await
            }
            Some(BreakerChange::Closed) => rest::end(directory, events, via.account.id, at_ms).await,
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
}

/// For how long a carrier may still try: a second at least, whatever the clocks say.
fn seconds_left(expires_ms: Millis, now_ms: Millis) -> u32 {
    u32::try_from((expires_ms - now_ms) / 1000).unwrap_or_default().max(1)
}

/// Whether the carrier has looked at the message.
fn is_well(attempt: &SendAttempt) -> bool {
    matches!(attempt.outcome, AttemptOutcome::Accepted | AttemptOutcome::Refused)
}
