//! Whether a database does what it is for: known from what is asked of it, and from a check where nobody asks.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Error, Result};

/// Up until something fails.
#[derive(Debug)]
pub(super) struct StoreHealth {
    opened: Instant,
    /// When it last did, in milliseconds since it was opened.
    good_ms: AtomicU64,
    is_down: AtomicBool,
}

impl StoreHealth {
    pub(super) fn new() -> Self {
        Self { opened: Instant::now(), good_ms: AtomicU64::new(0), is_down: AtomicBool::new(false) }
    }

    pub(super) fn is_down(&self) -> bool {
        self.is_down.load(Ordering::Relaxed)
    }

    /// Whether it has done nothing for so long.
    pub(super) fn is_quiet(&self, since: Duration) -> bool {
        let good = Duration::from_millis(self.good_ms.load(Ordering::Relaxed));
        self.opened.elapsed().saturating_sub(good) >= since
    }

    /// Takes down what came of a write. A race, or a statement that is refused, says nothing of the others.
    pub(super) fn wrote<T>(&self, begun: Instant, result: &Result<T>) {
        match result {
            Ok(_) => self.up(),
            Err(Error::Unavailable(_)) => self.failed(begun),
            Err(_) => {}
        }
    }

    pub(super) fn up(&self) {
        self.good_ms.store(self.since_opened(Instant::now()), Ordering::Relaxed);
        self.is_down.store(false, Ordering::Relaxed);
    }

    /// Of what began then: if another has gone well since, it was this one's own.
    pub(super) fn failed(&self, begun: Instant) {
        if self.good_ms.load(Ordering::Relaxed) <= self.since_opened(begun) {
            self.is_down.store(true, Ordering::Relaxed);
        }
    }

    fn since_opened(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.opened).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_fails_beside_others_that_do_not_says_nothing() {
        let condition = StoreHealth::new();
        let begun = condition.opened;
        let away = Err::<(), _>(Error::Unavailable("away".into()));
        condition.wrote(begun, &Err::<(), _>(Error::Busy("many".into())));
        assert!(!condition.is_down());
        condition.wrote(begun, &away);
        assert!(condition.is_down());
        std::thread::sleep(Duration::from_millis(2));
        condition.wrote(begun, &Ok(()));
        assert!(!condition.is_down() && !condition.is_quiet(Duration::from_secs(60)));
        condition.wrote(begun, &away);
        assert!(!condition.is_down(), "it began before the one that went well");
        condition.wrote(Instant::now() + Duration::from_millis(5), &away);
        assert!(condition.is_down());
    }
}
