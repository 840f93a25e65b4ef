//! What the loopback carrier says, as it is stored in place of what others post.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::message::MessageState;
use crate::model::{Address, CallStatus, CarrierFields, Channel, Keyword, Media};
use crate::provider::{CallNotes, CallStep, DeliveryReceipt, InboundMessage};

/// What the loopback provider says of a message, as it is stored: it knows our own id.
#[derive(Deserialize, Serialize)]
pub struct StoredLoopbackReceipt {
    /// In hex.
    pub message: String,
    pub provider_id: String,
    pub state: String,
    pub error_code: Option<i64>,
    pub at_ms: Option<i64>,
    /// How a call stands, and how long it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<i64>,
}

impl StoredLoopbackReceipt {
    /// What it says, as all carriers say it.
    pub fn read(self) -> DeliveryReceipt {
        let (state, duration) = (MessageState::parse(&self.state), self.duration);
        let call = self.call.as_deref().and_then(CallStatus::parse);
        let call = call.map(|status| CallStep { status, duration, notes: CallNotes::default() });
        let word = self.call.unwrap_or(self.state);
        DeliveryReceipt {
            message: Some(self.message),
            error_code: self.error_code,
            at_ms: self.at_ms,
            call,
            ..DeliveryReceipt::new(&self.provider_id, state, &word)
        }
    }
}

/// A person's text at the loopback provider, as it is stored.
#[derive(Default, Deserialize, Serialize)]
pub struct StoredLoopbackText {
    pub provider_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    pub from: String,
    pub to: String,
    pub body: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
    /// What a carrier would say besides; `OptOutType` means what Twilio means by it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub carrier: BTreeMap<String, String>,
}

impl StoredLoopbackText {
    /// The same as all carriers say it.
    pub fn read(self) -> InboundMessage {
        let Self { provider_id, channel, from, to, body, media, carrier } = self;
        let ((named, from), (_, to)) = (Address::from_carrier(&from), Address::from_carrier(&to));
        let channel = channel.as_deref().and_then(Channel::parse).or(named).unwrap_or_default();
        let (from, to) = (from.as_str().to_owned(), to.as_str().to_owned());
        let consent = carrier.get("OptOutType").map(String::as_str).and_then(Keyword::parse);
        let carrier = CarrierFields::of(carrier.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        InboundMessage { provider_id, channel, from, to, also_to: Vec::new(), body, media, consent, carrier }
    }
}
