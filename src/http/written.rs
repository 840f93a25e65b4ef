//! Addresses, channels, accounts, pools and times as clients write them, in bodies, paths and queries.

use super::reply::{self, Refusal};
use super::{RequestParts, openapi};
use crate::model::address::{AddressRole, blank_as_plus};
use crate::model::{AccountId, Address, Channel, Country, Millis, PoolId, date, parse_time};

/// What a field says, and the channel that it names.
pub(super) fn address(
    field: &str,
    text: &str,
    role: AddressRole,
    country: Option<Country>,
) -> Result<(Option<Channel>, Address), Refusal> {
    Address::read(text, role, country).map_err(|error| reply::bad_field(field, &error.to_string()))
}

/// The same of a query parameter, where a plus that was not encoded arrives as a blank.
pub(super) fn asked(
    request: &RequestParts,
    name: &'static str,
    role: AddressRole,
    country: Option<Country>,
) -> Result<Option<(Option<Channel>, Address)>, Refusal> {
    let Some(text) = request.param(name) else { return Ok(None) };
    address(name, &blank_as_plus(&text), role, country).map(Some)
}

/// The same of what narrows a list: a channel that it names narrows it too. A sender that only carriers write
/// (`messenger:1234`) is looked for as it is shown.
pub(super) fn narrowing(
    request: &RequestParts,
    name: &'static str,
    role: AddressRole,
    country: Option<Country>,
    channels: &mut Vec<Channel>,
) -> Result<Option<String>, Refusal> {
    let as_shown = || {
        let text = request.param(name)?;
        let is_shown = role == AddressRole::Sender && text.starts_with(char::is_alphabetic);
        is_shown.then(|| (None, Address::stored(text)))
    };
    let found = asked(request, name, role, country).or_else(|refusal| as_shown().map(Some).ok_or(refusal))?;
    let Some((named, address)) = found else { return Ok(None) };
    channels.retain(|channel| named.is_none_or(|named| named == *channel));
    if channels.is_empty() {
        return Err(reply::bad_field(name, OTHER));
    }
    Ok(Some(address.as_str().to_owned()))
}

/// The account that a field names.
pub(super) fn account(id: &str) -> Result<AccountId, Refusal> {
    id.parse().map_err(|_| reply::bad_field("account_id", "no such account"))
}

/// The pool that a field or a parameter names.
pub(super) fn pool(id: &str) -> Result<PoolId, Refusal> {
    id.parse().map_err(|_| reply::bad_field("pool_id", "no such pool"))
}

/// The time that a field says.
pub(super) fn time(field: &str, text: &str) -> Result<Millis, Refusal> {
    parse_time(text).ok_or_else(|| reply::bad_field(field, date::TIME))
}

/// What people write over. Calls have a list of their own, and nobody stops them by a word.
pub(super) const TEXTS: [Channel; 2] = [Channel::Sms, Channel::Whatsapp];

pub(super) fn text_channels() -> openapi::SchemaOrRef {
    openapi::one_of(TEXTS.map(Channel::name))
}

/// One of them by its name.
pub(super) fn text_channel(name: &str) -> Result<Channel, Refusal> {
    let channel = Channel::parse(name).filter(|channel| TEXTS.contains(channel));
    channel.ok_or_else(|| reply::bad_field("channel", "must be sms or whatsapp"))
}

const OTHER: &str = "must not name another channel";

/// The channel that is said, else the one that addresses name; texts where nothing is.
pub(super) fn channel(said: Option<Channel>, named: [(&'static str, Option<Channel>); 2]) -> Result<Channel, Refusal> {
    let channel = said.or(named.iter().find_map(|(_, channel)| *channel)).unwrap_or_default();
    match named.iter().find(|(_, named)| named.is_some_and(|named| named != channel)) {
        Some((field, _)) => Err(reply::bad_field(field, OTHER)),
        None => Ok(channel),
    }
}
