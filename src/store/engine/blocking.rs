//! What takes longer than a thread may that serves: many rows are read, sorted and put together elsewhere.

use std::thread;
use std::time::{Duration, Instant};

use super::{Error, Result};

/// So long work goes on before it rests, and so long it does. From who keeps a core the scheduler takes it only after
/// some milliseconds, and a thread that serves would wait for it as long.
const WORK: Duration = Duration::from_micros(250);
const REST: Duration = Duration::from_micros(400);

/// What finds more rows than these takes longer than a thread may that serves.
pub(super) const MANY: usize = 2_048;

/// Does something away from the threads that serve.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Unavailable(error.to_string()))
}

/// Gives the core back now and then, amid much work on a thread of its own.
pub struct CorePace(Instant);

impl Default for CorePace {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl CorePace {
    /// Comes before each of many pieces of work, of microseconds. What is done soon never rests.
    pub fn step(&mut self) {
        if self.0.elapsed() >= WORK {
            thread::sleep(REST);
            self.0 = Instant::now();
        }
    }
}
