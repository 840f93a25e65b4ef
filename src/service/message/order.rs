//! What callers ask to be sent, and what they are told.

use crate::model::address::Address;
use crate::model::{
    AccountId, CallId, CallPlan, Channel, DurationSetting, Millis, PoolId, PricedChannel, VerificationId,
};
use crate::service::tariff::Price;
use crate::store::idempotency::StoredReply;
use crate::store::ledger::ChargeResult;
use crate::store::message::Message;

/// What a client asks to be sent.
#[derive(Clone, Debug)]
pub struct Order {
    pub channel: Channel,
    /// Without one, a number that the client may use.
    pub from: Option<SenderChoice>,
    pub to: Address,
    pub body: String,
    /// Its look-alikes may be replaced by characters of the 7-bit alphabet.
    pub is_smart: bool,
    pub media_urls: Vec<String>,
    pub send_at_ms: Option<Millis>,
    pub valid_for: Option<DurationSetting>,
    pub callback_url: Option<String>,
    /// The callback is posted as Twilio posts them.
    pub is_twilio: bool,
    /// What a call says.
    pub call: Option<CallPlan>,
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// The code that it tells. Its body has [`CODE_MARK`](crate::model::verification::CODE_MARK) where that goes.
    pub secret: Option<OrderSecret>,
}

/// A code that is looked up when it is sent: no order, and no message, holds it.
#[derive(Clone, Copy, Debug)]
pub struct OrderSecret {
    /// Whose code it is.
    pub verification: VerificationId,
    /// How many digits it has.
    pub length: usize,
}

/// Whom a message is to come from.
#[derive(Clone, Debug)]
pub enum SenderChoice {
    Address(Address),
    Pool(PoolId),
}

impl Order {
    /// Nothing but to whom, and by what.
    pub fn new(channel: Channel, to: Address) -> Self {
        Self {
            channel,
            from: None,
            to,
            body: String::new(),
            is_smart: false,
            media_urls: Vec::new(),
            send_at_ms: None,
            valid_for: None,
            callback_url: None,
            is_twilio: false,
            call: None,
            metadata: None,
            secret: None,
        }
    }

    /// What is paid for.
    pub fn priced(&self) -> PricedChannel {
        PricedChannel::of(self.channel, !self.media_urls.is_empty())
    }

    /// The sender that it names.
    pub(super) fn sender(&self) -> Option<&Address> {
        if let Some(SenderChoice::Address(address)) = &self.from { Some(address) } else { None }
    }

    /// The pool that its sender is to be of.
    pub(in crate::service) fn pool(&self) -> Option<PoolId> {
        if let Some(SenderChoice::Pool(pool)) = self.from { Some(pool) } else { None }
    }
}

/// Through which account, from whom and at which price a message goes.
#[derive(Clone, Debug)]
pub struct ChosenRoute {
    pub account: AccountId,
    pub from: String,
    /// Of a segment, of a message with pictures, or of a call; nothing where the client is charged for none.
    pub price: Option<Price>,
}

/// A message, or a call, without what was said.
pub fn unsaid(message: &Message) -> Message {
    let content = message.content.redacted().into();
    Message { body: String::new(), content, ..message.clone() }
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
pub enum OrderResult {
    /// With what its client has left, where it was charged.
    Accepted(Box<Message>, Option<ChargeResult>),
    /// What was told when the same request came first.
    Again(StoredReply),
}
