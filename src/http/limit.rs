//! Requests per address: a token bucket each, refilled by the minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::model::lock::lock;

/// Buckets kept before full ones are thrown away, and how often those are looked for at most.
const KEPT: usize = 100_000;
const SWEEP_EVERY: Duration = Duration::from_secs(1);

struct Bucket {
    tokens: f64,
    filled: Instant,
}

#[derive(Default)]
struct Buckets {
    by_address: HashMap<IpAddr, Bucket>,
    swept: Option<Instant>,
}

impl Buckets {
    fn sweep(&mut self, now: Instant) {
        if self.by_address.len() < KEPT || self.swept.is_some_and(|last| now.duration_since(last) < SWEEP_EVERY) {
            return;
        }
        self.by_address.retain(|_, bucket| now.duration_since(bucket.filled) < Duration::from_secs(60));
        self.swept = Some(now);
    }
}

/// So many requests a minute from one address; zero means no limit.
pub struct Limit {
    per_minute: f64,
    buckets: Mutex<Buckets>,
}

impl Limit {
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute: f64::from(per_minute), buckets: Mutex::default() }
    }

    /// Whether [`Limit::take`] would take one now.
    pub fn has_left(&self, address: IpAddr, now: Instant) -> bool {
        let buckets = lock(&self.buckets);
        let bucket = buckets.by_address.get(&address);
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
        let mut buckets = lock(&self.buckets);
        buckets.sweep(now);
        let bucket = buckets.by_address.entry(address).or_insert(Bucket { tokens: self.per_minute, filled: now });
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
    use std::net::Ipv4Addr;

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

    #[test]
    fn many_addresses_are_swept_once_a_second() {
        let (limit, begun) = (Limit::new(60), Instant::now());
        let take = |address: u32, millis| {
            let taken = limit.take(Ipv4Addr::from(address).into(), begun + Duration::from_millis(millis));
            assert!(taken.is_ok());
            lock(&limit.buckets).by_address.len()
        };
        for address in 0..100_000 {
            take(address, 0);
        }
        // all are still needed when they are looked at, and no more half a second later
        assert_eq!([take(200_000, 59_900), take(200_001, 60_400), take(200_002, 60_900)], [KEPT + 1, KEPT + 2, 3]);
    }
}
