//! Guesses at what only others know: wrong keys, and webhooks that are forged. So many a minute from one address.

use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::{AddressLimit, RequestParts, address};

pub struct GuessLimit {
    pub(super) limit: AddressLimit,
    turn: Semaphore,
}

impl GuessLimit {
    pub fn new(per_minute: u32) -> Self {
        Self { limit: AddressLimit::new(per_minute), turn: Semaphore::new(1) }
    }

    /// Takes one off of whoever makes this request, or says how long they should have waited.
    pub(super) fn count(&self, request: &RequestParts) -> Result<(), Duration> {
        self.limit.take(address::group(request.caller.address), Instant::now())
    }

    /// A turn for an address from which too many have come: what such bring is looked at one at a time, all of them
    /// together. Others need none.
    pub(super) async fn turn(&self, request: &RequestParts) -> Option<SemaphorePermit<'_>> {
        if self.limit.has_left(address::group(request.caller.address), Instant::now()) {
            return None;
        }
        self.turn.acquire().await.ok()
    }
}
