//! How a message reaches a person.

use std::fmt;

/// Texts and calls: one outbox carries them, prices and keys tell them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    #[default]
    Sms,
    Whatsapp,
    Voice,
}

impl Channel {
    pub const ALL: [Self; 3] = [Self::Sms, Self::Whatsapp, Self::Voice];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
            Self::Voice => "voice",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// What [`Channel::written`] wrote; a call is written as a text is.
    pub fn read(written: &str) -> (Self, &str) {
        match written.strip_prefix("whatsapp:") {
            Some(address) => (Self::Whatsapp, address),
            None => (Self::Sms, written),
        }
    }

    /// An address as Twilio writes it on this channel: `whatsapp:+237123456789`.
    pub fn written(self, address: &str) -> String {
        match self {
            Self::Whatsapp => format!("whatsapp:{address}"),
            Self::Sms | Self::Voice => address.to_owned(),
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

    #[test]
    fn what_is_written_is_read_again() {
        for channel in [Channel::Sms, Channel::Whatsapp] {
            assert_eq!(Channel::read(&channel.written("+237123456789")), (channel, "+237123456789"));
        }
        assert_eq!(Channel::Voice.written("+237123456789"), "+237123456789");
        assert!(Channel::ALL.into_iter().all(|channel| Channel::parse(channel.name()) == Some(channel)));
    }
}
