//! What callers ask to be sent, and what they are told.

use serde::{Deserialize, Serialize};

use crate::model::address::Address;
use crate::model::{AccountId, CallId, CarrierFields, Channel, Dialing, MessageId, Millis, PoolId, Span, login};
use crate::service::tariff::Price;
use crate::store::idempotency::Reply;
use crate::store::ledger::Paid;
use crate::store::message::Message;
use crate::store::{self};

/// What a caller asks for.
#[derive(Clone, Debug)]
pub struct Request {
    pub channel: Channel,
    /// Decided by whoever routes it; without, it leaves from a number of the client's.
    pub via: Option<Via>,
    /// Without one, the client's oldest number that can.
    pub from: Option<Address>,
    pub to: Address,
    pub body: String,
    /// Its look-alikes may be replaced by characters of the 7-bit alphabet.
    pub is_smart: bool,
    pub media_urls: Vec<String>,
    pub send_at_ms: Option<Millis>,
    pub valid_for: Option<Span>,
    pub callback_url: Option<String>,
    /// The callback is posted as Twilio posts them.
    pub is_twilio: bool,
    /// The pool that its sender is of.
    pub pool: Option<PoolId>,
    /// What a call says.
    pub call: Option<CallPlan>,
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Through which account, from whom and at which price a message goes.
#[derive(Clone, Debug)]
pub struct Via {
    pub account: AccountId,
    pub from: String,
    /// Of a segment, of a message with pictures, or of a call; the house pays nothing.
    pub price: Option<Price>,
}

/// What a call says to who answers, and what its client wants to be told of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct CallPlan {
    /// Where the provider gets its instructions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The instructions themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twiml: Option<String>,
    /// `initiated`, `ringing`, `answered`, `completed`; none: only the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callback_events: Vec<String>,
    #[serde(flatten)]
    pub dialing: Dialing,
}

/// Twilio's code for a message whose validity ended before it was sent.
pub const VALIDITY_ENDED: i64 = 30036;

/// What is seldom there, as the store keeps it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Extra {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media_urls: Vec<String>,
    /// What kind each of them is, as its carrier says; empty where it says nothing of one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media_types: Vec<String>,
    /// What a carrier says of a message that came in, in its own words.
    #[serde(default, skip_serializing_if = "CarrierFields::is_empty")]
    pub carrier: CarrierFields,
    /// There was media before it was redacted: its name on Twilio's paths says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub had_media: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at_ms: Option<Millis>,
    /// A reply to a keyword, such as the confirmation of STOP: it alone passes the opt-out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_reply: bool,
    /// The callback is posted as Twilio posts them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_twilio: bool,
    /// The pool that its sender is of, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallPlan>,
}

impl Extra {
    /// Where its callbacks go, as it may be shown: one of before may bring its login here.
    pub fn callback_shown(&self) -> Option<String> {
        self.callback_url.clone().map(login::shown)
    }

    /// Reads what [`Extra::text`] wrote.
    pub fn parse(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Without what was said. Media are part of that, and what a call says or presses; the rest is the client's own,
    /// and who is called back needs it, but for a login that was accepted before these were sealed.
    pub(in crate::service) fn redacted(self) -> Self {
        let had_media = self.has_media();
        let call = self.call.map(|plan| CallPlan { callback_events: plan.callback_events, ..CallPlan::default() });
        let callback_url = self.callback_url.map(login::shown);
        let (media_urls, media_types, carrier) = Default::default();
        Self { media_urls, media_types, carrier, had_media, callback_url, call, ..self }
    }

    /// By what a message is known on Twilio's paths and in its callbacks.
    pub fn sid(&self, id: MessageId) -> String {
        format!("{}{}", if self.has_media() { "MM" } else { "SM" }, id.hex())
    }

    /// Whether it came, or was accepted, with media.
    fn has_media(&self) -> bool {
        self.had_media || !self.media_urls.is_empty()
    }

    pub(in crate::service) fn text(&self) -> Option<String> {
        if *self == Self::default() { None } else { serde_json::to_string(self).ok() }
    }
}

/// A message, or a call, without what was said.
pub fn unsaid(message: &Message) -> Message {
    let extra = Extra::parse(message.extra.as_deref()).redacted().text();
    Message { body: String::new(), extra, ..message.clone() }
}

/// By which id a message, or a call, is known to its client.
pub(super) fn known_as(message: &Message) -> String {
    match message.channel {
        Channel::Voice => CallId::from(message.id).to_string(),
        Channel::Sms | Channel::Whatsapp => message.id.to_string(),
    }
}

/// What the caller is told.
#[derive(Debug)]
pub enum Told {
    /// With what its client has left, where it was charged.
    Accepted(Box<Message>, Option<Paid>),
    /// What was told when the same request came first.
    Again(Reply),
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field that cannot be.
    #[error("{field}: {reason}")]
    Invalid { field: &'static str, reason: String },
    #[error("the recipient has opted out of texts from this number")]
    OptedOut,
    #[error("the balance is too low for this message")]
    Unpayable,
    #[error("this Idempotency-Key came with another request before")]
    KeyReused,
    #[error("no such message")]
    NotFound,
    #[error("the message is being sent, or is over")]
    TooLate,
    #[error("the message has not been sent yet: cancel it instead")]
    NotOver,
    /// It was asked to end a call, and gave no good answer.
    #[error("{0}")]
    Provider(String),
    #[error(transparent)]
    Store(#[from] store::Error),
}
