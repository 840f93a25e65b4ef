//! The right of one process to work on a row for a while, taken by compare-and-set: a row says whose it is (`owner`),
//! from when on it may be claimed (`ready_ms`), and when that was set (`set_ms`).

use super::Value;
use crate::model::Millis;

/// Nodes' clocks may stand so far apart without one of them being wrong: another's lease counts so much longer.
pub const SKEW_MS: Millis = 5_000;

/// Names one process in all its leases: made once, when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseOwner([u8; 8]);

impl LeaseOwner {
    /// Another one each time.
    pub fn generate() -> Self {
        Self(rand::random())
    }
}

impl From<&LeaseOwner> for Value {
    fn from(owner: &LeaseOwner) -> Self {
        owner.0.into()
    }
}

/// What a process claims rows for: whatever is free at `now_ms`, until `until_ms`.
#[derive(Clone, Copy, Debug)]
pub struct Lease<'a> {
    pub owner: &'a LeaseOwner,
    pub now_ms: Millis,
    pub until_ms: Millis,
}

/// Whether a row is due and nobody's: it was given back, or its lease is over by any node's clock. Its values are those
/// of [`Lease::free`].
pub(super) const FREE: &str = "ready_ms <= ? AND (owner IS NULL OR ready_ms <= ?)";

/// What a claim writes into a row: [`Lease::take`].
pub(super) const TAKE: &str = "owner = ?, ready_ms = ?, set_ms = ?";

/// Whether a row is held by this very claim: [`Lease::held`].
pub(super) const HELD: &str = "owner = ? AND ready_ms = ?";

/// Gives a row back: when it may be claimed again, and what time it is.
pub(super) const GIVE_BACK: &str = "owner = NULL, ready_ms = ?, set_ms = ?";

impl Lease<'_> {
    pub(super) fn free(self) -> [Value; 2] {
        [self.now_ms.into(), (self.now_ms - SKEW_MS).into()]
    }

    pub(super) fn take(self) -> [Value; 3] {
        [self.owner.into(), self.until_ms.into(), self.now_ms.into()]
    }

    pub(super) fn held(self) -> [Value; 2] {
        [self.owner.into(), self.until_ms.into()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_has_its_values() {
        let owner = LeaseOwner::generate();
        let lease = Lease { owner: &owner, now_ms: 20_000, until_ms: 50_000 };
        assert_eq!(FREE.matches('?').count(), lease.free().len());
        assert_eq!(TAKE.matches('?').count(), lease.take().len());
        assert_eq!(HELD.matches('?').count(), lease.held().len());
        assert_eq!(lease.free(), [20_000, 15_000].map(Value::Int), "another's clock may be behind");
        assert_eq!(lease.held(), [Value::from(&owner), Value::Int(50_000)]);
        assert!(matches!(Value::from(&owner), Value::Bytes(name) if name.len() == 8), "as wide as its column");
        assert_ne!(owner, LeaseOwner::generate());
    }
}
