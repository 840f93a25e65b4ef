//! A phone number in E.164.

use std::fmt;

use super::address::{Address, AddressKind, AddressRole, Country, NotAnAddress};
use super::debug_as_display;

/// `+` and 7 to 15 digits, the first not 0. Written whole only where it is sent; logs show a mask.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Reads what somebody wrote, as [`Address::read`] does; what is no phone is refused.
    pub fn read(text: &str, country: Option<Country>) -> Result<Self, NotAnAddress> {
        let (_, address) = Address::read(text, AddressRole::Recipient, country)?;
        let kind = address.kind();
        address.phone().ok_or(if kind == AddressKind::ShortCode && country.is_none() {
            NotAnAddress::NoCountry
        } else {
            NotAnAddress::NoPhone
        })
    }

    /// What is known to be `+` and 7 to 15 digits.
    pub(super) fn of_plain(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `+2371***789`: enough to recognise, too little to call.
pub(super) fn mask(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // four at least are hidden, and what is short is not shown at all
    let (before, behind) = match text.chars().count() {
        0..8 => return f.write_str("***"),
        8..12 => (3, 1),
        _ => (5, 3),
    };
    let head = text.char_indices().nth(before).map_or(text, |(end, _)| &text[..end]);
    let tail = text.char_indices().rev().nth(behind - 1).map_or(text, |(start, _)| &text[start..]);
    write!(f, "{head}***{tail}")
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        mask(&self.0, f)
    }
}

debug_as_display!(Phone);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_phones_are_phones() {
        for good in ["+1234567", "+237123456789", "+123456789012345", "+1 (202) 555-0150", "12025550150"] {
            assert!(Phone::read(good, None).is_ok(), "{good}");
        }
        for bad in ["", "+", "40404", "2025550150", "+123456", "+1234567890123456", "+23712345678a", "Acme"] {
            assert!(Phone::read(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_printed_phone_is_masked() -> Result<(), NotAnAddress> {
        let phone = Phone::read("+237123456789", None)?;
        assert_eq!(format!("{phone} {phone:?}"), "+2371***789 +2371***789");
        Ok(())
    }
}
