//! Work that holds a core for long, away from the threads that serve, and bounded.

use std::sync::Arc;

use tokio::sync::{Semaphore, TryAcquireError};

/// So many at once, so many waiting, no more.
#[derive(Clone)]
pub struct Pool {
    running: Arc<Semaphore>,
    /// Those who run or wait.
    admitted: Arc<Semaphore>,
}

#[derive(Debug, thiserror::Error)]
#[error("too much of this work is waiting")]
pub struct Full;

impl Pool {
    pub fn new(at_once: usize, waiting: usize) -> Self {
        Self { running: Arc::new(Semaphore::new(at_once)), admitted: Arc::new(Semaphore::new(at_once + waiting)) }
    }

    /// Whether a caller would be turned away now.
    pub fn is_full(&self) -> bool {
        self.admitted.available_permits() == 0
    }

    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Full> {
        let admitted = match self.admitted.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => return Err(Full),
        };
        let running = self.running.clone().acquire_owned().await.map_err(|_| Full)?;
        tokio::task::spawn_blocking(move || {
            // held by the work itself: a caller who gives up does not free a core that is busy
            let _permits = (admitted, running);
            work()
        })
        .await
        .map_err(|_| Full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_fit_is_turned_away() {
        let pool = Pool::new(1, 1);
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(move || gate.recv().is_ok()).await }
        });
        let second = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(|| 2).await }
        });
        while !pool.is_full() {
            tokio::task::yield_now().await;
        }
        assert!(pool.run(|| 3).await.is_err());
        assert!(release.send(()).is_ok());
        assert!(matches!(first.await, Ok(Ok(true))));
        assert!(matches!(second.await, Ok(Ok(2))));
        assert!(matches!(pool.run(|| 4).await, Ok(4)));
    }
}
