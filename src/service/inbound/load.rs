//! Taking in goes before passing on: who posts waits for an answer, and posts again where none comes. What has been taken
//! in waits in the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// So many posts that wait for their commit say that there is much to take in.
const MANY: usize = 24;
/// While there is, passing on rests so many times as long as it has worked: a part of the time is always its own.
const TIMES: u32 = 6;
/// No rest is longer: what took long waited for something else.
const LONGEST: Duration = Duration::from_secs(1);
/// How often it is seen whether there is much still.
const LOOK: Duration = Duration::from_millis(2);

/// Counts the posts that are being stored.
#[derive(Clone, Debug, Default)]
pub struct PostsUnderWay(Arc<AtomicUsize>);

/// A post that is being stored, until this is dropped.
pub(super) struct PostUnderWay<'a>(&'a AtomicUsize);

impl PostsUnderWay {
    pub(super) fn begin(&self) -> PostUnderWay<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        PostUnderWay(&self.0)
    }

    fn are_many(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= MANY
    }

    /// Lets them go first, once passing on has worked for so long.
    pub(super) async fn give_way(&self, worked: Duration) {
        let until = Instant::now() + worked.saturating_mul(TIMES).min(LONGEST);
        while self.are_many() && Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for PostUnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_counts_until_it_is_stored_or_given_up() {
        let posts = PostsUnderWay::default();
        let mut begun: Vec<_> = (0..MANY).map(|_| posts.begin()).collect();
        assert!(posts.are_many() && posts.clone().are_many());
        drop(begun.pop());
        assert!(!posts.are_many());
    }

    #[tokio::test]
    async fn passing_on_has_its_turn_however_many_post() {
        let posts = PostsUnderWay::default();
        posts.give_way(Duration::MAX).await;
        let begun: Vec<_> = (0..MANY).map(|_| posts.begin()).collect();
        posts.give_way(Duration::from_millis(1)).await;
        assert_eq!(begun.len(), MANY);
    }
}
