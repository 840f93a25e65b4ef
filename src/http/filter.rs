//! What a list is narrowed by: parameters that are addresses and times.

use super::Call;
use super::reply::{self, Refusal};
use crate::model::address::Address;
use crate::model::{Millis, parse_rfc3339};

pub(super) fn address(call: &Call, name: &'static str) -> Result<Option<String>, Refusal> {
    let Some(text) = call.address(name) else { return Ok(None) };
    text.parse::<Address>().map_err(|error| reply::bad_field(name, &error.to_string()))?;
    Ok(Some(text))
}

pub(super) fn time(call: &Call, name: &'static str) -> Result<Option<Millis>, Refusal> {
    let Some(text) = call.decoded(name) else { return Ok(None) };
    let at_ms = parse_rfc3339(&text);
    at_ms.map(Some).ok_or_else(|| reply::bad_field(name, "is no time such as 2030-01-31T12:00:00Z"))
}
