//! What a list is narrowed by: parameters that are times.

use super::RequestParts;
use super::reply::{self, Refusal};
use crate::model::{Millis, date, parse_time_or_day};

/// A time, or a day for its first instant; a plus that was not encoded has arrived as a blank.
pub(super) fn time(request: &RequestParts, name: &'static str) -> Result<Option<Millis>, Refusal> {
    let Some(text) = request.param(name) else { return Ok(None) };
    parse_time_or_day(&text).map(Some).ok_or_else(|| reply::bad_field(name, date::TIME_OR_DAY))
}
