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
mod uncalled;

pub use key::LaneKeys;

use crate::model::{MessageId, Millis};

/// Nobody owns the lane's first message's call, or it has not begun.
pub(super) const WAITING: i64 = 0;
/// A provider is being called.
pub(super) const CALLING: i64 = 1;
/// What became of the call is unknown.
pub(super) const UNKNOWN: i64 = 2;

/// The hex digits of a lane, and of a position in it.
const LANE: usize = 32;

/// The key of a message's row in its lane.
pub(super) fn place(lane: &str, pos: u128) -> String {
    format!("{lane}{pos:032x}")
}

/// Where a message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub lane: String,
    pub place: String,
    pub message: MessageId,
}

/// How far the first message of a lane has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub tries: i64,
    /// Its first call, and the last one.
    pub first_ms: Option<Millis>,
    pub started_ms: Option<Millis>,
    /// What became of the last call is unknown.
    pub is_unknown: bool,
    /// That has been recorded as an attempt; not when its node died.
    pub is_recorded: bool,
}

impl Progress {
    /// During its first call.
    pub fn called(started_ms: Millis) -> Self {
        Self { tries: 1, first_ms: Some(started_ms), started_ms: Some(started_ms), ..Self::default() }
    }
}
