//! Requests that a key may make: a bucket refilled by the minute, of each node its own.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A key has used up what it may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Requests a minute.
    pub limit: i64,
    /// When the next one may come.
    pub wait: Duration,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Pace {
    per_minute: u32,
    bucket: Mutex<Bucket>,
}

impl Pace {
    /// So many requests a minute; 0: no limit.
    pub(super) fn new(per_minute: i64) -> Self {
        let per_minute = u32::try_from(per_minute.max(0)).unwrap_or(u32::MAX);
        Self { per_minute, bucket: Mutex::new(Bucket { tokens: per_minute.into(), filled: None }) }
    }

    /// Takes one request off.
    pub(super) fn take(&self, now: Instant) -> Result<(), Exhausted> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let most = f64::from(self.per_minute);
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let since = bucket.filled.map_or(Duration::ZERO, |filled| now.saturating_duration_since(filled));
        bucket.tokens = (bucket.tokens + since.as_secs_f64() * most / 60.0).min(most);
        bucket.filled = Some(now);
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - bucket.tokens) * 60.0 / most);
        Err(Exhausted { limit: self.per_minute.into(), wait })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_s_worth_at_once_then_as_they_come() {
        let (pace, begun) = (Pace::new(2), Instant::now());
        assert!(pace.take(begun).is_ok() && pace.take(begun).is_ok());
        let refused = pace.take(begun);
        assert_eq!(refused, Err(Exhausted { limit: 2, wait: Duration::from_secs(30) }));
        assert!(pace.take(begun + Duration::from_secs(30)).is_ok());
        assert!(pace.take(begun + Duration::from_secs(31)).is_err());
        assert!(pace.take(begun + Duration::from_secs(600)).is_ok());
        let free = Pace::new(0);
        assert!((0..1000).all(|_| free.take(begun).is_ok()));
    }
}
