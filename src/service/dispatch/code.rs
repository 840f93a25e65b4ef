//! Messages that tell codes: what they say is known right before they leave, and of what their carriers answer no code is
//! written down.

use std::time::{Duration, Instant};

use super::Dispatch;
use super::lane::OwnedLane;
use crate::model::message::MessageState;
use crate::model::{Millis, hide_code};
use crate::provider::{OutgoingSecret, SendOutcome};
use crate::service::vault::VaultAnswer;
use crate::store::code::FreshCode;

/// A code that is told now, and until when it is worth that.
pub(super) struct OpenCode {
    secret: OutgoingSecret,
    expires_ms: Millis,
}

/// Whether a message goes out as far as its code goes.
pub(super) enum CodeStep {
    /// It does, with its code where it tells one.
    Go(Option<OpenCode>),
    /// There is nothing to be told any more.
    Stop { state: MessageState, reason: &'static str },
    /// The store is away, and the lane is ours no longer.
    Lost,
}

impl OpenCode {
    /// What goes to the provider.
    pub(super) fn secret(&self) -> OutgoingSecret {
        self.secret.clone()
    }

    /// The text with its code.
    pub(super) fn text(&self) -> String {
        self.secret.reference.put_in(&self.secret.stored, self.secret.code.expose())
    }

    /// Until when the text may be written to the provider: `lease_ends` at the latest.
    pub(super) fn until(&self, lease_ends: Instant, now_ms: Millis) -> Instant {
        let left = Duration::from_millis(u64::try_from(self.expires_ms - now_ms).unwrap_or_default());
        lease_ends.min(Instant::now() + left)
    }

    /// A provider's answer as it may be written down.
    pub(super) fn hide(&self, answer: SendOutcome) -> SendOutcome {
        answer.reworded(|words| self.hide_in(words))
    }

    /// The same of any words of theirs.
    pub(super) fn hide_in(&self, words: &str) -> String {
        hide_code(words, self.secret.code.expose())
    }
}

impl Dispatch {
    /// The code that a lane's first message tells. `fresh`: it is sent by the commit that has made it, and no sooner could
    /// its verification be over. Else it is looked up; while the store is away it is waited for.
    pub(super) async fn open_code(&self, lane: &OwnedLane, fresh: Option<FreshCode>) -> CodeStep {
        let message = &lane.message;
        let Some(reference) = message.content.secret.clone() else { return CodeStep::Go(None) };
        if let Some(FreshCode { code, expires_ms }) = fresh.filter(|code| code.expires_ms > self.parts.clock.now_ms()) {
            let secret = OutgoingSecret { reference, code, stored: message.body.clone() };
            return CodeStep::Go(Some(OpenCode { secret, expires_ms }));
        }
        let over = CodeStep::Stop { state: MessageState::Canceled, reason: "its verification is over" };
        let Some(verification) = reference.verification() else { return over };
        loop {
            match self.parts.codes.look(verification).await {
                Ok(VaultAnswer::Code { code, expires_ms }) => {
                    let secret = OutgoingSecret { reference, code, stored: message.body.clone() };
                    return CodeStep::Go(Some(OpenCode { secret, expires_ms }));
                }
                Ok(VaultAnswer::Expired) => {
                    return CodeStep::Stop { state: MessageState::Expired, reason: "its validity ended" };
                }
                Ok(VaultAnswer::Over) => return over,
                Err(error) if error.will_pass() && lane.lease_ends <= tokio::time::Instant::now() => {
                    tracing::debug!(%error, "a lane was lost while its code waited for the store");
                    return CodeStep::Lost;
                }
                Err(error) if error.will_pass() => {
                    tracing::warn!(%error, "a code waits for the store");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(error) => {
                    tracing::error!(%error, message = %message.id, "a code cannot be opened");
                    return CodeStep::Stop { state: MessageState::Failed, reason: "its code cannot be opened" };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::verification::CODE_MARK;
    use crate::model::{Secret, SecretReference, VerificationId};

    fn open(expires_ms: Millis) -> OpenCode {
        let (reference, stored) = SecretReference::take_out(VerificationId::new(1), 6, &format!("Code: {CODE_MARK}"));
        let secret = OutgoingSecret { reference, code: Secret::new("048213".to_owned()), stored };
        OpenCode { secret, expires_ms }
    }

    #[test]
    fn a_text_is_written_until_its_code_is_worth_nothing() {
        let lease_ends = Instant::now() + Duration::from_secs(60);
        assert_eq!(open(600_000).until(lease_ends, 0), lease_ends);
        assert!(open(5_000).until(lease_ends, 0) <= Instant::now() + Duration::from_secs(5));
        assert!(open(5_000).until(lease_ends, 5_000) <= Instant::now());
        assert!(open(5_000).until(lease_ends, 9_000) <= Instant::now(), "a clock that was late");
    }

    #[test]
    fn an_answer_is_written_down_without_the_code() {
        let code = open(0);
        assert_eq!(code.text(), "Code: 048213");
        let refused = |reason: &str| SendOutcome::Refused { code: Some(30_007), reason: reason.to_owned() };
        assert_eq!(code.hide(refused("'Code: 048213' is spam")), refused("'Code: ••••' is spam"));
        let taken = SendOutcome::Accepted { provider_id: "SM048213".to_owned(), segments: None };
        assert_eq!(code.hide(taken.clone()), taken);
    }
}
