//! What takes longer than a thread may that serves: many rows are read, sorted and put together elsewhere.

use super::{Error, Result};

/// Does something away from the threads that serve.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Unavailable(error.to_string()))
}
