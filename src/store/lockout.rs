//! Failed passwords, counted before they are compared. Ids are keyed hashes.

use super::{Change, Query, Result, Row, Store};
use crate::model::Millis;

/// What is known of one counter; an absent row is no failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lockout {
    pub failures: i64,
    pub last_ms: Millis,
    /// Whether there is a row, even one whose count has lapsed.
    pub is_stored: bool,
}

pub(super) fn query(id: &str) -> Query {
    Query::new("SELECT failures, last_ms FROM sb_lockout WHERE id = ?", vec![id.into()])
}

pub(super) fn parse(rows: &[Row]) -> Result<Lockout> {
    let Some(row) = rows.first() else { return Ok(Lockout::default()) };
    Ok(Lockout { failures: row.int(0)?, last_ms: row.int(1)?, is_stored: true })
}

/// Writes `to` over a counter that still stands at `from`.
pub(super) fn count(change: Change, id: &str, from: Lockout, to: i64, now_ms: Millis) -> Change {
    if from.is_stored {
        change.one(
            "UPDATE sb_lockout SET failures = ?, last_ms = ? WHERE id = ? AND failures = ? AND last_ms = ?",
            vec![to.into(), now_ms.into(), id.into(), from.failures.into(), from.last_ms.into()],
        )
    } else {
        change.one(
            "INSERT INTO sb_lockout (id, failures, last_ms) VALUES (?, ?, ?)",
            vec![id.into(), to.into(), now_ms.into()],
        )
    }
}

/// Forgets counters that have not moved since `before_ms`.
pub async fn sweep(store: &Store, before_ms: Millis) -> Result<()> {
    store.commit(Change::new().run("DELETE FROM sb_lockout WHERE last_ms < ?", vec![before_ms.into()])).await
}
