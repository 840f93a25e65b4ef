//! How fast an account or a number may send: so many segments a second, evenly, and not at all
//! while its provider asked for a pause.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Who waited little may send so much at once, in seconds of its rate.
const BURST: Duration = Duration::from_secs(1);

/// A leaky bucket as a meter (GCRA): keeps only when the next segment is due.
#[derive(Debug)]
pub struct Pace {
    /// Time of one segment; zero: no limit.
    each: Duration,
    due: Mutex<Instant>,
}

impl Pace {
    /// `rate` segments a second; 0: no limit.
    pub fn new(rate: i64) -> Self {
        let each = match u32::try_from(rate) {
            Ok(rate @ 1..) => Duration::from_secs(1) / rate,
            _ => Duration::ZERO,
        };
        Self { each, due: Mutex::new(Instant::now()) }
    }

    /// Takes a place for so many segments: how long to wait for it. `Err`: that would be longer
    /// than `most`, and no place was taken.
    pub fn reserve(&self, segments: u32, most: Duration, now: Instant) -> Result<Duration, Duration> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        // a rate of one segment a second has no burst but that segment
        let burst = if self.each.is_zero() { Duration::ZERO } else { BURST.saturating_sub(self.each) };
        let at = (*due).max(now.checked_sub(burst).unwrap_or(now));
        let wait = at.saturating_duration_since(now);
        if wait > most {
            return Err(wait);
        }
        *due = at + self.each * segments;
        Ok(wait)
    }

    /// Gives a reserved place back that is not used after all.
    pub fn give_back(&self, segments: u32) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        *due = due.checked_sub(self.each * segments).unwrap_or(*due);
    }

    /// Goes on where another stands.
    pub fn take_over(&self, other: &Self) {
        let theirs = *other.due.lock().unwrap_or_else(PoisonError::into_inner);
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = theirs;
    }

    /// Nothing more is sent for so long.
    pub fn pause(&self, span: Duration, now: Instant) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        *due = (*due).max(now + span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_rate_holds_over_time() {
        let (pace, begun) = (Pace::new(10), Instant::now());
        let mut now = begun;
        for _ in 0..100 {
            now += pace.reserve(1, LONG, now).unwrap_or(LONG);
        }
        let took = now - begun;
        assert!(took >= Duration::from_secs(9) && took <= Duration::from_secs(10), "{took:?}");
    }

    #[test]
    fn no_place_is_taken_that_is_too_far_away() {
        let (pace, now) = (Pace::new(1), Instant::now());
        assert_eq!(pace.reserve(5, LONG, now), Ok(Duration::ZERO));
        assert!(pace.reserve(1, Duration::from_secs(2), now).is_err_and(|wait| wait > Duration::from_secs(4)));
        assert!(pace.reserve(1, LONG, now).is_ok_and(|wait| wait > Duration::from_secs(4)));
    }

    #[test]
    fn a_pause_holds_even_without_a_rate() {
        let (pace, now) = (Pace::new(0), Instant::now());
        assert_eq!(pace.reserve(1000, Duration::ZERO, now), Ok(Duration::ZERO));
        assert_eq!(pace.reserve(1000, Duration::ZERO, now), Ok(Duration::ZERO));
        pace.pause(Duration::from_secs(30), now);
        assert_eq!(pace.reserve(1, Duration::ZERO, now), Err(Duration::from_secs(30)));
    }
}
