//! Ids: 128 bits, time-ordered, with a prefix that says of what.

mod derived;
mod ordered;

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use rand::RngCore;
use rand::rngs::OsRng;
use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::Millis;

/// What an id must look like, for the error of whoever sent another.
#[derive(Debug, thiserror::Error)]
#[error("not an id of this kind")]
pub struct NotAnId;

/// 16 bytes that name something: the store keeps them as they are, and in that order.
pub trait Id: Copy {
    fn bytes(self) -> [u8; 16];
}

impl<T: Id> Id for &T {
    fn bytes(self) -> [u8; 16] {
        (*self).bytes()
    }
}

/// An id as it is made of its bytes again.
pub trait FromBytes: Id {
    fn from_bytes(bytes: [u8; 16]) -> Self;
}

/// Reads what a row of the store names by its bytes. JSON has ids as text, which is parsed: it is refused here.
pub fn from_row<'de, D: Deserializer<'de>, T: FromBytes>(from: D) -> Result<T, D::Error> {
    struct Bytes<T>(PhantomData<T>);

    impl<T: FromBytes> Visitor<'_> for Bytes<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("16 bytes")
        }

        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<T, E> {
            bytes.try_into().map(T::from_bytes).map_err(|_| E::invalid_length(bytes.len(), &self))
        }
    }

    // or any text of 16 characters would be one
    if from.is_human_readable() {
        return Err(de::Error::custom("an id is not read from text"));
    }
    from.deserialize_bytes(Bytes(PhantomData))
}

/// 48 bits of milliseconds, then 80 random bits: ids made later sort later.
fn time_ordered(now_ms: Millis) -> u128 {
    let mut random = [0_u8; 16];
    OsRng.fill_bytes(&mut random[6..]);
    let low = u128::from_be_bytes(random);
    let time = u128::from(now_ms.unsigned_abs() & 0xffff_ffff_ffff);
    (time << 80) | low
}

/// Each kind of id, and with what it begins where a person reads it.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            pub fn new(now_ms: Millis) -> Self {
                Self(time_ordered(now_ms))
            }

            /// Not above any id made at this time, and above all that were made before.
            pub fn first_of(at_ms: Millis) -> Self {
                Self(u128::from(at_ms.unsigned_abs() & 0xffff_ffff_ffff) << 80)
            }

            /// When it was made.
            pub fn made_ms(self) -> Millis {
                Millis::try_from(self.0 >> 80).unwrap_or(Millis::MAX)
            }

            pub fn bits(self) -> u128 {
                self.0
            }

            /// 32 hex digits, for those who read.
            pub fn hex(self) -> String {
                format!("{:032x}", self.0)
            }

            pub fn from_hex(text: &str) -> Result<Self, NotAnId> {
                let plain = text.len() == 32
                    && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                if !plain {
                    return Err(NotAnId);
                }
                u128::from_str_radix(text, 16).map(Self).map_err(|_| NotAnId)
            }
        }

        impl Id for $name {
            fn bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl FromBytes for $name {
            fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from_row(from)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{:032x}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Self::from_hex(text.strip_prefix(concat!($prefix, "_")).ok_or(NotAnId)?)
            }
        }
    )+};
}

ids! {
    /// A phone paired with a user.
    DeviceId = "dev",
    /// One message, in or out.
    MessageId = "msg",
    /// A call: it has the bits of the message that carries it.
    CallId = "call",
    /// A consumer of the API; the operator is one.
    ClientId = "cli",
    /// Credentials at a provider.
    AccountId = "acc",
    /// A sender of ours.
    NumberId = "num",
    /// Numbers of ours that are taken in together.
    NumberImportId = "nim",
    /// Where a client's events are posted.
    EndpointId = "ep",
    /// Something that happened and is told.
    EventId = "evt",
    /// An administrator's key.
    AdminKeyId = "key",
    /// A provider's webhook as it came.
    InboundId = "inb",
    /// A paired phone's text on its way to its platform.
    PublicationId = "pub",
    /// An API key of a client.
    KeyId = "key",
    /// Numbers of a client that messages leave from in turn.
    PoolId = "pool",
    /// A rule by which messages go to an account.
    RouteId = "rte",
    /// A price of a destination.
    RateId = "rat",
    /// A movement of a client's money.
    EntryId = "led",
    /// A token besides an account's own.
    TokenId = "tok",
    /// What an administrator has done.
    AuditId = "aud",
    /// A masked conversation.
    SessionId = "ses",
    /// A person in a session.
    ParticipantId = "par",
    /// What was said in a session, once.
    InteractionId = "int",
    /// One attempt to prove a phone by a code.
    VerificationId = "ver",
    /// What the verifications of one purpose have in common.
    VerificationServiceId = "vsv",
    /// How a code is told.
    VerificationTemplateId = "vtp",
    /// A limit of a client's own.
    VerificationLimitId = "vrl",
    /// How many, within how long: of such a limit.
    LimitBucketId = "vrb",
    /// What the guard made of a send.
    GuardDecisionId = "gdn",
    /// Whom the guard never blocks.
    SafeListEntryId = "gsl",
}

impl From<MessageId> for CallId {
    fn from(message: MessageId) -> Self {
        Self(message.0)
    }
}

impl From<CallId> for MessageId {
    fn from(call: CallId) -> Self {
        Self(call.0)
    }
}

impl InboundId {
    /// The message that a webhook brought: made again, it is the same.
    pub fn message(self) -> MessageId {
        MessageId(self.0)
    }

    /// The message that answers it.
    pub fn reply(self) -> MessageId {
        MessageId(self.0 ^ 1)
    }
}

impl MessageId {
    /// The entry of the ledger that pays for it: there is one at most.
    pub fn debit(self) -> EntryId {
        EntryId(self.0)
    }
}

impl ClientId {
    /// The operator's own client, which a migration makes.
    pub const OPERATOR: Self = Self(1);

    /// The client of the examples, on development servers.
    pub const DEMO: Self = Self(0x111);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_their_time_and_survive_being_written() {
        let (early, late) = (DeviceId::new(1_000), DeviceId::new(1_001));
        assert!(early < late && early.to_string() < late.to_string() && early.bytes() < late.bytes());
        assert_eq!(DeviceId::from_bytes(late.bytes()), late);
        assert_eq!(late.to_string().parse::<DeviceId>().ok(), Some(late));
    }

    #[test]
    fn nothing_else_is_an_id() {
        let hex = DeviceId::new(1).hex();
        for text in ["", "dev_", &hex, &format!("msg_{hex}"), &format!("dev_{}", hex.to_uppercase()), "dev_+1"] {
            assert!(text.parse::<DeviceId>().is_err() || text.chars().all(|c| !c.is_lowercase()), "{text}");
        }
        for json in [r#""0123456789abcdef""#, "[1]", "7"] {
            assert!(serde_json::from_str::<DeviceId>(json).is_err(), "{json}");
        }
    }
}
