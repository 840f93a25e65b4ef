//! Work that holds a core for long, away from the threads that serve, and bounded.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinError;

/// So many at once, so many waiting, no more.
#[derive(Clone)]
pub struct CpuPool {
    running: Arc<Semaphore>,
    /// Those who run or wait.
    admitted: Arc<Semaphore>,
}

#[derive(Debug, thiserror::Error)]
pub enum CpuPoolError {
    #[error("too much of this work is waiting")]
    Full,
    /// It panicked: a fault of ours.
    #[error("the work did not end: {0}")]
    Died(#[from] JoinError),
}

impl CpuPool {
    pub fn new(at_once: usize, waiting: usize) -> Self {
        Self { running: Arc::new(Semaphore::new(at_once)), admitted: Arc::new(Semaphore::new(at_once + waiting)) }
    }

    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, CpuPoolError> {
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| CpuPoolError::Full)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| CpuPoolError::Full)?;
        let worked = tokio::task::spawn_blocking(move || {
            // held by the work itself: a caller who gives up does not free a core that is busy
            let _permits = (admitted, running);
            work()
        });
        Ok(worked.await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_fit_is_turned_away() {
        let pool = CpuPool::new(1, 1);
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(move || gate.recv().is_ok()).await }
        });
        let second = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(|| 2).await }
        });
        while pool.admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(pool.run(|| 3).await, Err(CpuPoolError::Full)));
        assert!(release.send(()).is_ok());
        assert!(matches!(first.await, Ok(Ok(true))));
        assert!(matches!(second.await, Ok(Ok(2))));
        assert!(matches!(pool.run(|| 4).await, Ok(4)));
    }

    #[tokio::test]
    async fn work_that_panics_is_no_full_pool() {
        let pool = CpuPool::new(1, 0);
        assert!(matches!(pool.run(|| panic!("on purpose")).await, Err::<(), _>(CpuPoolError::Died(_))));
        assert!(matches!(pool.run(|| 1).await, Ok(1)), "its place is free again");
    }
}
