//! The one reader of addresses: what a text means, or in words why it means nothing. The first rule that fits
//! decides, and the same text never means two things.

use super::clean::{self, CleanedAddress};
use super::dialed::{DialedNumber, has_letter};
use super::{Address, Country, NotAnAddress, is_name, is_short_code, national};
use crate::model::Channel;

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressRole {
    /// A message goes there: it is a number.
    Recipient,
    /// A message comes from there: it may be a name.
    Sender,
}

impl Address {
    /// Reads what somebody wrote, and the channel that it names, if it does. `country` is where numbers without a
    /// country code are.
    pub fn read(
        text: &str,
        role: AddressRole,
        country: Option<Country>,
    ) -> Result<(Option<Channel>, Self), NotAnAddress> {
        if clean::is_plain(text) {
            return Ok((None, Self(text.to_owned())));
        }
        let CleanedAddress { channel, text, .. } = CleanedAddress::of(text);
        let address = written(text, role, country)?;
        Ok((channel, address))
    }

    /// Reads what a carrier says: a number where it has its country code. All else is kept as it came, and no
    /// country of ours counts. The channel is taken off where it is one of ours.
    pub fn from_carrier(text: &str) -> (Option<Channel>, Self) {
        if clean::is_plain(text) {
            return (None, Self(text.to_owned()));
        }
        let cleaned = CleanedAddress::of(text);
        if let Some(phone) = carried(&cleaned.text) {
            return (cleaned.channel, Self(phone));
        }
        match cleaned.channel {
            Some(Channel::Whatsapp) => (cleaned.channel, Self(cleaned.rest.to_owned())),
            Some(_) | None => (None, Self(text.to_owned())),
        }
    }

    /// The same of a carrier who leaves the plus out, and from numbers of North America their country code too.
    pub fn from_american_carrier(text: &str) -> (Option<Channel>, Self) {
        let dialed = DialedNumber::of(&CleanedAddress::of(text).text).ok();
        let bare = dialed.filter(|dialed| !dialed.has_plus && !dialed.digits.starts_with('0'));
        let digits = bare.map(|dialed| dialed.digits).unwrap_or_default();
        match digits.len() {
            10 => (None, Self(format!("+1{digits}"))),
            11..=15 => (None, Self(format!("+{digits}"))),
            _ => Self::from_carrier(text),
        }
    }
}

fn carried(text: &str) -> Option<String> {
    let dialed = DialedNumber::of(text).ok()?;
    if dialed.has_plus { dialed.international().ok() } else { national::without_country(&dialed) }
}

fn written(text: String, role: AddressRole, country: Option<Country>) -> Result<Address, NotAnAddress> {
    if text.is_empty() {
        return Err(NotAnAddress::Empty);
    }
    if has_letter(&text) {
        return named(text, role);
    }
    let dialed = DialedNumber::of(&text)?;
    if dialed.has_plus {
        return dialed.international().map(Address);
    }
    let phone = match country {
        Some(country) => national::within(&dialed, country)?,
        None => national::without_country(&dialed),
    };
    match (phone, country) {
        (Some(phone), _) => Ok(Address(phone)),
        (None, _) if is_short_code(&text) => Ok(Address(text)),
        (None, Some(country)) => Err(NotAnAddress::NotNational(country.to_string())),
        (None, None) => Err(NotAnAddress::NoCountry),
    }
}

fn named(text: String, role: AddressRole) -> Result<Address, NotAnAddress> {
    match role {
        AddressRole::Sender if is_name(&text) => Ok(Address(text)),
        _ if has_extension(&text) => Err(NotAnAddress::Extension),
        AddressRole::Sender => Err(NotAnAddress::Name),
        AddressRole::Recipient => Err(NotAnAddress::Letters),
    }
}

/// Whether it is a number, a word for an extension, and another number.
fn has_extension(text: &str) -> bool {
    let text = text.to_lowercase();
    let Some(at) = text.find(char::is_alphabetic) else { return false };
    let (number, rest) = text.split_at(at);
    let digits = rest.trim_start_matches(char::is_alphabetic).trim_start_matches([' ', '.', '=', ':']);
    let word = &rest[..rest.find(|char: char| !char.is_alphabetic()).unwrap_or(rest.len())];
    number.bytes().filter(u8::is_ascii_digit).count() >= 3
        && matches!(word, "x" | "ext" | "extn" | "extension")
        && digits.starts_with(|char: char| char.is_ascii_digit())
}

#[cfg(test)]
#[path = "read_test.rs"]
mod tests;

#[cfg(test)]
#[path = "read_property_test.rs"]
mod property_tests;
