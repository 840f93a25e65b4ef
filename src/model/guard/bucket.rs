//! A leaky bucket: a level that each send raises, and that time drains.

use std::time::Duration;

use crate::model::Millis;

/// A level in sends, as it stood at a time. It drains by the threshold in each period, evenly, and never stands above
/// the threshold by more than one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LevelBucket {
    pub level: f64,
    pub at_ms: Millis,
    pub threshold: f64,
}

fn seconds(ms: Millis) -> f64 {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0)).as_secs_f64()
}

impl LevelBucket {
    /// Drains it by what has passed. A clock that has gone back drains nothing.
    pub fn drain(&mut self, now_ms: Millis, period_ms: Millis) {
        let passed = seconds(now_ms.saturating_sub(self.at_ms)) / seconds(period_ms);
        self.level = (self.level - self.threshold * passed).max(0.0);
        self.at_ms = self.at_ms.max(now_ms);
    }

    /// The same, and gives it the threshold that holds from now on.
    pub(super) fn turn(&mut self, now_ms: Millis, period_ms: Millis, threshold: f64) {
        self.drain(now_ms, period_ms);
        self.threshold = threshold;
        self.level = self.level.min(threshold + 1.0);
    }

    /// Raises it, as far as it goes: by how much.
    pub(super) fn add(&mut self, weight: f64) -> f64 {
        let added = weight.min(self.threshold + 1.0 - self.level).max(0.0);
        self.level += added;
        added
    }

    /// Takes out what was added at a time, where that has not drained yet.
    pub(super) fn take_out(&mut self, added: f64, added_ms: Millis, now_ms: Millis, period_ms: Millis) {
        self.drain(now_ms, period_ms);
        if now_ms.saturating_sub(added_ms) < period_ms {
            self.level = (self.level - added).max(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::guard::{DAY_MS, HOUR_MS};

    fn is_near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-6
    }

    #[test]
    fn a_level_drains_by_its_threshold_in_a_period() {
        let mut bucket = LevelBucket::default();
        bucket.turn(0, DAY_MS, 24.0);
        for _ in 0..12 {
            assert!(is_near(bucket.add(1.0), 1.0));
        }
        bucket.drain(HOUR_MS, DAY_MS);
        assert!(is_near(bucket.level, 11.0), "{bucket:?}");
        bucket.drain(0, DAY_MS);
        assert!(is_near(bucket.level, 11.0), "a clock that goes back: {bucket:?}");
        bucket.drain(DAY_MS, DAY_MS);
        assert!(is_near(bucket.level, 0.0), "{bucket:?}");
    }

    #[test]
    fn what_has_drained_is_not_taken_out() {
        let mut bucket = LevelBucket::default();
        bucket.turn(0, DAY_MS, 10.0);
        bucket.add(3.0);
        bucket.take_out(1.0, 0, 0, DAY_MS);
        assert!(is_near(bucket.level, 2.0), "{bucket:?}");
        bucket.turn(DAY_MS, DAY_MS, 10.0);
        bucket.add(2.0);
        bucket.take_out(2.0, 0, DAY_MS, DAY_MS);
        assert!(is_near(bucket.level, 2.0), "{bucket:?}");
    }

    proptest! {
        #[test]
        fn a_level_stays_between_nothing_and_one_above_its_threshold(
            steps in prop::collection::vec((0..DAY_MS, 1_u32..7, 5_u32..50), 1..60),
        ) {
            let (mut bucket, mut now_ms) = (LevelBucket::default(), 0);
            for (after_ms, weight, threshold) in steps {
                now_ms += after_ms / 20;
                bucket.turn(now_ms, DAY_MS, f64::from(threshold));
                let before = bucket.level;
                let added = bucket.add(f64::from(weight));
                prop_assert!(added >= 0.0 && is_near(bucket.level, before + added));
                prop_assert!(bucket.level <= f64::from(threshold) + 1.0 + 1e-9);
            }
        }
    }
}
