//! Proving a phone by a code: what a verification may be, how a code goes out, and why one is refused.

use super::{Channel, named};

/// Stands in a text where the code will: a character of the private use area, which nobody's text holds.
pub const CODE_MARK: char = '\u{E0C0}';

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum VerificationStatus {
    Pending,
    Approved,
    Canceled,
    Expired,
    MaxAttemptsReached,
    /// A newer one of the same name took its place.
    Deleted,
}

named!(VerificationStatus, Pending, Approved, Canceled, Expired, MaxAttemptsReached, Deleted);

/// How a code goes out.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::EnumString,
    strum::IntoStaticStr,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CodeChannel {
    Sms,
    Call,
    Whatsapp,
}

named!(CodeChannel, Sms, Call, Whatsapp);

impl CodeChannel {
    /// Of the message that carries it.
    pub fn channel(self) -> Channel {
        match self {
            Self::Sms => Channel::Sms,
            Self::Call => Channel::Voice,
            Self::Whatsapp => Channel::Whatsapp,
        }
    }
}

/// Whose words a verification was asked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum VerificationDoor {
    V1,
    Twilio,
    /// One pending per name of the caller's, and each request makes a new code.
    Older,
}

named!(VerificationDoor, V1, Twilio, Older);

/// Why a code is not sent, or not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerificationRefusal {
    /// It was sent as often as it may be.
    TooManySends,
    /// As many codes were tried as may be.
    TooManyChecks,
    /// So many went to this number.
    RecipientLimit,
    /// So many were asked for from this address.
    AddressLimit,
    /// So many were asked for by this client.
    ClientLimit,
    /// A limit of the client's own.
    NamedLimit,
    /// The guard against pumping.
    Blocked,
    /// The number's country, or its prefix, is not allowed.
    Country,
    /// The number costs whoever calls or texts it more than others.
    Premium,
    /// A fixed line, where texts are not sent to those.
    Landline,
    /// It does not go out on this channel.
    Channel,
    /// The caller's own codes are not allowed.
    CustomCode,
}

impl VerificationRefusal {
    /// Whether the same request may succeed later.
    pub fn is_limit(self) -> bool {
        matches!(
            self,
            Self::TooManySends
                | Self::TooManyChecks
                | Self::RecipientLimit
                | Self::AddressLimit
                | Self::ClientLimit
                | Self::NamedLimit
        )
    }
}
