//! Wall-clock time as a field, so that a test can set it by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// Milliseconds since 1970-01-01 UTC.
pub type Millis = i64;

/// Where the time comes from: the machine, or a test.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    by_hand: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// A clock that stands at `now_ms` until [`Clock::advance`] moves it.
    pub fn by_hand(now_ms: Millis) -> Self {
        Self { by_hand: Some(Arc::new(AtomicI64::new(now_ms))) }
    }

    /// Moves a clock made by [`Clock::by_hand`]; the machine's is left alone.
    pub fn advance(&self, by_ms: Millis) {
        if let Some(hand) = &self.by_hand {
            hand.fetch_add(by_ms, Ordering::SeqCst);
        }
    }

    pub fn now_ms(&self) -> Millis {
        match &self.by_hand {
            Some(hand) => hand.load(Ordering::SeqCst),
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)),
        }
    }
}

/// A time as the API writes it: RFC 3339, UTC, always with three digits after the second, so that what is sorted as
/// text is sorted by time.
pub fn rfc3339(at_ms: Millis) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000).map_or_else(
        |_| at_ms.to_string(),
        |at| {
            let (date, time) = (at.date(), at.time());
            let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
            let (hour, minute, second, millis) = time.as_hms_milli();
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
        },
    )
}

/// The same in whole seconds, as Twilio's newer APIs write times: `1970-01-01T00:00:00Z`.
pub fn rfc3339_seconds(at_ms: Millis) -> String {
    rfc3339(at_ms.div_euclid(1000).saturating_mul(1000)).replace(".000Z", "Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_700_000_000_200), "2023-11-14T22:13:20.200Z");
        assert_eq!(rfc3339(1_700_000_000_209), "2023-11-14T22:13:20.209Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(rfc3339(Millis::MAX), Millis::MAX.to_string(), "beyond the calendar");
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(rfc3339_seconds(1_700_000_000_123), "2023-11-14T22:13:20Z");
        assert_eq!(rfc3339_seconds(0), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn a_clock_by_hand_moves_only_when_told() {
        let clock = Clock::by_hand(5);
        assert_eq!(clock.now_ms(), 5);
        clock.clone().advance(7);
        assert_eq!(clock.now_ms(), 12);
    }
}
