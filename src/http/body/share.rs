//! What bodies that are not wholly there may hold: all of them together, and those of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Settings;

/// The part of it that one address may hold.
const ADDRESSES: usize = 8;

/// How long one body may be, and what is held of those under way.
pub struct Bodies {
    pub(super) longest: usize,
    together: usize,
    per_address: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    bytes: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Bodies {
    /// `http.body_limit` and `http.bodies_memory`.
    pub fn of_requests(settings: &Settings) -> Self {
        let together = settings.bodies_memory;
        Self { longest: settings.body_limit, together, per_address: together / ADDRESSES, held: Mutex::default() }
    }

    /// `http.import_limit`: two of the longest, whoever sends them, as none but administrators do.
    pub fn of_imports(settings: &Settings) -> Self {
        let (longest, together) = (settings.import_limit, settings.import_limit.saturating_mul(2));
        Self { longest, together, per_address: together, held: Mutex::default() }
    }

    /// What one body holds, nothing yet.
    pub(super) fn share(&self, address: IpAddr) -> Share<'_> {
        Share { bodies: self, address, bytes: 0 }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one body holds until this is dropped.
pub(super) struct Share<'a> {
    bodies: &'a Bodies,
    address: IpAddr,
    bytes: usize,
}

impl Share<'_> {
    /// Whether it may hold so many bytes; they are its then.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let mut held = self.bodies.held();
        let own = held.by_address.get(&self.address).copied().unwrap_or_default();
        if held.bytes + more > self.bodies.together || own + more > self.bodies.per_address {
            return false;
        }
        held.bytes += more;
        held.by_address.insert(self.address, own + more);
        self.bytes += more;
        true
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.bodies.held();
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
        let bodies = Bodies { longest: 10, together: 20, per_address: 12, held: Mutex::default() };
        let [here, there]: [IpAddr; 2] = [[127, 0, 0, 1].into(), [127, 0, 0, 2].into()];
        let (mut first, mut second, mut third) = (bodies.share(here), bodies.share(here), bodies.share(there));
        assert!(first.grow(8) && first.grow(10) && !second.grow(3) && second.grow(2), "twelve of one address");
        assert!(!third.grow(9) && third.grow(8), "twenty in all");
        drop(first);
        assert!(third.grow(10) && second.grow(10));
        drop((second, third));
        let held = bodies.held();
        assert!(held.bytes == 0 && held.by_address.is_empty());
    }
}
