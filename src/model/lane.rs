//! What names a lane.

use super::{FromBytes, Id, MessageId};

/// Names a lane, and what was said between the same two. Half of a keyed hash: that two of a billion lanes have the same
/// has a chance of one in 10²¹. A message that has stepped aside has a lane for itself, under its own id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LaneKey([u8; 16]);

impl LaneKey {
    /// The lane that a message has for itself.
    pub fn own(message: MessageId) -> Self {
        Self(message.bytes())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Id for LaneKey {
    fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl FromBytes for LaneKey {
    fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}
