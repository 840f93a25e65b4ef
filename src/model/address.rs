//! What a message goes from or to: a phone, a short code, or an alphanumeric sender.

use std::fmt;
use std::str::FromStr;

use super::Phone;

/// Accepted by its shape: test numbers and numbers of new plans must work.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// `+` and 7 to 15 digits (E.164).
    Phone,
    /// 3 to 8 digits.
    ShortCode,
    /// 1 to 11 of `A-Z a-z 0-9 & _ -` and inner spaces, a letter among them. Nobody can answer it.
    Alphanumeric,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "an address is a phone such as +237123456789, a short code of 3 to 8 digits, or a sender name of up to 11 letters"
)]
pub struct NotAnAddress;

impl Address {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn kind(&self) -> AddressKind {
        if self.0.starts_with('+') {
            AddressKind::Phone
        } else if is_short_code(&self.0) {
            AddressKind::ShortCode
        } else {
            AddressKind::Alphanumeric
        }
    }
}

fn is_short_code(text: &str) -> bool {
    (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_alphanumeric(text: &str) -> bool {
    (1..=11).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'&' | b'_' | b'-'))
        && text.bytes().any(|b| b.is_ascii_alphabetic())
        && text.trim() == text
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let is_shaped = text.parse::<Phone>().is_ok() || is_short_code(text) || is_alphanumeric(text);
        if is_shaped { Ok(Self(text.to_owned())) } else { Err(NotAnAddress) }
    }
}

impl From<Phone> for Address {
    fn from(phone: Phone) -> Self {
        Self(phone.as_str().to_owned())
    }
}

/// A phone is masked as [`Phone`] is; what belongs to no person is shown whole.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.parse::<Phone>() {
            Ok(phone) => fmt::Display::fmt(&phone, f),
            Err(_) => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the public numbering plans say of a phone. Reported, never enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneReport {
    /// ISO 3166-1 alpha-2, where the number tells it.
    pub country: Option<String>,
    pub is_valid: bool,
}

/// The report of a phone; none of any other address. The first call reads the plans, which takes milliseconds.
pub fn report(address: &Address) -> Option<PhoneReport> {
    if address.kind() != AddressKind::Phone {
        return None;
    }
    let Ok(number) = phonenumber::parse(None, address.as_str()) else {
        return Some(PhoneReport { country: None, is_valid: false });
    };
    let country = number.country().id().map(|id| id.as_ref().to_owned());
    Some(PhoneReport { country, is_valid: number.is_valid() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(text: &str) -> Option<AddressKind> {
        text.parse::<Address>().ok().map(|address| address.kind())
    }

    #[test]
    fn shape_decides() {
        for good in ["+1234567", "+237123456789", "+123456789012345"] {
            assert_eq!(kind(good), Some(AddressKind::Phone), "{good}");
        }
        for good in ["123", "40404", "12345678"] {
            assert_eq!(kind(good), Some(AddressKind::ShortCode), "{good}");
        }
        for good in ["A", "Acme & Co", "A-1_b", "12345678901".replace('1', "x").as_str(), "123a", "ABCDEFGHIJK"] {
            assert_eq!(kind(good), Some(AddressKind::Alphanumeric), "{good}");
        }
        for bad in [
            "",
            "+",
            "+123456",
            "+1234567890123456",
            "+1234567a",
            "12",
            "123456789",
            " Acme",
            "Acme ",
            "ABCDEFGHIJKL",
            "Acmé",
            "A.B",
            "& -",
            "１２３",
            "a\n",
            "whatsapp:+1234567",
        ] {
            assert_eq!(kind(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn only_phones_are_masked() -> Result<(), NotAnAddress> {
        let phone: Address = "+237123456789".parse()?;
        assert_eq!(format!("{phone} {phone:?}"), "+2371***789 +2371***789");
        assert_eq!(format!("{} {:?}", "40404".parse::<Address>()?, "Acme".parse::<Address>()?), "40404 Acme");
        Ok(())
    }

    #[test]
    fn numbering_plans_are_reported() -> Result<(), NotAnAddress> {
        let of = |text: &str| text.parse().map(|address| report(&address));
        assert_eq!(of("+33612345678")?, Some(PhoneReport { country: Some("FR".into()), is_valid: true }));
        assert_eq!(of("+12125550100")?.map(|report| report.country), Some(Some("US".into())));
        assert_eq!(of("+19995550100")?.map(|report| report.is_valid), Some(false));
        assert_eq!(of("40404")?, None);
        Ok(())
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_reported_without_panic(text in "\\+[0-9]{0,17}|\\PC{0,14}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.as_str(), text.as_str());
                let _ = report(&address);
                prop_assert!(address.kind() != AddressKind::Phone || address.to_string().contains("***"));
            }
        }
    }
}
