//! When what a receiver, or the store, did not take is tried again. Each job has its own waits; what a receiver asks for
//! counts for all.

use std::time::Duration;

use crate::store;

/// What a receiver may ask for at most by `Retry-After`.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Between two tries of a write while the store is away.
const PAUSE: Duration = Duration::from_millis(500);

/// Tries again to write what has been done while the store is away. Only the pauses count towards `patience`: a store that
/// hangs takes its time over each try, and would leave room for few.
pub(super) async fn while_away<T, F>(patience: Duration, write: impl Fn() -> F) -> store::Result<T>
where
    F: Future<Output = store::Result<T>>,
{
    let mut waited = Duration::ZERO;
    loop {
        match write().await {
            Err(error) if error.will_pass() && waited < patience => {
                tracing::warn!(%error, "what has been done waits for the store");
                tokio::time::sleep(PAUSE).await;
                waited += PAUSE;
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
    use std::cell::Cell;

    use super::*;

    async fn tries(patience: Duration, error: fn() -> store::Error) -> usize {
        let tries = Cell::new(0);
        let write = || async {
            tries.set(tries.get() + 1);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Err::<(), _>(error())
        };
        assert!(while_away(patience, write).await.is_err());
        tries.get()
    }

    #[tokio::test]
    async fn a_write_is_tried_as_often_however_long_each_try_takes() {
        let away = || store::Error::Unavailable("no route to host".to_owned());
        // less than a try takes
        assert_eq!(tries(Duration::from_millis(10), away).await, 2);
        assert_eq!(tries(Duration::ZERO, away).await, 1);
        assert_eq!(tries(Duration::from_secs(600), || store::Error::Conflict).await, 1);
    }

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
