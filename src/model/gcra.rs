//! The generic cell rate algorithm (GCRA): how often something may happen, and when it may again.

use std::time::{Duration, Instant};

/// A rate, and how much may come at once: virtual scheduling as in ITU-T I.371, annex A, and in 4.4.2 of the ATM
/// Forum's Traffic Management 4.0.
///
/// Whoever counts keeps one time for each of those it counts: the theoretical arrival time, at which all that was
/// taken will have been made up for. Each cell moves it on by the emission interval, from now at the earliest, and
/// conforms as long as that leaves it no further ahead of now than the burst. (The standard compares before the cell,
/// so its tolerance is shorter than the burst by one interval.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    interval: Duration,
    burst: Duration,
}

impl Gcra {
    /// One cell each `interval`, and `burst` of them at once after a pause.
    pub const fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, burst: interval.saturating_mul(burst) }
    }

    /// So many cells in each period, of which all may come at once. `None` for zero, which stands for no limit.
    pub fn per(period: Duration, cells: u32) -> Option<Self> {
        Some(Self::new(period.checked_div(cells)?, cells))
    }

    /// The emission interval: what one cell takes.
    pub const fn interval(self) -> Duration {
        self.interval
    }

    /// Takes so many cells, all or none: the new theoretical arrival time. Who was not counted before is `due` now.
    /// `Err`: how long to wait until they would be taken; more than the burst never are.
    pub fn take(self, due: Instant, cells: u32, now: Instant) -> Result<Instant, Duration> {
        let ahead = due.saturating_duration_since(now).saturating_add(self.interval.saturating_mul(cells));
        if ahead > self.burst {
            return Err(ahead.saturating_sub(self.burst));
        }
        Ok(now + ahead)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Who asks a limiter: for how many cells, and how many milliseconds after it asked last.
    fn asked() -> impl Strategy<Value = Vec<(u64, u32)>> {
        prop::collection::vec((0..2000_u64, 1..6_u32), 0..60)
    }

    fn limiter() -> impl Strategy<Value = (Gcra, u32)> {
        (1..1000_u64, 1..20_u32)
            .prop_map(|(interval, burst)| (Gcra::new(Duration::from_millis(interval), burst), burst))
    }

    /// What came of it: the theoretical arrival time, the time now, and what was taken when.
    fn ask(gcra: Gcra, asked: &[(u64, u32)]) -> (Instant, Instant, Vec<(Instant, u32)>) {
        let begun = Instant::now();
        let (mut due, mut now, mut taken) = (begun, begun, Vec::new());
        for (after_ms, cells) in asked {
            now += Duration::from_millis(*after_ms);
            if let Ok(next) = gcra.take(due, *cells, now) {
                due = next;
                taken.push((now, *cells));
            }
        }
        (due, now, taken)
    }

    #[test]
    fn a_burst_then_one_each_interval() {
        let (gcra, begun) = (Gcra::new(Duration::from_secs(2), 3), Instant::now());
        let at = |secs| begun + Duration::from_secs(secs);
        assert_eq!(gcra.take(begun, 3, begun), Ok(at(6)));
        assert_eq!(gcra.take(at(6), 1, begun), Err(Duration::from_secs(2)));
        assert_eq!(gcra.take(at(6), 2, begun), Err(Duration::from_secs(4)));
        assert_eq!(gcra.take(at(6), 1, at(2)), Ok(at(8)));
        // a pause saves up the burst and no more
        assert_eq!(
            (gcra.take(at(8), 3, at(100)), gcra.take(at(8), 4, at(100))),
            (Ok(at(106)), Err(Duration::from_secs(2)))
        );
        assert_eq!(gcra.take(at(8), 0, at(2)), Ok(at(8)));
    }

    #[test]
    fn so_many_in_each_period() {
        let (period, now) = (Duration::from_secs(60), Instant::now());
        assert_eq!(Gcra::per(period, 0), None);
        assert_eq!(Gcra::per(period, 4), Some(Gcra::new(Duration::from_secs(15), 4)));
        for cells in [1, 7, 59, 61, 100_003, u32::MAX] {
            let takes = |many| Gcra::per(period, cells).is_some_and(|gcra| gcra.take(now, many, now).is_ok());
            assert!(takes(cells) && (cells == u32::MAX || !takes(cells + 1)), "{cells}");
        }
    }

    proptest! {
        #[test]
        fn no_window_has_more_than_it_earns((gcra, burst) in limiter(), requests in asked()) {
            let (_, _, taken) = ask(gcra, &requests);
            for (first, (from, _)) in taken.iter().enumerate() {
                let mut cells = 0_u32;
                for (until, many) in &taken[first..] {
                    cells += many;
                    let most = gcra.interval() * burst + until.saturating_duration_since(*from);
                    prop_assert!(gcra.interval() * cells <= most, "{cells} within {most:?}");
                }
            }
        }

        #[test]
        fn what_a_pause_has_earned_is_taken((gcra, burst) in limiter(), requests in asked(), pause in 1..40_u32) {
            let (due, now, _) = ask(gcra, &requests);
            let later = now + gcra.interval() * pause;
            let earned = pause.min(burst);
            prop_assert!(gcra.take(due, earned, later).is_ok(), "at once");
            let one_by_one = (0..earned).try_fold(due, |due, _| gcra.take(due, 1, later));
            prop_assert_eq!(one_by_one, gcra.take(due, earned, later));
        }

        #[test]
        fn a_wait_is_as_long_as_it_must_be((gcra, burst) in limiter(), requests in asked(), cells in 1..20_u32) {
            let (due, now, _) = ask(gcra, &requests);
            if let Err(wait) = gcra.take(due, cells.min(burst), now) {
                let instant = Duration::from_nanos(1);
                prop_assert!(gcra.take(due, cells.min(burst), now + wait).is_ok());
                prop_assert_eq!(gcra.take(due, cells.min(burst), now + wait.saturating_sub(instant)), Err(instant));
            }
        }
    }
}
