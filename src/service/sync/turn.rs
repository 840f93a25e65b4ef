//! One password of a user at a time on this node: the counters in the store are guarded by
//! compare-and-set, and a crowd racing for one row would only wear itself out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout_at};

use crate::model::UserId;

/// Who may wait for one user's turn; more is an attack, and is told to come back.
const WAITING: usize = 2048;

type Queue = Arc<tokio::sync::Mutex<()>>;

#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<UserId, Queue>>);

pub(super) struct Turn {
    turns: Arc<Turns>,
    user: UserId,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for this user's turn; `None` when too many wait already, or for too long.
    pub(super) async fn take(self: &Arc<Self>, user: &UserId, until: Instant) -> Option<Turn> {
        let queue = {
            let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let queue = queues.entry(user.clone()).or_default();
            if Arc::strong_count(queue) > WAITING {
                return None;
            }
            queue.clone()
        };
        // made before waiting, so that a caller who gives up tidies too
        let mut turn = Turn { turns: self.clone(), user: user.clone(), held: None };
        turn.held = Some(timeout_at(until, queue.lock_owned()).await.ok()?);
        Some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queues = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.held = None;
        // only the map's own reference is left: nobody waits
        if queues.get(&self.user).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.user);
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
        let user: UserId = "111".parse()?;
        let later = Instant::now() + Duration::from_secs(600);
        let first = turns.take(&user, later).await;
        assert!(turns.take(&"112".parse()?, later).await.is_some(), "another user does not wait");
        assert!(turns.take(&user, Instant::now()).await.is_none(), "nobody waits for ever");
        let waiting = tokio::spawn({
            let (turns, user) = (turns.clone(), user.clone());
            async move { turns.take(&user, later).await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        assert!(waiting.await?);
        assert!(turns.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty());
        Ok(())
    }
}
