//! How long a provider asks us to wait.

use std::time::Duration;

use http::header::{HeaderMap, RETRY_AFTER};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// No provider's pause is believed beyond a day.
pub(super) const LONGEST_PAUSE: u64 = 86_400;

/// `Retry-After` (RFC 9110, 10.2.3): seconds, or a date in any of its three forms.
pub(in crate::provider) fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let secs = match seconds(text) {
        Some(secs) => secs,
        None => u64::try_from((date(text)? - now).whole_seconds()).unwrap_or(0),
    };
    Some(Duration::from_secs(secs.min(LONGEST_PAUSE)))
}

/// A count of seconds. Some write fractions, which are waited for whole.
fn seconds(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let has_rest = part.bytes().any(|digit| digit != b'0');
    // what is longer than any number is bounded like it
    let secs = if whole.is_empty() { 0 } else { whole.parse::<u64>().unwrap_or(LONGEST_PAUSE) };
    Some(secs.saturating_add(u64::from(has_rest)))
}

fn date(text: &str) -> Option<OffsetDateTime> {
    let known = httpdate::parse_http_date(text).ok().map(OffsetDateTime::from);
    // in no HTTP, but written: `+0000` in place of `GMT`
    known.or_else(|| OffsetDateTime::parse(text, &Rfc2822).ok())
}
