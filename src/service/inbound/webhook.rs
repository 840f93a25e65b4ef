//! Webhooks at the door: what is proved to be an account's own becomes a row, which is a job.

use std::sync::Arc;

use super::read::{self, WebhookContent};
use super::{ProvedPost, WebhookInbox, WebhookKind};
use crate::model::InboundId;
use crate::provider::{
    BadPost, DeliveryReceipt, InboundMessage, ParsedPost, PostKind, SignatureFingerprint, VerifiedPost,
};
use crate::service::account::AccountHandle;
use crate::service::{Error, ErrorKind, Result};
use crate::store::inbound::intake::{NewWebhook, WebhookIntakeResult, WebhookSignatureHashes};

/// Bytes that the column holds.
const LONGEST: usize = 65_535;

/// What a provider has proved to be its own.
#[derive(Clone)]
pub(super) struct VerifiedWebhook {
    pub kind: WebhookKind,
    /// What its repeats have in common.
    pub key: String,
    /// What must keep its order.
    pub lane: String,
    pub payload: String,
    pub read: WebhookContent,
    pub signature: Option<WebhookSignatureHashes>,
}

impl VerifiedWebhook {
    /// What its provider has read of it. `None`: there is nothing to keep.
    pub fn verified(verified: VerifiedPost) -> Option<Self> {
        let VerifiedPost { parsed, payload, fingerprint } = verified;
        let signature = fingerprint.map(|SignatureFingerprint { signature, content }| WebhookSignatureHashes {
            hash: signature,
            fields: content,
        });
        Some(match parsed {
            ParsedPost::Text(text) => Self { signature, ..Self::text(text, payload) },
            ParsedPost::Receipt(receipt) => {
                let (key, lane) = (receipt.key(), receipt.id().to_owned());
                Self { signature, ..Self::receipt(receipt, key, lane, payload) }
            }
            // a call is answered, and not kept
            ParsedPost::Call(_) | ParsedPost::Nothing => return None,
        })
    }

    pub fn text(text: InboundMessage, payload: String) -> Self {
        let text = read::fitted(text);
        let (key, lane) = (text.provider_id.clone(), text.from.clone());
        let read = WebhookContent::Text(Arc::new(text));
        Self { kind: WebhookKind::Sms, key, lane, payload, read, signature: None }
    }

    pub fn receipt(receipt: DeliveryReceipt, key: String, lane: String, payload: String) -> Self {
        let read = WebhookContent::Receipt(Arc::new(receipt));
        Self { kind: WebhookKind::Receipt, key, lane, payload, read, signature: None }
    }
}

/// What it is counted as.
pub(super) fn counted_as(what: PostKind) -> &'static str {
    match what {
        PostKind::Text => WebhookKind::Sms.name(),
        PostKind::Receipt | PostKind::Dial => WebhookKind::Receipt.name(),
        PostKind::Call => "call",
    }
}

/// No account of ours has sent this, whatever it says.
pub(super) fn forged() -> Error {
    Error::new(ErrorKind::Forged, "no account of ours has sent this")
}

/// Why a post is not taken, as all who ask are told.
pub(super) fn untaken(reason: BadPost) -> Error {
    match reason {
        BadPost::Forged => forged(),
        BadPost::Unwanted => Error::not_found("path"),
        BadPost::Unopened => Error::new(ErrorKind::Unavailable, "this account cannot be used now"),
        BadPost::Invalid(words) => Error::new(ErrorKind::Invalid, words),
        BadPost::Unreadable(reason) => Error::new(ErrorKind::Unreadable, reason.to_string()),
    }
}

/// Whether whoever has posted it need not be a carrier.
pub fn is_guess(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Forged | ErrorKind::Invalid)
}

impl WebhookInbox {
    /// Takes what is proved. When this returns, it is durable, and a job; or it is [`ErrorKind::Forged`]: its
    /// signature was for other fields.
    pub async fn take(&self, ProvedPost { handle, came }: ProvedPost) -> Result<()> {
        let Some(came) = came else { return Ok(()) };
        let _under_way = self.parts.posts.begin();
        self.store(&handle, came).await.map(drop)
    }

    /// Stores what came, once for each key. When this returns, it is durable, and a job.
    pub(super) async fn store(&self, handle: &AccountHandle, came: VerifiedWebhook) -> Result<InboundId> {
        let VerifiedWebhook { kind, key, lane, payload, read: parsed, signature } = came;
        if payload.len() > LONGEST {
            return Err(Error::new(ErrorKind::TooLong, format!("longer than {LONGEST} bytes")));
        }
        let received_ms = self.parts.clock.now_ms();
        let id = InboundId::next(received_ms);
        let (account, key) = (handle.account.id, read::key(&key));
        let new = NewWebhook { id, account, kind, key, lane, payload, read: parsed, received_ms, signature };
        let mut races = 0;
        loop {
            match self.intake.write(new.clone()).await {
                Ok(WebhookIntakeResult::Recut) => {
                    let forged = forged();
                    self.count_forged(kind.name(), &forged);
                    return Err(forged);
                }
                Ok(taken) => {
                    let result = if taken == WebhookIntakeResult::New { "taken" } else { "repeated" };
                    self.parts.metrics.webhook(kind.name(), result);
                    return Ok(id);
                }
                // its twin came to another node: it will be found
                Err(error) if error.is_race() && races < 3 => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_posted_again_is_no_guess() {
        let unopened = untaken(BadPost::Unopened);
        assert_eq!(unopened.kind, ErrorKind::Unavailable);
        assert!(!is_guess(&unopened) && is_guess(&untaken(BadPost::Forged)));
    }
}
