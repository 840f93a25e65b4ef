//! What a list is narrowed by: parameters that are times.

use super::RequestParts;
use super::reply::{self, Refusal};
use crate::model::{Millis, date, parse_time_or_day};

/// A time, or a day for its first instant; a plus that was not encoded has arrived as a blank.
pub(super) fn time(request: &RequestParts, name: &'static str) -> Result<Option<Millis>, Refusal> {
    request.param(name).map(|text| time_in(name, &text)).transpose()
}

/// The same in a body.
pub(super) fn time_in(field: &str, text: &str) -> Result<Millis, Refusal> {
    parse_time_or_day(text).ok_or_else(|| reply::bad_field(field, date::TIME_OR_DAY))
}
