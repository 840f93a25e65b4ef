//! So many within so long: counted in sixtieths of the span, so that a count is sixty small numbers at most.

use super::Millis;

/// How many parts a span is counted in.
const PARTS: Millis = 60;

/// So many may be within each span of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowLimit {
    pub most: u32,
    pub within_ms: Millis,
}

impl WindowLimit {
    /// How long what is counted together lasts.
    pub fn part_ms(self) -> Millis {
        (self.within_ms / PARTS).max(1)
    }

    fn part(self, at_ms: Millis) -> Millis {
        at_ms.div_euclid(self.part_ms())
    }

    /// When what was counted in a part counts no more: a span after its end, so that no span ever has more than the
    /// limit; it may have been a sixtieth longer.
    fn over_ms(self, part: Millis) -> Millis {
        (part + 1) * self.part_ms() + self.within_ms
    }
}

/// What was counted, by the parts of time in which it was, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlidingWindow(Vec<(Millis, u32)>);

impl SlidingWindow {
    /// How long until one more may be; `None`: now.
    pub fn wait(&self, limit: WindowLimit, now_ms: Millis) -> Option<Millis> {
        let counted = || self.0.iter().filter(move |(part, _)| limit.over_ms(*part) > now_ms);
        let mut left: u64 = counted().map(|(_, count)| u64::from(*count)).sum();
        if left < u64::from(limit.most) {
            return None;
        }
        for (part, count) in counted() {
            left -= u64::from(*count);
            if left < u64::from(limit.most) {
                return Some(limit.over_ms(*part) - now_ms);
            }
        }
        // none may ever be
        Some(limit.within_ms)
    }

    /// Counts one more, whatever the limit says.
    pub fn add(&mut self, limit: WindowLimit, at_ms: Millis) {
        self.0.retain(|(part, _)| limit.over_ms(*part) > at_ms);
        let part = limit.part(at_ms);
        match self.0.binary_search_by_key(&part, |(part, _)| *part) {
            Ok(place) => self.0[place].1 = self.0[place].1.saturating_add(1),
            Err(place) => self.0.insert(place, (part, 1)),
        }
    }

    /// Takes back one that was counted then.
    pub fn remove(&mut self, limit: WindowLimit, at_ms: Millis) {
        let part = limit.part(at_ms);
        if let Ok(place) = self.0.binary_search_by_key(&part, |(part, _)| *part) {
            self.0[place].1 -= 1;
            if self.0[place].1 == 0 {
                self.0.remove(place);
            }
        }
    }

    /// Whether nothing of it counts any more.
    pub fn is_over(&self, limit: WindowLimit, now_ms: Millis) -> bool {
        self.0.last().is_none_or(|(part, _)| limit.over_ms(*part) <= now_ms)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: WindowLimit = WindowLimit { most: 3, within_ms: 3_600_000 };
    const MINUTE_MS: Millis = 60_000;

    #[test]
    fn so_many_may_be_within_a_span_and_then_one_for_each_that_is_over() {
        let mut window = SlidingWindow::default();
        for at_ms in [0, 10, 30 * MINUTE_MS] {
            assert_eq!(window.wait(HOUR, at_ms), None);
            window.add(HOUR, at_ms);
        }
        assert_eq!(window.wait(HOUR, 30 * MINUTE_MS), Some(31 * MINUTE_MS));
        assert_eq!(window.wait(HOUR, 61 * MINUTE_MS - 1), Some(1));
        assert_eq!(window.wait(HOUR, 61 * MINUTE_MS), None);
        assert!(!window.is_over(HOUR, 90 * MINUTE_MS) && window.is_over(HOUR, 91 * MINUTE_MS));
    }

    #[test]
    fn what_is_taken_back_was_never_counted() {
        let mut window = SlidingWindow::default();
        window.add(HOUR, 0);
        window.add(HOUR, 1);
        window.remove(HOUR, 1);
        window.remove(HOUR, 5 * MINUTE_MS);
        window.add(HOUR, 2);
        assert_eq!(window.wait(HOUR, 2), None);
        window.remove(HOUR, 0);
        window.remove(HOUR, 0);
        assert_eq!(window, SlidingWindow::default());
    }

    #[test]
    fn a_limit_of_none_lets_nothing_through() {
        let none = WindowLimit { most: 0, within_ms: 1_000 };
        assert_eq!(SlidingWindow::default().wait(none, 5), Some(1_000));
        let short = WindowLimit { most: 1, within_ms: 1 };
        let mut window = SlidingWindow::default();
        window.add(short, 5);
        assert_eq!((window.wait(short, 5), window.wait(short, 7)), (Some(2), None));
    }

    proptest! {
        #[test]
        fn no_span_has_more_than_its_limit(
            gaps in prop::collection::vec(0..5_000_i64, 0..80),
            most in 1..9_u32,
            within_ms in 1..9_000_i64,
        ) {
            let limit = WindowLimit { most, within_ms };
            let (mut window, mut taken, mut now_ms) = (SlidingWindow::default(), Vec::new(), 0);
            for gap in gaps {
                now_ms += gap;
                match window.wait(limit, now_ms) {
                    None => {
                        window.add(limit, now_ms);
                        taken.push(now_ms);
                    }
                    Some(wait) => {
                        prop_assert!(wait > 0 && window.wait(limit, now_ms + wait).is_none());
                    }
                }
            }
            for from in &taken {
                let within = taken.iter().filter(|at| (*from..*from + within_ms).contains(*at)).count();
                prop_assert!(within <= usize::try_from(most).unwrap_or(usize::MAX), "{within}");
            }
        }
    }
}
