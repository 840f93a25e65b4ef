//! The clock may go back (set right after a start): what waits by it must not stand still for as long.

use std::time::{Duration, Instant};

use crate::model::{Clock, Millis};
use crate::store::lease::SKEW_MS;
use crate::store::wait::{self, ClockRollbackLeaseRule};
use crate::store::{Error, Store};

/// Another node's clock may have gone back, or that of one that is no more.
const EVERY: Duration = Duration::from_secs(60);
/// No lease lasts longer by its owner's own count.
const LONGEST: Duration = Duration::from_secs(120);

pub struct ClockRollbackGuard {
    pub store: Store,
    pub clock: Clock,
    /// How long a node may hold a lane.
    pub lease_ms: Millis,
    /// What both clocks said at the last look.
    at: Instant,
    now_ms: Millis,
    /// When all were last looked through.
    looked: Option<Instant>,
    /// When the clock was last seen to have gone back.
    turned: Option<Instant>,
}

impl ClockRollbackGuard {
    pub fn new(store: Store, clock: Clock, lease_ms: Millis) -> Self {
        let (at, now_ms) = (Instant::now(), clock.now_ms());
        Self { store, clock, lease_ms, at, now_ms, looked: None, turned: None }
    }

    /// To be called every second: ends waits that a clock has set which has gone back since.
    pub async fn look(&mut self) -> Result<(), Error> {
        let (at, now_ms) = (Instant::now(), self.clock.now_ms());
        if self.has_turned(at, now_ms) {
            // looked through until it has gone well
            (self.turned, self.looked) = (Some(at), None);
        }
        (self.at, self.now_ms) = (at, now_ms);
        if self.looked.is_some_and(|looked| looked.elapsed() < EVERY) {
            return Ok(());
        }
        let are_left = self.turned.is_some_and(|turned| turned.elapsed() < LONGEST);
        let found =
            wait::end(&self.store, now_ms, ClockRollbackLeaseRule { are_left, lease_ms: self.lease_ms }).await?;
        if found > 0 {
            tracing::warn!("the clock has gone back: what waited by the time before is due");
        }
        self.looked = Some(at);
        Ok(())
    }

    /// The machine's clock has lost time that has passed.
    fn has_turned(&self, at: Instant, now_ms: Millis) -> bool {
        let passed = Millis::try_from(at.duration_since(self.at).as_millis()).unwrap_or(Millis::MAX / 4);
        now_ms + SKEW_MS < self.now_ms + passed
    }
}
