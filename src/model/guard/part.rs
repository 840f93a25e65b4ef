//! A part of the levels as it is written down, so that a start finds what a stop or a kill has left.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::LevelBucket;
use crate::model::Millis;

/// The levels of one country, prefix or network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelPart {
    /// `c:US`, `p:+1206555` or `n:192.0.2.7`.
    pub name: String,
    /// What is in it, in JSON.
    pub body: String,
    /// From then on there is nothing in it.
    pub until_ms: Millis,
}

/// A bucket as JSON has it: level, time, threshold.
pub(super) type WrittenBucket = (f64, Millis, f64);

impl LevelBucket {
    pub(super) fn written(self) -> WrittenBucket {
        (self.level, self.at_ms, self.threshold)
    }

    pub(super) fn read((level, at_ms, threshold): WrittenBucket) -> Self {
        Self { level, at_ms, threshold }
    }
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct WrittenLevels {
    pub(super) day: WrittenBucket,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hour: Option<WrittenBucket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<(u64, Millis)>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) countries: BTreeMap<String, Millis>,
    pub(super) evicted_ms: Millis,
}
