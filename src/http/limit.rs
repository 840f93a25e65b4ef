//! Requests per address: a token bucket each, refilled by the minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Buckets kept before full ones are thrown away.
const KEPT: usize = 100_000;

struct Bucket {
    tokens: f64,
    filled: Instant,
}

/// So many requests a minute from one address; zero means no limit.
pub struct Limit {
    per_minute: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Limit {
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute: f64::from(per_minute), buckets: Mutex::default() }
    }

    /// Whether [`Limit::take`] would take one now.
    pub fn has_left(&self, address: IpAddr, now: Instant) -> bool {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.get(&address);
        bucket.is_none_or(|bucket| bucket.tokens + now.duration_since(bucket.filled).as_secs_f64() * self.rate() >= 1.0)
    }

    fn rate(&self) -> f64 {
        self.per_minute / 60.0
    }

    /// Takes one request off, or says how long to wait.
    pub fn take(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        if self.per_minute <= 0.0 {
            return Ok(());
        }
        let rate = self.rate();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEPT {
            buckets.retain(|_, bucket| now.duration_since(bucket.filled) < Duration::from_secs(60));
        }
        let bucket = buckets.entry(address).or_insert(Bucket { tokens: self.per_minute, filled: now });
        let earned = now.duration_since(bucket.filled).as_secs_f64() * rate;
        bucket.tokens = (bucket.tokens + earned).min(self.per_minute);
        bucket.filled = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - bucket.tokens) / rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_s_worth_at_once_then_as_they_come() -> Result<(), Box<dyn std::error::Error>> {
        let (limit, begun) = (Limit::new(60), Instant::now());
        let (one, other): (IpAddr, IpAddr) = ("127.0.0.1".parse()?, "127.0.0.2".parse()?);
        for _ in 0..60 {
            assert!(limit.take(one, begun).is_ok());
        }
        assert!(limit.take(one, begun).is_err_and(|wait| wait <= Duration::from_secs(1)));
        assert!(!limit.has_left(one, begun) && limit.has_left(one, begun + Duration::from_secs(1)));
        assert!(limit.has_left(other, begun) && limit.take(other, begun).is_ok());
        assert!(limit.take(one, begun + Duration::from_secs(1)).is_ok());
        assert!(limit.take(one, begun + Duration::from_secs(1)).is_err());
        assert!(Limit::new(0).take(one, begun).is_ok());
        Ok(())
    }
}
