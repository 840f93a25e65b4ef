//! For whom a request is made, and what that one may do.

use std::sync::Arc;

use super::ActiveKey;
use crate::model::message::Direction;
use crate::model::{AccountId, AllowedTwiml, Channel, ClientId, named};
use crate::store::message::Message;
use crate::store::session::SessionWithParticipants;

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum KeyScope {
    Sms,
    Voice,
    Whatsapp,
    Verify,
    Sessions,
    Read,
}

named!(KeyScope, Sms, Voice, Whatsapp, Verify, Sessions, Read);

impl KeyScope {
    /// Each once, in one order, with commas between.
    pub(super) fn joined(scopes: &[Self]) -> String {
        let names: Vec<_> = Self::ALL.into_iter().filter(|one| scopes.contains(one)).map(Self::name).collect();
        names.join(",")
    }

    /// What it takes to send on a channel.
    pub fn of(channel: Channel) -> Self {
        match channel {
            Channel::Sms => Self::Sms,
            Channel::Whatsapp => Self::Whatsapp,
            Channel::Voice => Self::Voice,
        }
    }
}

/// For whom a request is made: the operator, a client by its auth token, or by one of its keys.
#[derive(Clone, Debug)]
pub struct ApiConsumer {
    pub client: ClientId,
    /// `None`: the operator, or a client's auth token: they may do all.
    pub key: Option<Arc<ActiveKey>>,
}

impl ApiConsumer {
    /// A client by its auth token, or an administrator for it.
    pub fn of(client: ClientId) -> Self {
        Self { client, key: None }
    }

    /// The operator's own messages are neither priced nor routed.
    pub fn is_operator(&self) -> bool {
        self.client == ClientId::OPERATOR
    }

    pub fn may(&self, scope: KeyScope) -> bool {
        self.key.as_ref().is_none_or(|key| key.scopes.contains(&scope))
    }

    /// The only account that it sends through.
    pub fn account(&self) -> Option<AccountId> {
        self.key.as_ref().and_then(|key| key.account)
    }

    pub fn may_send_from(&self, sender: &str) -> bool {
        self.key.as_ref().and_then(|key| key.senders.as_ref()).is_none_or(|pattern| pattern.is_match(sender))
    }

    pub fn may_send_to(&self, destination: &str) -> bool {
        self.key.as_ref().and_then(|key| key.destinations.as_ref()).is_none_or(|pattern| pattern.is_match(destination))
    }

    /// Whether it may change a message, or end a call: on a channel and between numbers that it may send on.
    pub fn may_change(&self, message: &Message) -> Result<(), &'static str> {
        let (ours, theirs) = match message.direction {
            Direction::Out => (&message.from, &message.to),
            Direction::In => (&message.to, &message.from),
        };
        if !self.may(KeyScope::of(message.channel)) {
            return Err("this key may not send on this channel, nor change what was sent");
        }
        if !self.may_send_to(theirs) {
            return Err("this key may not send to this destination, nor change what was sent");
        }
        if !self.may_send_from(ours) {
            return Err("this key may not send from this number, nor change what was sent");
        }
        Ok(())
    }

    /// Whether it may text everybody in a session, those who have left among them, from the numbers that they know.
    pub fn may_send_in(&self, session: &SessionWithParticipants) -> bool {
        session.participants.iter().all(|one| self.may_send_to(&one.address) && self.may_send_from(&one.number))
    }

    /// What its calls may say; `usual`: what clients may. The dialing of others is no way around a key's bounds.
    pub fn twiml(&self, usual: AllowedTwiml) -> AllowedTwiml {
        match &self.key {
            None if self.is_operator() => AllowedTwiml::Any,
            None => usual,
            Some(key) => key.twiml.unwrap_or_else(|| {
                if key.senders.is_some() || key.destinations.is_some() { AllowedTwiml::Say } else { usual }
            }),
        }
    }
}
