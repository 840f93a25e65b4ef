//! What this node has counted of late.

use std::collections::HashMap;

use crate::model::Millis;
use crate::model::window::{SlidingWindow, WindowLimit};
use crate::signal::{FullWindow, SharedWindow};

/// Fewer counts are not looked through for those that are over.
const FEW: usize = 1_024;

struct KeptWindow {
    limit: WindowLimit,
    sends: SlidingWindow,
}

/// By the keys of what is counted.
#[derive(Default)]
pub(super) struct RecentSends {
    windows: HashMap<[u8; 16], KeptWindow>,
    /// So many are looked through for those that are over.
    tidy_at: usize,
}

impl RecentSends {
    /// Counts one in each, or in none where one is full.
    pub(super) fn take(&mut self, windows: &[SharedWindow], at_ms: Millis) -> Result<(), FullWindow> {
        for (nth, window) in windows.iter().enumerate() {
            let wait = match self.windows.get(&window.key) {
                Some(kept) => kept.sends.wait(window.limit, at_ms),
                None => SlidingWindow::default().wait(window.limit, at_ms),
            };
            if let Some(wait_ms) = wait {
                return Err(FullWindow { nth, wait_ms });
            }
        }
        self.add(windows, at_ms);
        Ok(())
    }

    /// Whether something is counted there, or was not long ago.
    pub(super) fn has(&self, window: &SharedWindow) -> bool {
        self.windows.contains_key(&window.key)
    }

    /// Counts one in each, full or not.
    pub(super) fn add(&mut self, windows: &[SharedWindow], at_ms: Millis) {
        self.tidy(at_ms);
        for SharedWindow { key, limit } in windows {
            let new = || KeptWindow { limit: *limit, sends: SlidingWindow::default() };
            self.windows.entry(*key).or_insert_with(new).sends.add(*limit, at_ms);
        }
    }

    pub(super) fn remove(&mut self, windows: &[SharedWindow], at_ms: Millis) {
        for SharedWindow { key, limit } in windows {
            if let Some(kept) = self.windows.get_mut(key) {
                kept.sends.remove(*limit, at_ms);
            }
        }
    }

    /// Counts anew; that something was sent there stays known.
    pub(super) fn forget(&mut self, windows: &[SharedWindow]) {
        for window in windows {
            if let Some(kept) = self.windows.get_mut(&window.key) {
                kept.sends = SlidingWindow::default();
            }
        }
    }

    /// Each time that they have doubled: what each costs is the same, however many there are.
    fn tidy(&mut self, now_ms: Millis) {
        if self.windows.len() < self.tidy_at.max(FEW) {
            return;
        }
        self.windows.retain(|_, kept| !kept.sends.is_over(kept.limit, now_ms));
        self.tidy_at = 2 * self.windows.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: WindowLimit = WindowLimit { most: 2, within_ms: 60_000 };

    fn window(key: u8) -> SharedWindow {
        SharedWindow { key: [key; 16], limit: LIMIT }
    }

    #[test]
    fn where_one_is_full_none_counts() {
        let mut recent = RecentSends::default();
        for _ in 0..2 {
            assert_eq!(recent.take(&[window(1)], 0), Ok(()));
        }
        assert_eq!(recent.take(&[window(2), window(1)], 0), Err(FullWindow { nth: 1, wait_ms: 61_000 }));
        assert_eq!(recent.take(&[window(2)], 0), Ok(()));
        assert_eq!(recent.take(&[window(2)], 0), Ok(()), "what was refused was not counted");
        assert!(recent.has(&window(1)) && !recent.has(&window(3)));
        recent.remove(&[window(1)], 0);
        assert_eq!(recent.take(&[window(1)], 0), Ok(()));
        recent.forget(&[window(1)]);
        assert!(recent.has(&window(1)));
        assert_eq!(recent.take(&[window(1)], 0), Ok(()));
        assert!(recent.take(&[SharedWindow { key: [9; 16], limit: WindowLimit { most: 0, ..LIMIT } }], 0).is_err());
    }

    #[test]
    fn what_is_over_goes() {
        let mut recent = RecentSends::default();
        for key in 0..FEW {
            let key = std::array::from_fn(|nth| u8::try_from((key >> (8 * (nth % 2))) & 0xff).unwrap_or(0));
            recent.add(&[SharedWindow { key, limit: LIMIT }], 0);
        }
        assert_eq!(recent.windows.len(), FEW);
        recent.add(&[window(1)], 10 * LIMIT.within_ms);
        assert_eq!(recent.windows.len(), 1);
    }
}
