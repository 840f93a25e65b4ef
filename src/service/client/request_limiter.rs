//! Requests that a key may make in a minute, as one node counts them; see
//! [`SharedCounter`](crate::signal::SharedCounter) for how all of them do.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::model::Gcra;
use crate::model::lock::lock;

const MINUTE: Duration = Duration::from_secs(60);

/// A key has used up what it may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRateExhausted {
    /// Requests a minute.
    pub limit: i64,
    /// When the next one may come.
    pub wait: Duration,
}

#[derive(Debug)]
pub(super) struct RequestLimiter {
    per_minute: u32,
    /// When it will have made up for all that it has taken; shared by all versions of its key.
    due: Arc<Mutex<Option<Instant>>>,
}

impl RequestLimiter {
    /// So many requests a minute; 0: no limit. What an older version has taken is taken.
    pub(super) fn new(per_minute: i64, older: Option<&Self>) -> Self {
        let per_minute = u32::try_from(per_minute.max(0)).unwrap_or(u32::MAX);
        Self { per_minute, due: older.map(|older| older.due.clone()).unwrap_or_default() }
    }

    /// `None`: as many as it likes.
    pub(super) fn per_minute(&self) -> Option<u32> {
        (self.per_minute > 0).then_some(self.per_minute)
    }

    /// Takes one request off.
    pub(super) fn take(&self, now: Instant) -> Result<(), KeyRateExhausted> {
        let Some(gcra) = Gcra::per(MINUTE, self.per_minute) else { return Ok(()) };
        let mut due = lock(&self.due);
        let next = gcra.take(due.unwrap_or(now), 1, now).map_err(|wait| self.exhausted(wait))?;
        *due = Some(next);
        Ok(())
    }

    pub(super) fn exhausted(&self, wait: Duration) -> KeyRateExhausted {
        KeyRateExhausted { limit: self.per_minute.into(), wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_s_worth_at_once_then_as_they_come() {
        let (limiter, begun) = (RequestLimiter::new(2, None), Instant::now());
        assert!(limiter.take(begun).is_ok() && limiter.take(begun).is_ok());
        let refused = limiter.take(begun);
        assert_eq!(refused, Err(KeyRateExhausted { limit: 2, wait: Duration::from_secs(30) }));
        assert!(limiter.take(begun + Duration::from_secs(30)).is_ok());
        assert!(limiter.take(begun + Duration::from_secs(31)).is_err());
        assert!(limiter.take(begun + Duration::from_secs(600)).is_ok());
        let free = RequestLimiter::new(0, None);
        assert!((0..1000).all(|_| free.take(begun).is_ok()));
    }

    #[test]
    fn every_limit_is_met_exactly() {
        let begun = Instant::now();
        for limit in [1, 3, 7, 59, 61, 999, 10_001] {
            let limiter = RequestLimiter::new(limit, None);
            let taken = (0..limit + 10).filter(|_| limiter.take(begun).is_ok()).count();
            assert_eq!(i64::try_from(taken), Ok(limit));
        }
    }

    #[test]
    fn another_version_has_taken_what_the_older_has() {
        let (older, begun) = (RequestLimiter::new(4, None), Instant::now());
        assert!((0..4).all(|_| older.take(begun).is_ok()));
        let same = RequestLimiter::new(4, Some(&older));
        assert!(same.take(begun).is_err(), "a change refills nothing");
        // twice as many: what was used up is, as a share
        let more = RequestLimiter::new(8, Some(&same));
        assert!(more.take(begun).is_err());
        assert!(
            more.take(begun + Duration::from_secs(8)).is_ok() && older.take(begun + Duration::from_secs(8)).is_err()
        );
    }
}
