//! One at a time on this node: a user's passwords, whose counters in the store are guarded by compare-and-set, so that
//! a crowd racing for one row would only wear itself out; an address's first steps for a user, which are counted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout_at};

/// Who may wait for one turn; more is an attack, and is told to come back.
const WAITING: usize = 2048;

type Queue = Arc<tokio::sync::Mutex<()>>;

#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, Queue>>);

pub(super) struct Turn {
    turns: Arc<Turns>,
    key: String,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for the turn under this key; `None` when too many wait already, or for too long.
    pub(super) async fn take(self: &Arc<Self>, key: &str, until: Instant) -> Option<Turn> {
        let queue = {
            let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let queue = queues.entry(key.to_owned()).or_default();
            if Arc::strong_count(queue) > WAITING {
                return None;
            }
            queue.clone()
        };
        // made before waiting, so that a caller who gives up tidies too
        let mut turn = Turn { turns: self.clone(), key: key.to_owned(), held: None };
        turn.held = Some(timeout_at(until, queue.lock_owned()).await.ok()?);
        Some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queues = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        let turns = Arc::new(Turns::default());
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
        assert!(turns.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty());
        Ok(())
    }
}
