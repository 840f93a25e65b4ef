//! Messages as they pass between us and the providers.

use std::fmt;
use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::message::MessageState;
use crate::model::{
    Address, CallPlan, CallStatus, CarrierFields, Channel, Keyword, Media, MessageId, Millis, Secret, SecretReference,
};

/// A message to hand to a provider, or a call to place.
#[derive(Clone)]
pub struct OutgoingMessage {
    pub id: MessageId,
    pub channel: Channel,
    /// An address, or a Twilio messaging service (`MG…`).
    pub from: String,
    pub to: String,
    pub body: String,
    pub media_urls: Vec<String>,
    /// By which of the carrier's templates a WhatsApp message tells its code: the code is all that is ours of it.
    pub template: Option<String>,
    pub valid_for_secs: Option<u32>,
    /// Where the provider reports what became of it.
    pub status_url: Option<String>,
    /// What a call says; nothing where this is none.
    pub instructions: Option<CallPlan>,
    /// Until when it may be written to the provider: then another node may send it, or its code is worth nothing.
    pub until: Instant,
    /// The code that it tells, where it tells one.
    pub secret: Option<OutgoingSecret>,
}

/// A code on its way, and what of its text may be kept.
#[derive(Clone)]
pub struct OutgoingSecret {
    pub reference: SecretReference,
    pub code: Secret,
    /// The text without its code.
    pub stored: String,
}

impl OutgoingMessage {
    /// What may be kept of its text, and looked at once its code is worth nothing.
    pub(super) fn kept_body(&self) -> &str {
        self.secret.as_ref().map_or(&self.body, |secret| &secret.stored)
    }
}

/// How a call under way is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallHangupMode {
    /// Only if nobody has answered yet.
    Canceled,
    Completed,
}

impl CallHangupMode {
    pub fn status(self) -> CallStatus {
        match self {
            Self::Canceled => CallStatus::Canceled,
            Self::Completed => CallStatus::Completed,
        }
    }
}

/// Bodies and phones stay out of logs.
impl fmt::Debug for OutgoingMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutgoingMessage({})", self.id)
    }
}

/// Whether a provider's name for a message can be one: what is not is no readable answer.
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A phone without its plus, as some carriers write it; what is none stays as it is.
pub(super) fn digits(address: &str) -> &str {
    address.strip_prefix('+').unwrap_or(address)
}

/// A number that an account has at its carrier, and what the carrier says that it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierNumber {
    pub address: Address,
    pub can_text: bool,
    pub can_mms: bool,
    pub can_call: bool,
}

/// A message that a provider lists.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderListedMessage {
    pub provider_id: String,
    pub to: String,
    pub from: String,
    pub body: String,
    /// By the provider's clock; Twilio tells whole seconds.
    pub created_ms: Millis,
}

impl fmt::Debug for ProviderListedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListedMessage({})", self.provider_id)
    }
}

/// What a provider says of a message that it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReceipt {
    /// Our own name for the message, in hex, where the carrier knows it.
    pub message: Option<String>,
    pub provider_id: String,
    /// Nothing where the provider's word is none that we know: then it changes nothing.
    pub state: Option<MessageState>,
    /// The state as the provider wrote it.
    pub word: String,
    /// Which part of the way it speaks of, where there is one receipt for each.
    pub hop: Option<String>,
    pub error_code: Option<i64>,
    pub at_ms: Option<Millis>,
    /// How a call stands; the state follows from it.
    pub call: Option<CallStep>,
}

/// Of a provider's word for a state so much is kept, in characters.
const LONGEST_WORD: usize = 64;

impl DeliveryReceipt {
    /// A receipt that says nothing but its message's state, in the provider's word.
    pub(super) fn new(provider_id: &str, state: Option<MessageState>, word: &str) -> Self {
        let (provider_id, word) = (provider_id.to_owned(), word.to_owned());
        Self { message: None, provider_id, state, word, hop: None, error_code: None, at_ms: None, call: None }
    }

    /// By which name its message is to be found.
    pub fn id(&self) -> &str {
        self.message.as_deref().unwrap_or(&self.provider_id)
    }

    /// The provider's own word, fit to be stored and shown.
    pub fn shown_word(&self) -> String {
        self.word.trim().chars().filter(|c| !c.is_control()).take(LONGEST_WORD).collect()
    }

    /// The word in one form.
    pub fn folded(&self) -> String {
        self.word.trim().to_lowercase().split_whitespace().collect::<Vec<_>>().join("-")
    }

    /// What its repeats have in common. One that says more is none.
    pub fn key(&self) -> String {
        let mut parts = vec![self.id().to_owned()];
        parts.extend(self.hop.clone());
        parts.push(self.folded());
        parts.extend(self.error_code.map(|code| code.to_string()));
        parts.extend(self.call.as_ref().and_then(|call| call.duration).map(|secs| format!("{secs}s")));
        parts.join(":")
    }

    /// How far along its message is.
    pub fn rank(&self) -> u8 {
        let state = self.state.unwrap_or(MessageState::Accepted);
        self.call.as_ref().map_or(state.rank(), |call| call.status.rank())
    }
}

/// A step of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallStep {
    pub status: CallStatus,
    /// Seconds since it was answered, where it is over.
    pub duration: Option<i64>,
    pub notes: CallNotes,
}

/// What else a provider says of a call, in its own words: its client is told of it, and nothing follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CallNotes {
    /// `human`, `machine_start`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// Where the provider keeps what was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_sid: Option<String>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_duration: Option<String>,
}

/// What a provider says of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberLookup {
    pub is_valid: bool,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// As the country writes it.
    pub national_format: Option<String>,
}

/// A message that came in.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundMessage {
    pub provider_id: String,
    pub channel: Channel,
    pub from: String,
    pub to: String,
    /// To whom else a group text went: where `to` is nobody's number here, one of these may be.
    pub also_to: Vec<String>,
    pub body: String,
    pub media: Vec<Media>,
    /// What the carrier has understood of consent, and has answered: its word counts, whatever the body says.
    pub consent: Option<Keyword>,
    /// What it says besides.
    pub carrier: CarrierFields,
}

impl fmt::Debug for InboundMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InboundMessage({}, {} media)", self.provider_id, self.media.len())
    }
}

/// A call that came in.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundCall {
    pub provider_id: String,
    /// Empty where it is withheld.
    pub from: String,
    /// The number that was dialled.
    pub to: String,
}

/// What Twilio writes in the place of a number that is withheld: anonymous, blocked, restricted, unavailable, unknown, on the
/// keys of a phone. Whoever calls so is nobody: all of them would be one person.
const WITHHELD: [&str; 5] = ["+266696687", "+2562533", "+7378742833", "+86282452253", "+8656696"];

impl InboundCall {
    /// As a carrier writes it.
    pub fn new(provider_id: &str, from: &str, to: &str) -> Self {
        let from = if WITHHELD.contains(&from.trim()) { "" } else { from };
        let [from, to] = [from, to].map(|address| Address::from_carrier(address).1.as_str().to_owned());
        Self { provider_id: provider_id.to_owned(), from, to }
    }
}

impl fmt::Debug for InboundCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InboundCall({})", self.provider_id)
    }
}

/// A webhook that is not what its provider documents: the field that is missing or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the webhook has no usable {0}")]
pub struct UnreadableWebhook(pub &'static str);
