//! What was erased is not to be read in the file or its journal (the WAL): pages are overwritten, the journal emptied.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::model::lock::lock;
use crate::store::engine::{Error, Result};

/// The journal is emptied no more often.
const EVERY: Duration = Duration::from_secs(60);
/// What must not be held up by another program is asked no more often.
const AGAIN: Duration = Duration::from_secs(5);

/// How long whoever reads an earlier state is waited for.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the journal still holds that was erased.
#[derive(Default)]
pub(super) struct WalErasureTracker(Mutex<WalErasureState>);

#[derive(Default)]
struct WalErasureState {
    /// Since when it holds something erased.
    erased: Option<Instant>,
    emptied: Option<Instant>,
    asked: Option<Instant>,
    is_told: bool,
}

impl WalErasureTracker {
    pub(super) fn has_erased(&self) {
        let mut state = lock(&self.0);
        state.erased.get_or_insert_with(Instant::now);
    }

    /// Whether it is to be emptied now.
    pub(super) fn is_due(&self) -> bool {
        let state = lock(&self.0);
        let is_past = |at: Option<Instant>, wait| at.is_none_or(|at| at.elapsed() >= wait);
        state.erased.is_some() && is_past(state.emptied, EVERY) && is_past(state.asked, AGAIN)
    }

    /// Moves it into the file and cuts it to nothing. Who reads an earlier state, in another program, keeps it from that.
    pub(super) fn empty(&self, connection: &Connection) -> Result<()> {
        let waited = connection.query_row("PRAGMA busy_timeout", [], |row| row.get::<_, u32>(0))?;
        // our own readers end soon; writers stand behind this, so others are not waited for
        connection.busy_timeout(PATIENCE)?;
        let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        connection.busy_timeout(Duration::from_millis(waited.into()))?;
        let mut state = lock(&self.0);
        state.asked = Some(Instant::now());
        if emptied? == 0 {
            *state = WalErasureState { emptied: state.asked, ..WalErasureState::default() };
            return Ok(());
        }
        if !state.is_told && state.erased.is_some_and(|since| since.elapsed() >= EVERY) {
            state.is_told = true;
            tracing::warn!(
                "somebody still reads an earlier state of the store: what was redacted stays in its journal until that ends"
            );
        }
        Err(Error::Busy("somebody still reads the store".into()))
    }
}

/// Does something with what it deletes overwritten wherever it lay, though that writes more pages.
pub(super) fn overwriting<T>(connection: &Connection, erases: bool, work: impl FnOnce() -> Result<T>) -> Result<T> {
    if !erases {
        return work();
    }
    connection.pragma_update(None, "secure_delete", true)?;
    let done = work();
    connection.pragma_update(None, "secure_delete", "FAST")?;
    done
}
