//! The outbox: messages to send stand in lanes, one for each (from, to).
//!
//! A lane is the only lock: the node that owns it sends its first message, and no other.
//! Ownership is taken by compare-and-set with a lease; every statement of an owner names it.
//! What passes a lane's door in batches: [`intake`] (accept), [`mark`] (about to call a
//! provider), [`outcome`] (what came of it). [`claim`] finds what nobody owns.

pub mod cancel;
pub mod claim;
pub mod intake;
mod key;
pub mod mark;
pub mod outcome;
mod room;
mod uncalled;

pub use key::LaneKeyHasher;
pub use room::LaneRoom;

use super::Value;
use crate::model::{FromBytes as _, Id as _, LaneKey, MessageId, Millis};

/// Nobody owns the lane's first message's call, or it has not begun.
pub(super) const WAITING: i64 = 0;
/// A provider is being called.
pub(super) const CALLING: i64 = 1;
/// What became of the call is unknown.
pub(super) const UNKNOWN: i64 = 2;

/// The bytes of a lane's key; those of a position in it follow.
const LANE: usize = 16;

/// The key of a message's row: its lane, then its position, so that the rows of a lane lie together and in order.
pub(super) fn place(lane: LaneKey, pos: u128) -> [u8; 32] {
    let mut place = [0; 32];
    place[..LANE].copy_from_slice(&lane.bytes());
    place[LANE..].copy_from_slice(&pos.to_be_bytes());
    place
}

/// The first and the last place of a lane.
fn span(lane: LaneKey) -> [Value; 2] {
    [0, u128::MAX].map(|pos| place(lane, pos).into())
}

/// The lane of a place.
fn lane_of(place: [u8; 32]) -> LaneKey {
    let mut lane = [0; LANE];
    lane.copy_from_slice(&place[..LANE]);
    LaneKey::from_bytes(lane)
}

/// Where a message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneHead {
    pub lane: LaneKey,
    pub place: [u8; 32],
    pub message: MessageId,
}

/// How far the first message of a lane has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneHeadProgress {
    pub tries: i64,
    /// Its first call, and the last one.
    pub first_ms: Option<Millis>,
    pub started_ms: Option<Millis>,
    /// What became of the last call is unknown.
    pub is_unknown: bool,
    /// That has been recorded as an attempt; not when its node died.
    pub is_recorded: bool,
}

impl LaneHeadProgress {
    /// During its first call.
    pub fn called(started_ms: Millis) -> Self {
        Self { tries: 1, first_ms: Some(started_ms), started_ms: Some(started_ms), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_sort_by_lane_then_by_position() {
        let lanes = [1_u128, 1 << 64, u128::MAX].map(|bits| LaneKey::from_bytes(bits.to_be_bytes()));
        let positions = [0, 9, 10, 1 << 64, u128::MAX];
        let places: Vec<_> = lanes.iter().flat_map(|lane| positions.map(|pos| place(*lane, pos))).collect();
        assert!(places.is_sorted(), "{places:?}");
        assert!(lanes.iter().all(|lane| lane_of(place(*lane, 7)) == *lane));
    }
}
