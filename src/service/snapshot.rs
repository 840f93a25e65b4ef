//! What a node keeps of the store in memory: a value that is read again when its version in the store has changed.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::store::version::DataVersion;

/// How often, and how long apart, it is looked whether an old value is looked at yet.
const LOOKS: usize = 600;
const APART: Duration = Duration::from_millis(100);

/// A value as it stood at one version of the store. Whoever asks waits for nobody, not even while it is read again.
#[derive(Default)]
pub struct Snapshot<T> {
    value: ArcSwap<T>,
    /// What the value was read at; `None`: nobody knows, so the next look reads. Held as long as a reload takes: of two
    /// at once the second finds what the first has read, and an older value never replaces a newer.
    version: Mutex<Option<DataVersion>>,
}

impl<T: Send + Sync + 'static> Snapshot<T> {
    pub fn current(&self) -> Arc<T> {
        self.value.load_full()
    }

    /// Reads the value again, where the version in the store is not the one at hand; `read` is given the value so far.
    /// What fails leaves both as they are, so that the next look tries again.
    pub async fn refresh<E, R>(
        &self,
        version: impl Future<Output = Result<Option<DataVersion>, E>>,
        read: impl FnOnce(Arc<T>) -> R,
    ) -> Result<(), E>
    where
        R: Future<Output = Result<T, E>>,
    {
        let mut known = self.version.lock().await;
        // the version first: what changes while we read is read again next time
        let version = version.await?;
        if version.is_some() && *known == version {
            return Ok(());
        }
        let old = self.value.swap(Arc::new(read(self.current()).await?));
        // at first there is nothing to free
        if known.is_some() {
            tokio::spawn(free(old));
        }
        *known = version;
        Ok(())
    }
}

/// Frees an old value once nobody looks at it: what is large takes longer to free than a thread may that serves, and is
/// not left to one that looks last.
async fn free<T: Send + Sync + 'static>(mut old: Arc<T>) {
    for _ in 0..LOOKS {
        match Arc::try_unwrap(old) {
            Ok(alone) => {
                tokio::task::spawn_blocking(move || drop(alone));
                return;
            }
            Err(shared) => old = shared,
        }
        tokio::time::sleep(APART).await;
    }
}

/// Says how a reload ended that came behind a change of ours: the change stands, and what could not be read now is read
/// at the next look at the version.
pub fn renewed(what: &str, refreshed: Result<(), impl Display>) {
    if let Err(error) = refreshed {
        tracing::warn!(%error, "{what} changed and could not be read again; trying again in a second");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A store of one value, which is its own version.
    #[derive(Default)]
    struct Row {
        value: AtomicU32,
        reads: AtomicU32,
    }

    type Outcome<T> = Result<T, &'static str>;

    impl Row {
        fn at(value: u32) -> Self {
            Self { value: value.into(), ..Self::default() }
        }

        fn change(&self, value: u32) {
            self.value.store(value, Ordering::SeqCst);
        }

        fn version(&self) -> DataVersion {
            DataVersion(self.value.load(Ordering::SeqCst).to_string())
        }

        /// Gives others so many turns before it is done.
        async fn read(&self, turns: u32) -> Outcome<u32> {
            self.reads.fetch_add(1, Ordering::SeqCst);
            let value = self.value.load(Ordering::SeqCst);
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            Ok(value)
        }

        fn reads(&self) -> u32 {
            self.reads.load(Ordering::SeqCst)
        }
    }

    async fn refresh(snapshot: &Snapshot<u32>, row: &Row, turns: u32) -> Outcome<()> {
        snapshot.refresh(async { Ok(Some(row.version())) }, |_| row.read(turns)).await
    }

    #[tokio::test]
    async fn what_has_not_changed_is_not_read() {
        let (snapshot, row) = (Snapshot::<u32>::default(), Row::at(7));
        for _ in 0..3 {
            assert_eq!(refresh(&snapshot, &row, 0).await, Ok(()));
        }
        assert_eq!((*snapshot.current(), row.reads()), (7, 1));
        row.change(8);
        assert_eq!(refresh(&snapshot, &row, 0).await, Ok(()));
        assert_eq!((*snapshot.current(), row.reads()), (8, 2));
    }

    #[tokio::test]
    async fn what_has_no_version_is_read_each_time() {
        let (snapshot, row) = (Snapshot::<u32>::default(), Row::at(7));
        for _ in 0..2 {
            assert_eq!(snapshot.refresh(async { Ok(None) }, |_| row.read(0)).await, Ok(()));
        }
        assert_eq!((*snapshot.current(), row.reads()), (7, 2));
    }

    #[tokio::test]
    async fn two_reloads_at_once_read_once() {
        let (snapshot, row) = (Snapshot::<u32>::default(), Row::at(7));
        let both = tokio::join!(refresh(&snapshot, &row, 3), refresh(&snapshot, &row, 3));
        assert_eq!(both, (Ok(()), Ok(())));
        assert_eq!((*snapshot.current(), row.reads()), (7, 1));
    }

    #[tokio::test]
    async fn an_older_value_never_replaces_a_newer() {
        let (snapshot, row) = (Snapshot::<u32>::default(), Row::at(1));
        let newer = async {
            row.change(2);
            refresh(&snapshot, &row, 0).await
        };
        let both = tokio::join!(refresh(&snapshot, &row, 9), newer);
        assert_eq!(both, (Ok(()), Ok(())));
        assert_eq!((*snapshot.current(), row.reads()), (2, 2));
    }

    #[tokio::test]
    async fn what_changes_during_a_reload_is_read_again() {
        let (snapshot, row) = (Snapshot::<u32>::default(), Row::at(1));
        let change = async { row.change(2) };
        let (first, ()) = tokio::join!(refresh(&snapshot, &row, 3), change);
        assert_eq!((first, *snapshot.current()), (Ok(()), 1));
        assert_eq!(refresh(&snapshot, &row, 0).await, Ok(()));
        assert_eq!(*snapshot.current(), 2);
    }

    #[tokio::test]
    async fn a_failed_reload_keeps_what_was_there() {
        let (snapshot, row) = (Snapshot::<u32>::default(), Row::at(1));
        assert_eq!(refresh(&snapshot, &row, 0).await, Ok(()));
        row.change(2);
        assert_eq!(snapshot.refresh(async { Err("no version") }, |_| row.read(0)).await, Err("no version"));
        let failed = snapshot.refresh(async { Ok(Some(row.version())) }, |_| async { Err("no rows") }).await;
        assert_eq!(failed, Err("no rows"));
        assert_eq!(*snapshot.current(), 1);
        assert_eq!(refresh(&snapshot, &row, 0).await, Ok(()), "and is made up for");
        assert_eq!((*snapshot.current(), row.reads()), (2, 2));
    }

    #[tokio::test]
    async fn a_reload_starts_from_what_was_there() {
        let (snapshot, row) = (Snapshot::<u32>::default(), Row::at(1));
        assert_eq!(refresh(&snapshot, &row, 0).await, Ok(()));
        row.change(2);
        let sum = |old: Arc<u32>| async move { Ok(*old + 10) };
        assert_eq!(snapshot.refresh(async { Outcome::Ok(Some(row.version())) }, sum).await, Ok(()));
        assert_eq!(*snapshot.current(), 11);
    }
}
