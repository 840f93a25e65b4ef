//! How often codes for a person were wrong: `sb_verification_failure`, whatever verifications they were meant to open.

use crate::model::{Address, ClientId, Millis};
use crate::store::{Change, Result, Store, Value, params, sweep};

/// So many wrong codes for a person are looked at, unless a right one comes, or nothing for as long as [`WINDOW_MS`]
/// behind the last of them: in no such span there are more, wherever it begins.
pub const MOST: i64 = 100;
pub const WINDOW_MS: Millis = 86_400_000;

/// What is counted for a person, and when the last of it was. Nothing counted is no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FailureCount {
    pub(super) failures: i64,
    pub(super) last_ms: Millis,
}

impl FailureCount {
    /// Whether it still counts.
    pub(super) fn holds(self, now_ms: Millis) -> bool {
        now_ms - self.last_ms < WINDOW_MS
    }
}

/// Counts over a row that still stands as it was read, where there is one.
pub(super) fn count(change: Change, person: [u8; 32], before: Option<FailureCount>, after: FailureCount) -> Change {
    let FailureCount { failures, last_ms } = after;
    match before {
        Some(before) => {
            let sql = "UPDATE sb_verification_failure SET failures = ?, last_ms = ? \
                       WHERE person = ? AND failures = ? AND last_ms = ?";
            change.one(sql, params![failures, last_ms, person, before.failures, before.last_ms])
        }
        None => change.insert(
            "INSERT INTO sb_verification_failure (person, failures, last_ms)",
            vec![params![person, failures, last_ms]],
        ),
    }
}

/// Forgets what was counted for people.
pub(super) fn forget(change: Change, people: &[Value]) -> Change {
    change.any("DELETE FROM sb_verification_failure WHERE person IN ({})", &[], people)
}

/// Looks at codes for a person again, however many were wrong.
pub async fn reset(store: &Store, client: ClientId, to: &Address) -> Result<()> {
    let person = Value::from(super::person(client, to));
    store.commit(forget(Change::new(), &[person])).await
}

/// Forgets a batch of what counts no more; whether there may be more.
pub async fn sweep(store: &Store, before_ms: Millis) -> Result<bool> {
    let find = "SELECT person FROM sb_verification_failure WHERE last_ms < ? ORDER BY last_ms LIMIT ?";
    let delete = "DELETE FROM sb_verification_failure WHERE last_ms < ? AND person IN ({})";
    sweep::batch(store, find, delete, &[before_ms.into()]).await
}
