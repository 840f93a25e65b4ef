//! Requests per address: so many a minute, and a minute's worth at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::model::Gcra;
use crate::model::lock::lock;

const MINUTE: Duration = Duration::from_secs(60);

/// Buckets kept before those unused for a minute are thrown away, and how often such are looked for at most.
const KEPT: usize = 100_000;
const SWEEP_EVERY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct AddressBuckets {
    /// When each will have made up for all that it has taken.
    by_address: HashMap<IpAddr, Instant>,
    swept: Option<Instant>,
}

impl AddressBuckets {
    fn sweep(&mut self, gcra: Gcra, now: Instant) {
        if self.by_address.len() < KEPT || self.swept.is_some_and(|last| now.duration_since(last) < SWEEP_EVERY) {
            return;
        }
        // the last request was taken at least one interval before that time
        self.by_address.retain(|_, due| *due + MINUTE > now + gcra.interval());
        self.swept = Some(now);
    }
}

/// So many requests a minute from one address; zero means no limit.
pub struct AddressLimit {
    gcra: Option<Gcra>,
    buckets: Mutex<AddressBuckets>,
}

impl AddressLimit {
    pub fn new(per_minute: u32) -> Self {
        Self { gcra: Gcra::per(MINUTE, per_minute), buckets: Mutex::default() }
    }

    /// Whether [`AddressLimit::take`] would take one now.
    pub fn has_left(&self, address: IpAddr, now: Instant) -> bool {
        let Some(gcra) = self.gcra else { return true };
        let buckets = lock(&self.buckets);
        let due = buckets.by_address.get(&address);
        due.is_none_or(|due| gcra.take(*due, 1, now).is_ok())
    }

    /// Takes one request off, or says how long to wait.
    pub fn take(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let Some(gcra) = self.gcra else { return Ok(()) };
        let mut buckets = lock(&self.buckets);
        buckets.sweep(gcra, now);
        let due = buckets.by_address.entry(address).or_insert(now);
        *due = gcra.take(*due, 1, now)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_minute_s_worth_at_once_then_as_they_come() -> Result<(), Box<dyn std::error::Error>> {
        let (limit, begun) = (AddressLimit::new(60), Instant::now());
        let (one, other): (IpAddr, IpAddr) = ("127.0.0.1".parse()?, "127.0.0.2".parse()?);
        for _ in 0..60 {
            assert!(limit.take(one, begun).is_ok());
        }
        assert!(limit.take(one, begun).is_err_and(|wait| wait <= Duration::from_secs(1)));
        assert!(!limit.has_left(one, begun) && limit.has_left(one, begun + Duration::from_secs(1)));
        assert!(limit.has_left(other, begun) && limit.take(other, begun).is_ok());
        assert!(limit.take(one, begun + Duration::from_secs(1)).is_ok());
        assert!(limit.take(one, begun + Duration::from_secs(1)).is_err());
        assert!(AddressLimit::new(0).take(one, begun).is_ok());
        Ok(())
    }

    #[test]
    fn many_addresses_are_swept_once_a_second() {
        let (limit, begun) = (AddressLimit::new(60), Instant::now());
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
