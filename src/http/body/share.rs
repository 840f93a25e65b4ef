//! What bodies may hold until they are answered: all of them together, and those of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use super::Settings;
use crate::model::lock::lock;

/// The part of it that one address may hold.
const ADDRESSES: usize = 8;

/// How long one body may be, and what is held of those under way.
pub struct BodyMemory {
    pub(super) longest: usize,
    bounds: Arc<BodyMemoryLimits>,
}

struct BodyMemoryLimits {
    together: usize,
    per_address: usize,
    held: Mutex<BodyBytesInUse>,
}

#[derive(Default)]
struct BodyBytesInUse {
    bytes: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl BodyMemory {
    /// `http.body_limit` and `http.bodies_memory`.
    pub fn of_requests(settings: &Settings) -> Self {
        let together = settings.bodies_memory;
        Self::new(settings.body_limit, together, together / ADDRESSES)
    }

    /// `http.import_limit`: two of the longest, whoever sends them, as none but administrators do.
    pub fn of_imports(settings: &Settings) -> Self {
        let (longest, together) = (settings.import_limit, settings.import_limit.saturating_mul(2));
        Self::new(longest, together, together)
    }

    pub(super) fn new(longest: usize, together: usize, per_address: usize) -> Self {
        Self { longest, bounds: Arc::new(BodyMemoryLimits { together, per_address, held: Mutex::default() }) }
    }

    /// What one body holds, nothing yet.
    pub(super) fn share(&self, address: IpAddr) -> BodyShare {
        BodyShare { bounds: self.bounds.clone(), address, bytes: 0 }
    }

    /// The same of what is there at once. It may be longer than all that an address may hold, and counts as that then:
    /// there is always room for one.
    pub(super) fn share_of(&self, address: IpAddr, bytes: usize) -> Option<BodyShare> {
        let mut share = self.share(address);
        share.grow(bytes.min(self.bounds.per_address)).then_some(share)
    }
}

impl BodyMemoryLimits {
    fn held(&self) -> MutexGuard<'_, BodyBytesInUse> {
        lock(&self.held)
    }
}

/// What one body holds until this is dropped.
pub(super) struct BodyShare {
    bounds: Arc<BodyMemoryLimits>,
    address: IpAddr,
    bytes: usize,
}

impl BodyShare {
    /// Whether it may hold so many bytes; they are its then.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let mut held = self.bounds.held();
        let own = held.by_address.get(&self.address).copied().unwrap_or_default();
        if held.bytes + more > self.bounds.together || own + more > self.bounds.per_address {
            return false;
        }
        held.bytes += more;
        held.by_address.insert(self.address, own + more);
        self.bytes += more;
        true
    }
}

impl Drop for BodyShare {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.bounds.held();
        held.bytes -= self.bytes;
        if let Some(own) = held.by_address.get_mut(&self.address) {
            *own -= self.bytes;
            if *own == 0 {
                held.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_and_given_back() {
        let bodies = BodyMemory::new(10, 20, 12);
        let [here, there]: [IpAddr; 2] = [[127, 0, 0, 1].into(), [127, 0, 0, 2].into()];
        let (mut first, mut second, mut third) = (bodies.share(here), bodies.share(here), bodies.share(there));
        assert!(first.grow(8) && first.grow(10) && !second.grow(3) && second.grow(2), "twelve of one address");
        assert!(!third.grow(9) && third.grow(8), "twenty in all");
        drop(first);
        assert!(third.grow(10) && second.grow(10));
        drop((second, third));
        let held = bodies.bounds.held();
        assert!(held.bytes == 0 && held.by_address.is_empty());
    }
}
