//! When what a receiver, or the store, did not take is tried again. Each job has its own waits; what a receiver asks for
//! counts for all.

use std::time::Duration;

use tokio::time::Instant;

use crate::store;

/// What a receiver may ask for at most by `Retry-After`.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Between two tries of a write while the store is away.
const PAUSE: Duration = Duration::from_millis(500);

/// Tries for so long to write what has been done, while the store is away.
pub(super) async fn while_away<T, F>(patience: Duration, write: impl Fn() -> F) -> store::Result<T>
where
    F: Future<Output = store::Result<T>>,
{
    let begun = Instant::now();
    loop {
        match write().await {
            Err(error) if error.will_pass() && begun.elapsed() < patience => {
                tracing::warn!(%error, "what has been done waits for the store");
                tokio::time::sleep(PAUSE).await;
            }
            written => return written,
        }
    }
}

/// The usual wait, or the longer one that the receiver asked for.
pub(super) fn wait(usual: Duration, asked: Option<Duration>) -> Duration {
    asked.map_or(usual, |asked| asked.min(LONGEST).max(usual))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_counts_where_it_is_longer_and_not_for_ever() {
        let (usual, longer) = (Duration::from_secs(5), Duration::from_secs(60));
        assert_eq!(wait(usual, None), usual);
        assert_eq!(wait(usual, Some(Duration::ZERO)), usual);
        assert_eq!(wait(usual, Some(longer)), longer);
        assert_eq!(wait(usual, Some(Duration::MAX)), LONGEST);
        assert_eq!(wait(LONGEST * 2, Some(Duration::MAX)), LONGEST * 2, "ours may be longer still");
    }
}
