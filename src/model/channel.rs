//! How a message reaches a person.

use std::fmt;

use serde::Deserialize;
use strum::{EnumString, IntoStaticStr};

use super::named;

/// Texts and calls: one outbox carries them, prices and keys tell them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr, Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Channel {
    #[default]
    Sms,
    Whatsapp,
    Voice,
}

named!(Channel, Sms, Whatsapp, Voice);

impl Channel {
    /// An address as Twilio writes it on this channel: `whatsapp:+237123456789`.
    pub fn written(self, address: &str) -> String {
        match self {
            Self::Whatsapp => format!("whatsapp:{address}"),
            Self::Sms | Self::Voice => address.to_owned(),
        }
    }
}

/// What a rate is for: a channel, or the texts among a channel's that have pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr, Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum PricedChannel {
    Sms,
    Mms,
    Whatsapp,
    Voice,
}

named!(PricedChannel, Sms, Mms, Whatsapp, Voice);

impl PricedChannel {
    /// What is paid for on a channel, with pictures or without.
    pub fn of(channel: Channel, has_media: bool) -> Self {
        match channel {
            Channel::Sms if has_media => Self::Mms,
            Channel::Sms => Self::Sms,
            Channel::Whatsapp => Self::Whatsapp,
            Channel::Voice => Self::Voice,
        }
    }

    /// On which channel that goes.
    pub fn channel(self) -> Channel {
        match self {
            Self::Sms | Self::Mms => Channel::Sms,
            Self::Whatsapp => Channel::Whatsapp,
            Self::Voice => Channel::Voice,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Address;

    #[test]
    fn what_is_written_is_read_again() {
        for channel in Channel::ALL {
            let read = Address::from_carrier(&channel.written("+237123456789"));
            let named = (channel == Channel::Whatsapp).then_some(channel);
            assert_eq!(read, (named, Address::stored("+237123456789")));
        }
        assert!(Channel::ALL.into_iter().all(|channel| Channel::parse(channel.name()) == Some(channel)));
    }
}
