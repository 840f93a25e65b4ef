//! Proving a phone by a code: what a verification may be, how a code goes out, and why one is refused.

use std::ops::RangeInclusive;

use super::{Channel, named};

/// Stands in a text where the code will: a character of the private use area, which nobody's text holds.
pub const CODE_MARK: char = '\u{E0C0}';

/// The digits of a code: the shortest, and the longest.
pub const CODE_LENGTH: RangeInclusive<usize> = 4..=10;

/// The digits of a code as a person writes it: blanks, dashes, dots and marks that nobody sees are left out, and the
/// digits of other scripts are digits. `None`: something else stands there, or nothing.
pub fn read_code(text: &str) -> Option<String> {
    let read: Option<String> = text.chars().filter(|c| !stands_between(*c)).map(digit).collect();
    read.filter(|digits| !digits.is_empty())
}

/// What people and their keyboards write between digits, or around them.
fn stands_between(c: char) -> bool {
    let is_dash = matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}');
    let is_dot = matches!(c, '.' | '\u{b7}' | '\u{2024}' | '\u{ff0e}');
    // zero-width and bidirectional marks
    let is_unseen = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}'
    );
    c.is_whitespace() || is_dash || is_dot || is_unseen
}

/// The zeros of Latin, Arabic-Indic, Persian, Devanagari and full-width digits.
const ZEROS: [char; 5] = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{ff10}'];

fn digit(c: char) -> Option<char> {
    let value = |zero: char| u32::from(c).checked_sub(u32::from(zero)).filter(|value| *value < 10);
    ZEROS.into_iter().find_map(value).and_then(|value| char::from_digit(value, 10))
}

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
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

impl VerificationStatus {
    /// No code opens it any more.
    pub fn is_over(self) -> bool {
        self != Self::Pending
    }
}

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
    serde::Serialize,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_read_as_people_write_it() {
        for text in [
            "012345",
            " 012345\n",
            "012 345",
            "012-345",
            "012.345",
            "0\u{2013}12345",
            "\u{a0}012\u{a0}345",
            "\u{200b}012\u{200b}345\u{feff}",
            "\u{200f}\u{202b}012345\u{202c}",
            "٠١٢٣٤٥",
            "۰۱۲۳۴۵",
            "०१२३४५",
            "０１２３４５",
        ] {
            assert_eq!(read_code(text).as_deref(), Some("012345"), "{text:?}");
        }
        for text in ["", " ", "-", "12345a", "1+2", "１２３四", "12,3", "1/2", "\u{0}1"] {
            assert_eq!(read_code(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_pending_ones_are_not_over() {
        let open: Vec<_> = VerificationStatus::ALL.into_iter().filter(|status| !status.is_over()).collect();
        assert_eq!(open, [VerificationStatus::Pending]);
    }

    proptest! {
        #[test]
        fn what_is_read_is_digits(text in ".*") {
            prop_assert!(read_code(&text).is_none_or(|code| code.bytes().all(|b| b.is_ascii_digit())));
        }
    }
}
