//! Times as Twilio writes and takes them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::model::{Millis, parse_day, parse_time, rfc3339, rfc3339_seconds};

const DAY_MS: Millis = 24 * 60 * 60 * 1000;

/// `Thu, 01 Jan 1970 00:00:00 +0000`, whole seconds.
pub(super) fn rfc2822(at_ms: Millis) -> String {
    OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000))
        .ok()
        .and_then(|at| at.format(&Rfc2822).ok())
        // beyond the year 9999
        .unwrap_or_else(|| rfc3339(at_ms))
}

/// `1970-01-01T00:00:00Z`, whole seconds, as Twilio's newer APIs write them.
pub(super) fn iso8601(at_ms: Millis) -> String {
    rfc3339_seconds(at_ms)
}

/// Of which instants a filter speaks: from this one on, and so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DateRange {
    pub(super) at_ms: Millis,
    pub(super) lasts_ms: Millis,
}

/// A day (`2024-01-31`, in UTC), or a second in ISO 8601. Libraries write a day as its first second.
pub(super) fn parse(text: &str) -> Option<DateRange> {
    if let Some(at_ms) = parse_time(text) {
        let lasts_ms = if at_ms % DAY_MS == 0 { DAY_MS } else { 1000 };
        return Some(DateRange { at_ms: at_ms.div_euclid(1000) * 1000, lasts_ms });
    }
    parse_day(text).map(|at_ms| DateRange { at_ms, lasts_ms: DAY_MS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_whole_seconds() {
        assert_eq!(rfc2822(0), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(rfc2822(1_700_000_000_999), "Tue, 14 Nov 2023 22:13:20 +0000");
        assert_eq!(iso8601(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso8601(1_700_000_000_999), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn days_and_seconds_are_taken() {
        let day = DateRange { at_ms: 1_699_920_000_000, lasts_ms: 86_400_000 };
        assert_eq!(parse("2023-11-14"), Some(day));
        assert_eq!(parse("2023-11-14T00:00:00Z"), Some(day));
        let second = DateRange { at_ms: 1_700_000_000_000, lasts_ms: 1000 };
        assert_eq!(parse("2023-11-14T22:13:20Z"), Some(second));
        assert_eq!(parse("2023-11-14T23:13:20.5+01:00"), Some(second));
        for wrong in ["", "today", "2023-13-01", "2023-11-14T", "14.11.2023"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
