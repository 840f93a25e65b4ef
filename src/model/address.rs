//! What a message goes from or to: a phone, a short code, an alphanumeric sender, or what only a carrier writes.

mod clean;
mod dialed;
mod fold;
mod national;
mod number_type;
mod pattern;
mod plan;
mod read;
mod refusal;

use std::borrow::Cow;
use std::fmt;

use super::{Phone, debug_as_display};

pub use clean::blank_as_plus;
pub use number_type::{NumberType, PhonePlan, number_type};
pub use plan::{Country, NumberingPlanReport, UnknownCountry, country_of, report};
pub use read::AddressRole;
pub use refusal::NotAnAddress;

/// Made by [`Address::read`] of what somebody wrote, by [`Address::from_carrier`] of what a carrier says, and by
/// [`Address::stored`] of what was one of these before. A phone is accepted by its shape: test numbers and numbers
/// of new plans must work.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// `+` and 7 to 15 digits (E.164), the first not 0.
    Phone,
    /// 3 to 8 digits.
    ShortCode,
    /// 1 to 11 of `A–Z a–z 0–9`, space, `& - _ . +`, a letter among them, the first no `+`. Nobody can answer it.
    Alphanumeric,
    /// What only a carrier writes: kept and shown as it came, and excluded from what needs a number.
    Other,
}

impl Address {
    /// What is in a row of ours: it is not read again, whatever it looks like.
    pub fn stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn kind(&self) -> AddressKind {
        if clean::is_plain(&self.0) {
            AddressKind::Phone
        } else if is_short_code(&self.0) {
            AddressKind::ShortCode
        } else if is_name(&self.0) {
            AddressKind::Alphanumeric
        } else {
            AddressKind::Other
        }
    }

    /// Whether somebody can be texted there.
    pub fn can_be_texted(&self) -> bool {
        matches!(self.kind(), AddressKind::Phone | AddressKind::ShortCode)
    }

    /// The phone, if it is one.
    pub fn phone(self) -> Option<Phone> {
        (self.kind() == AddressKind::Phone).then(|| Phone::of_plain(self.0))
    }

    /// By what a person is found: carriers write some people's numbers in two forms. Never shown, never dialled.
    pub fn folded(&self) -> Cow<'_, str> {
        fold::fold(&self.0)
    }

    /// Whether carriers write it in more than one form.
    pub fn has_forms(&self) -> bool {
        fold::has_forms(&self.0)
    }

    /// All forms in which carriers write this person's number, the folded one first.
    pub fn forms(&self) -> Vec<String> {
        fold::forms(&self.0)
    }
}

fn is_short_code(text: &str) -> bool {
    (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    let is_of_names = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'&' | b'-' | b'_' | b'.' | b'+');
    (1..=11).contains(&text.len())
        && text.bytes().all(is_of_names)
        && text.bytes().any(|b| b.is_ascii_alphabetic())
        && !text.starts_with('+')
        && text.trim() == text
}

impl From<Phone> for Address {
    fn from(phone: Phone) -> Self {
        Self(phone.as_str().to_owned())
    }
}

/// A person's is masked as [`Phone`] is; what belongs to no person is shown whole.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            AddressKind::Phone | AddressKind::Other => super::phone::mask(&self.0, f),
            AddressKind::ShortCode | AddressKind::Alphanumeric => f.write_str(&self.0),
        }
    }
}

debug_as_display!(Address);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_decides_what_is_stored() {
        let kind = |text: &str| Address::stored(text).kind();
        for text in ["+1234567", "+237123456789", "+123456789012345"] {
            assert_eq!(kind(text), AddressKind::Phone, "{text}");
        }
        for text in ["123", "40404", "12345678"] {
            assert_eq!(kind(text), AddressKind::ShortCode, "{text}");
        }
        for text in ["A", "Acme & Co", "A-1_b", "xxxxxxxxxxx", "123a", "Acme+", "B.V."] {
            assert_eq!(kind(text), AddressKind::Alphanumeric, "{text}");
        }
        for text in ["", "+", "+123456", "+0123456789", "12", "123456789", "Acmé", "+Acme", "messenger:1", "１２３"]
        {
            assert_eq!(kind(text), AddressKind::Other, "{text:?}");
        }
    }

    #[test]
    fn only_people_are_masked() {
        let shown = |text: &str| format!("{0} {0:?}", Address::stored(text));
        assert_eq!(shown("+237123456789"), "+2371***789 +2371***789");
        assert_eq!(shown("40404"), "40404 40404");
        assert_eq!(shown("Acme"), "Acme Acme");
        assert_eq!(shown("messenger:10203"), "messe***203 messe***203");
        assert_eq!(shown("é"), "*** ***");
    }
}
