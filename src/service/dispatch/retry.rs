//! When a message that was not taken is tried again.

use std::time::Duration;

use super::Settings;
use crate::model::Millis;

/// Exponential backoff with jitter: between half and all of `retry_first` doubled with each try,
/// but never before the provider said. What it says does not shorten it: nobody may be called without end.
pub(super) fn wait(settings: &Settings, tries: i64, asked: Option<Duration>) -> Duration {
    let doublings = u32::try_from(tries.clamp(1, 30) - 1).unwrap_or(0);
    let most = settings.retry_most.as_duration();
    let full = settings.retry_first.as_duration().saturating_mul(1 << doublings.min(20)).min(most);
    let jittered = full.mul_f64(rand::random::<f64>().mul_add(0.5, 0.5));
    asked.map_or(jittered, |asked| asked.max(jittered))
}

/// When to ask next what became of a call that began at `started_ms`; `None`: often enough.
pub(super) fn next_look_up(settings: &Settings, started_ms: Millis, now_ms: Millis) -> Option<Millis> {
    settings.look_up_after.iter().map(|after| started_ms + after.as_ms()).find(|at_ms| *at_ms > now_ms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::DurationSetting;

    fn settings() -> Settings {
        let span = DurationSetting::from_millis;
        Settings {
            lease: span(60_000),
            held: 10,
            calls_per_account: 1,
            call_timeout: span(1),
            retry_first: span(1_000),
            retry_most: span(600_000),
            hold_for: span(1),
            look_up_after: vec![span(60_000), span(120_000), span(300_000)],
            valid_for: span(1),
            breaker_failures: 1,
            breaker_rest: span(1),
            poll_every: span(1),
            schedule_most: span(1),
            sms_length: 1600,
            whatsapp_length: 4096,
        }
    }

    proptest! {
        #[test]
        fn waits_grow_and_end(tries in 1_i64..1000) {
            let wait = wait(&settings(), tries, None);
            prop_assert!(wait >= Duration::from_millis(500) && wait <= Duration::from_secs(600));
            if tries > 11 {
                prop_assert!(wait >= Duration::from_secs(300));
            }
        }
    }

    #[test]
    fn what_the_provider_asks_for_counts() {
        assert_eq!(wait(&settings(), 1, Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert!(wait(&settings(), 5, Some(Duration::ZERO)) >= Duration::from_secs(8), "but never sooner than ours");
    }

    #[test]
    fn a_lost_answer_is_looked_for_three_times() {
        let next = |now_ms| next_look_up(&settings(), 1_000, now_ms);
        assert_eq!(next(1_000), Some(61_000));
        assert_eq!(next(61_000), Some(121_000));
        assert_eq!(next(121_500), Some(301_000));
        assert_eq!(next(301_000), None);
    }
}
