//! How many rows one commit of many has: so few that whoever waits for the store hardly notices.

use std::time::Duration;

/// Rows of the first slice, which is the smallest too, and of the largest. So few are a millisecond of work: where they
/// take longer they have waited for others, which fewer would do as long.
const LEAST: usize = 64;
const MOST: usize = 1_000;
/// What takes less is doubled, what takes longer is halved. Whatever comes meanwhile waits for the one writer of an
/// embedded store as long, and a message is answered within some milliseconds.
const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_millis(4);
/// The next slice waits at least so long and at most so long: its lease goes on meanwhile.
const PAUSES: [Duration; 2] = [Duration::from_millis(2), Duration::from_secs(1)];

/// How large slices are, by what those before have taken.
pub(super) struct SlicePace(usize);

impl Default for SlicePace {
    fn default() -> Self {
        Self(LEAST)
    }
}

impl SlicePace {
    pub(super) fn rows(&self) -> usize {
        self.0
    }

    fn learn(&mut self, took: Duration) {
        if took > LONG {
            self.0 = (self.0 / 2).max(LEAST);
        } else if took < SHORT {
            self.0 = (self.0 * 2).min(MOST);
        }
    }

    /// Lets others have the store for as long as the last slice had it.
    pub(super) async fn pause(&mut self, took: Duration) {
        self.learn(took);
        tokio::time::sleep(rest(took)).await;
    }
}

fn rest(took: Duration) -> Duration {
    took.clamp(PAUSES[0], PAUSES[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_grow_and_shrink_with_what_they_take() {
        let mut pace = SlicePace::default();
        let mut after = |millis| {
            pace.learn(Duration::from_millis(millis));
            pace.rows()
        };
        assert_eq!([after(0), after(1), after(2), after(4)], [128, 256, 256, 256]);
        assert_eq!([after(5), after(400)], [128, 64]);
        for _ in 0..9 {
            after(0);
        }
        assert_eq!(after(3), MOST);
        for _ in 0..20 {
            after(400);
        }
        assert_eq!(after(3), LEAST, "a store that is slow is no quicker with fewer");
    }

    #[test]
    fn others_have_the_store_for_as_long_as_a_slice() {
        let rests = [0, 3, 400, 30_000].map(|millis| rest(Duration::from_millis(millis)).as_millis());
        assert_eq!(rests, [2, 3, 400, 1_000]);
    }
}
