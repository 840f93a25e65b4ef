//! One at a time on this node: a user's passwords, whose counters in the store are guarded by compare-and-set, so that
//! a crowd racing for one row would only wear itself out; an address's first steps, which are counted: a few at a time
//! while there is room for all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::model::lock::lock;

/// Who may wait for one turn; more is an attack, and is told to come back.
const WAITING: usize = 2048;

/// Who may share one turn.
pub(super) const SHARED: u32 = 16;

type TurnQueue = Arc<Semaphore>;

#[derive(Default)]
pub(super) struct HandshakeTurns(Mutex<HashMap<String, TurnQueue>>);

pub(super) struct HandshakeTurnPermit {
    turns: Arc<HandshakeTurns>,
    key: String,
    held: Option<OwnedSemaphorePermit>,
}

impl HandshakeTurns {
    /// Waits for the turn under this key; `None` when too many wait already, or for too long.
    pub(super) async fn take(self: &Arc<Self>, key: &str, until: Instant) -> Option<HandshakeTurnPermit> {
        self.wait(key, SHARED, until).await
    }

    /// The same, beside up to [`SHARED`] - 1 others who share it.
    pub(super) async fn share(self: &Arc<Self>, key: &str, until: Instant) -> Option<HandshakeTurnPermit> {
        self.wait(key, 1, until).await
    }

    async fn wait(self: &Arc<Self>, key: &str, parts: u32, until: Instant) -> Option<HandshakeTurnPermit> {
        let queue = {
            let mut queues = lock(&self.0);
            let queue = queues.entry(key.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(SHARED as usize)));
            if Arc::strong_count(queue) > WAITING {
                return None;
            }
            queue.clone()
        };
        // made before waiting, so that a caller who gives up tidies too
        let mut turn = HandshakeTurnPermit { turns: self.clone(), key: key.to_owned(), held: None };
        turn.held = Some(timeout_at(until, queue.acquire_many_owned(parts)).await.ok()?.ok()?);
        Some(turn)
    }
}

impl Drop for HandshakeTurnPermit {
    fn drop(&mut self) {
        let mut queues = lock(&self.turns.0);
        self.held = None;
        // only the map's own reference is left: nobody waits
        if queues.get(&self.key).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn turns_are_taken_one_by_one_and_forgotten() -> Result<(), Box<dyn std::error::Error>> {
        let turns = Arc::new(HandshakeTurns::default());
        let later = Instant::now() + Duration::from_secs(600);
        let first = turns.take("111", later).await;
        assert!(turns.take("112", later).await.is_some(), "another user does not wait");
        assert!(turns.take("111", Instant::now()).await.is_none(), "nobody waits for ever");
        let waiting = tokio::spawn({
            let turns = turns.clone();
            async move { turns.take("111", later).await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        assert!(waiting.await?);
        let mut shared = Vec::new();
        for _ in 0..SHARED {
            shared.push(turns.share("111", later).await);
        }
        assert!(shared.iter().all(Option::is_some));
        assert!(turns.share("111", Instant::now()).await.is_none(), "so many, no more");
        shared.pop();
        assert!(turns.take("111", Instant::now()).await.is_none(), "some share it");
        drop(shared);
        assert!(turns.take("111", Instant::now()).await.is_some());
        assert!(lock(&turns.0).is_empty());
        Ok(())
    }
}
