//! Reads what providers post, when it arrives and again when it is handled.

use std::sync::Arc;

use super::Job;
use crate::crypto::hash;
use crate::model::message::State;
use crate::provider::{self, CallStep, Inbound, Receipt, ReceiptState, Unreadable};
use crate::store::inbound::Content;
use crate::store::receipt;

/// Of a provider's word for a state so much is kept, in characters.
const LONGEST_WORD: usize = 64;

/// Of which message a receipt speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Of {
    ProviderId(String),
    /// In hex.
    Message(String),
}

impl Of {
    pub fn id(&self) -> &str {
        let (Self::ProviderId(id) | Self::Message(id)) = self;
        id
    }
}

/// A receipt, whoever sent it.
#[derive(Debug)]
pub(super) struct Said {
    pub of: Of,
    /// Nothing where the provider's word is none that we know.
    pub state: Option<State>,
    /// The provider's word.
    word: String,
    hop: Option<String>,
    pub error_code: Option<i64>,
    pub at_ms: Option<i64>,
    /// The step of a call that it tells of.
    pub call: Option<CallStep>,
}

impl Said {
    /// The name under which it is kept, each once: its state, or the step of a call, of which several come to the
    /// same state. A word that we do not know is known as such.
    pub fn name(&self) -> String {
        match (&self.call, self.state) {
            (Some(call), _) => call.status.name().to_owned(),
            (None, Some(state)) => state.name().to_owned(),
            (None, None) => receipt::unknown(&self.folded()),
        }
    }

    /// The provider's own word, fit to be stored and shown.
    pub fn word(&self) -> String {
        self.word.trim().chars().filter(|c| !c.is_control()).take(LONGEST_WORD).collect()
    }

    /// The word in one form.
    fn folded(&self) -> String {
        self.word.trim().to_lowercase().split_whitespace().collect::<Vec<_>>().join("-")
    }

    /// What its repeats have in common. One that says more is none.
    pub fn key(&self) -> String {
        let mut parts = vec![self.of.id().to_owned()];
        parts.extend(self.hop.clone());
        parts.push(self.folded());
        parts.extend(self.error_code.map(|code| code.to_string()));
        parts.extend(self.call.as_ref().and_then(|call| call.duration).map(|secs| format!("{secs}s")));
        parts.join(":")
    }

    /// How far along its message is.
    pub fn rank(&self) -> u8 {
        let state = self.state.unwrap_or(State::Accepted);
        self.call.as_ref().map_or(state.rank(), |call| call.status.rank())
    }
}

/// What a webhook says.
#[derive(Clone, Debug)]
pub(super) enum WebhookContent {
    Text(Arc<Inbound>),
    Receipt(Arc<Said>),
}

/// The text of a job, read anew where this node has not taken it in.
pub(super) fn text_of(kind: provider::Kind, job: &Job) -> Result<Arc<Inbound>, Unreadable> {
    match &job.content {
        Content::Read(WebhookContent::Text(text)) => Ok(text.clone()),
        Content::Read(WebhookContent::Receipt(_)) => Err(Unreadable("text")),
        Content::Stored(payload) => text(kind, payload).map(Arc::new),
    }
}

/// The same of a receipt.
pub(super) fn receipt_of(kind: provider::Kind, job: &Job) -> Result<Arc<Said>, Unreadable> {
    match &job.content {
        Content::Read(WebhookContent::Receipt(said)) => Ok(said.clone()),
        Content::Read(WebhookContent::Text(_)) => Err(Unreadable("receipt")),
        Content::Stored(payload) => receipt(kind, payload).map(Arc::new),
    }
}

/// Characters of an address that its column holds.
const LONGEST: usize = 255;

pub(super) fn text(kind: provider::Kind, payload: &str) -> Result<Inbound, Unreadable> {
    kind.read_text(payload).map(fitted)
}

/// As its columns hold it.
pub(super) fn fitted(mut inbound: Inbound) -> Inbound {
    inbound.media = inbound.carrier.without_surplus(inbound.media);
    for (name, address) in [("From", &mut inbound.from), ("To", &mut inbound.to)] {
        if let Some((at, _)) = address.char_indices().nth(LONGEST) {
            // the whole is told beside it
            inbound.carrier.add(name, address);
            address.truncate(at);
        }
    }
    inbound
}

pub(super) fn receipt(kind: provider::Kind, payload: &str) -> Result<Said, Unreadable> {
    kind.read_receipt(payload).map(said)
}

pub(super) fn said(receipt: Receipt) -> Said {
    let Receipt { message, provider_id, state, word, hop, error_code, at_ms, call } = receipt;
    let of = message.map_or(Of::ProviderId(provider_id), Of::Message);
    Said { of, state: state_of(state), word, hop, error_code, at_ms, call }
}

pub(super) fn state_of(state: ReceiptState) -> Option<State> {
    match state {
        ReceiptState::Queued => Some(State::Queued),
        ReceiptState::Sending => Some(State::Sending),
        ReceiptState::Sent => Some(State::Sent),
        ReceiptState::Delivered => Some(State::Delivered),
        ReceiptState::Undelivered => Some(State::Undelivered),
        ReceiptState::Failed => Some(State::Failed),
        ReceiptState::Canceled => Some(State::Canceled),
        ReceiptState::Unknown => None,
    }
}

/// A key that fits its column and differs where the text does, in every collation.
pub(super) fn key(text: &str) -> String {
    let is_plain = (1..=96).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if is_plain { text.to_owned() } else { hash::sha256_hex(text.as_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fit_their_column() {
        assert_eq!(key("SM1:delivered"), "SM1:delivered");
        for odd in ["", "SM1 ", &"x".repeat(97), "SMé"] {
            assert_eq!(key(odd).len(), 64, "{odd}");
        }
    }

    fn key_of(kind: provider::Kind, payload: &str) -> Result<String, Unreadable> {
        receipt(kind, payload).map(|said| said.key())
    }

    #[test]
    fn both_levels_of_a_flowroute_receipt_are_receipts() -> Result<(), Unreadable> {
        let at = |level: u8| {
            let body = format!(r#"{{"data":{{"id":"mdr2-1","attributes":{{"level":{level},"status":"Delivered"}}}}}}"#);
            key_of(provider::Kind::Flowroute, &body)
        };
        assert_eq!((at(1)?, at(2)?), ("mdr2-1:1:delivered".to_owned(), "mdr2-1:2:delivered".to_owned()));
        Ok(())
    }

    #[test]
    fn a_receipt_that_says_more_is_no_repeat() -> Result<(), Unreadable> {
        for (form, key) in [
            ("MessageSid=SM1&MessageStatus=undelivered", "SM1:undelivered"),
            ("MessageSid=SM1&MessageStatus=Undelivered+&ErrorCode=0", "SM1:undelivered"),
            ("MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30003", "SM1:undelivered:30003"),
            ("MessageSid=SM1&MessageStatus=in+orbit", "SM1:in-orbit"),
            ("CallSid=CA1&CallStatus=in-progress", "CA1:in-progress"),
            ("CallSid=CA1&CallStatus=completed&CallDuration=7", "CA1:completed:7s"),
        ] {
            assert_eq!(key_of(provider::Kind::Twilio, form)?, key, "{form}");
        }
        Ok(())
    }
}
