//! The right of one process to work on a row for a while, taken by compare-and-set: a row says whose it is (`owner`),
//! from when on it may be claimed (`ready_ms`), and when that was set (`set_ms`).

use std::sync::Arc;

use super::Value;
use crate::model::Millis;

/// Nodes' clocks may stand so far apart without one of them being wrong: another's lease counts so much longer.
pub const SKEW_MS: Millis = 5_000;

/// Names one process in all its leases: made once, when it starts. Clones are cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(Arc<str>);

impl Owner {
    /// Another one each time.
    pub fn generate() -> Self {
        Self(format!("{:016x}", rand::random::<u64>()).into())
    }
}

impl From<&Owner> for Value {
    fn from(owner: &Owner) -> Self {
        Self::Text(owner.0.to_string())
    }
}
