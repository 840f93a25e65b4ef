//! How many rows one commit of many has, and how long the next one waits: others hardly notice.

use std::time::Duration;

/// Rows that a slice writes: half a millisecond of work. Whatever comes meanwhile waits as long for the one writer of an
/// embedded store, and a message is answered within a millisecond or two. A slow store is no quicker with fewer.
pub(super) const WRITTEN: usize = 32;
/// Rows that a slice frees or removes, which is less work.
pub(super) const CLEARED: usize = 64;
/// The next slice waits at least so long and at most so long: its lease goes on meanwhile.
const PAUSES: [Duration; 2] = [Duration::from_millis(5), Duration::from_secs(1)];

/// Lets others have the store for as long as the last slice took, and for most of the time where it is quick.
pub(super) async fn pause(took: Duration) {
    tokio::time::sleep(rest(took)).await;
}

fn rest(took: Duration) -> Duration {
    took.clamp(PAUSES[0], PAUSES[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_have_the_store_for_as_long_as_a_slice() {
        let rests = [0, 3, 400, 30_000].map(|millis| rest(Duration::from_millis(millis)).as_millis());
        assert_eq!(rests, [5, 5, 400, 1_000]);
    }
}
