//! How long failed passwords make one wait: a ladder, the same for users that do not exist.

use serde::Deserialize;

use crate::model::{DurationSetting, Millis};
use crate::store::lockout::LockoutCounter;

/// From so many failures on, wait so long after each.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct LockoutRung {
    pub failures: i64,
    pub wait: DurationSetting,
}

/// Across addresses nobody waits longer than this, or a stranger could lock a user out from afar.
const ANYWHERE: DurationSetting = DurationSetting::from_millis(15 * 60_000);

const DAY_MS: Millis = 24 * 3_600_000;

/// Failures are forgotten so long after the last one.
pub(super) fn lapse_ms(ladder: &[LockoutRung]) -> Millis {
    let longest = ladder.iter().map(|rung| rung.wait.as_ms()).max().unwrap_or(0);
    longest.max(DAY_MS) + DAY_MS
}

fn wait_of(ladder: &[LockoutRung], failures: i64) -> Millis {
    ladder.iter().filter(|rung| failures >= rung.failures).map(|rung| rung.wait.as_ms()).max().unwrap_or(0)
}

fn current(ladder: &[LockoutRung], lockout: LockoutCounter, now_ms: Millis) -> i64 {
    if now_ms - lockout.last_ms > lapse_ms(ladder) { 0 } else { lockout.failures }
}

/// Either the counts that the next attempt writes (from here, from anywhere), or how long to wait.
pub(super) fn decide(
    ladder: &[LockoutRung],
    here: LockoutCounter,
    anywhere: LockoutCounter,
    now_ms: Millis,
) -> Result<(i64, i64), DurationSetting> {
    let counts = (current(ladder, here, now_ms), current(ladder, anywhere, now_ms));
    // another node's clock may be ahead: nobody waits longer than the ladder says
    let left_of = |last_ms: Millis, wait: Millis| (last_ms + wait - now_ms).min(wait);
    let here = left_of(here.last_ms, wait_of(ladder, counts.0));
    let left = here.max(left_of(anywhere.last_ms, wait_of(ladder, counts.1).min(ANYWHERE.as_ms())));
    match u64::try_from(left) {
        Ok(left) if left > 0 => Err(DurationSetting::from_millis(left)),
        _ => Ok((counts.0 + 1, counts.1 + 1)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Millis = 60_000;

    fn ladder() -> Vec<LockoutRung> {
        [(3, 2), (5, 15), (7, 60), (9, 24 * 60)]
            .map(|(failures, minutes)| LockoutRung { failures, wait: DurationSetting::from_millis(minutes * 60_000) })
            .to_vec()
    }

    fn failed(failures: i64, last_ms: Millis) -> LockoutCounter {
        LockoutCounter { failures, last_ms, is_stored: true }
    }

    #[test]
    fn the_ladder_of_the_contract() {
        let now = 1_000_000_000;
        for (failures, minutes) in
            [(0, 0), (2, 0), (3, 2), (4, 2), (5, 15), (6, 15), (7, 60), (8, 60), (9, 1440), (50, 1440)]
        {
            let here = failed(failures, now);
            let none = LockoutCounter::default();
            let wait = decide(&ladder(), here, none, now).err().map_or(0, DurationSetting::as_ms);
            assert_eq!(wait, minutes * MINUTE, "{failures} failures");
            assert!(decide(&ladder(), here, none, now + minutes * MINUTE).is_ok());
        }
    }

    #[test]
    fn across_addresses_the_wait_is_a_quarter_of_an_hour_at_most() {
        let wait = decide(&ladder(), LockoutCounter::default(), failed(1_000, 50), 50).err();
        assert_eq!(wait, Some(ANYWHERE));
    }

    #[test]
    fn failures_lapse() {
        let long_ago = failed(20, 0);
        assert_eq!(decide(&ladder(), long_ago, long_ago, 2 * DAY_MS + 1), Ok((1, 1)));
    }

    proptest! {
        #[test]
        fn an_attempt_always_counts_and_waiting_always_ends(
            here in 0_i64..100, anywhere in 0_i64..1_000, past in 0_i64..3 * DAY_MS,
        ) {
            let now = 10 * DAY_MS;
            let (here, anywhere) = (failed(here, now - past), failed(anywhere, now - past));
            match decide(&ladder(), here, anywhere, now) {
                Ok((h, a)) => prop_assert!(h > 0 && a > 0),
                Err(wait) => {
                    prop_assert!(wait.as_ms() <= DAY_MS);
                    prop_assert!(decide(&ladder(), here, anywhere, now + wait.as_ms()).is_ok());
                }
            }
        }
    }
}
