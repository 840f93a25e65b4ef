//! Failed passwords, counted before they are compared. Ids are keyed hashes.

use super::{Change, Query, Result, Row, Store, Value, params, sweep};
use crate::model::Millis;

/// What is known of one counter; an absent row is no failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockoutCounter {
    pub failures: i64,
    pub last_ms: Millis,
    /// Whether there is a row, even one whose count has lapsed.
    pub is_stored: bool,
}

/// The two counters of an attempt: this user from this address, and from anywhere.
pub(super) fn query(here: &[u8; 32], anywhere: &[u8; 32]) -> Query {
    let sql = "SELECT id, failures, last_ms FROM sb_lockout WHERE id IN (?, ?)";
    Query::new(sql, params![here, anywhere])
}

pub(super) fn parse(rows: &[Row], id: &[u8; 32]) -> Result<LockoutCounter> {
    for row in rows {
        if row.bytes(0)? == id {
            return Ok(LockoutCounter { failures: row.int(1)?, last_ms: row.int(2)?, is_stored: true });
        }
    }
    Ok(LockoutCounter::default())
}

/// A counter as it was read, and what it becomes.
pub(super) struct LockoutCountUpdate<'a> {
    pub(super) id: &'a [u8; 32],
    pub(super) from: LockoutCounter,
    pub(super) to: i64,
}

const INSERT: &str = "INSERT INTO sb_lockout (id, failures, last_ms)";

/// Writes both counts over counters that still stand as they were read.
pub(super) fn count(
    change: Change,
    here: &LockoutCountUpdate<'_>,
    anywhere: &LockoutCountUpdate<'_>,
    now_ms: Millis,
) -> Change {
    let (a, b) = (here, anywhere);
    match (a.from.is_stored, b.from.is_stored) {
        (false, false) => change.insert(INSERT, vec![params![a.id, a.to, now_ms], params![b.id, b.to, now_ms]]),
        (true, true) => {
            let sql = "UPDATE sb_lockout SET failures = CASE WHEN id = ? THEN ? ELSE ? END, last_ms = ? \
                       WHERE (id = ? AND failures = ? AND last_ms = ?) OR (id = ? AND failures = ? AND last_ms = ?)";
            let read = |one: &LockoutCountUpdate<'_>| params![one.id, one.from.failures, one.from.last_ms];
            change.rows(2, sql, [params![a.id, a.to, b.to, now_ms], read(a), read(b)].concat())
        }
        _ => one(one(change, a, now_ms), b, now_ms),
    }
}

fn one(change: Change, count: &LockoutCountUpdate<'_>, now_ms: Millis) -> Change {
    if count.from.is_stored {
        let sql = "UPDATE sb_lockout SET failures = ?, last_ms = ? WHERE id = ? AND failures = ? AND last_ms = ?";
        return change.one(sql, params![count.to, now_ms, count.id, count.from.failures, count.from.last_ms]);
    }
    change.insert(INSERT, vec![params![count.id, count.to, now_ms]])
}

/// What an attempt made of its two counters, from here and from anywhere: enough to take it back.
#[derive(Clone, Copy, Debug)]
pub struct CountedFailure {
    pub before: (LockoutCounter, LockoutCounter),
    pub to: (i64, i64),
    pub at_ms: Millis,
}

/// An update of both counters that gives back the time of the failure before, where nobody has
/// counted since: an attempt that was no failure must not start a wait again.
fn restore(here: &[u8; 32], anywhere: &[u8; 32], counted: &CountedFailure, failures: &str) -> (String, Vec<Value>) {
    // MySQL assigns from left to right: the time is first, as it looks at the count
    let sql = format!(
        "UPDATE sb_lockout SET last_ms = CASE WHEN last_ms <> ? THEN last_ms \
         WHEN id = ? AND failures = ? THEN ? WHEN id = ? AND failures = ? THEN ? ELSE last_ms END, \
         failures = {failures}"
    );
    let CountedFailure { before, to, at_ms } = *counted;
    let values = params![at_ms, here, to.0, before.0.last_ms, anywhere, to.1, before.1.last_ms];
    (sql, values)
}

/// Takes back what one address failed: nothing is left there, and so much less anywhere.
pub(super) fn forgive(change: Change, here: &[u8; 32], anywhere: &[u8; 32], counted: &CountedFailure) -> Change {
    let failures = "CASE WHEN id = ? OR failures < ? THEN 0 ELSE failures - ? END WHERE id IN (?, ?)";
    let (sql, mut values) = restore(here, anywhere, counted, failures);
    let forgiven = counted.to.0;
    values.extend([here.into(), forgiven.into(), forgiven.into(), here.into(), anywhere.into()]);
    change.run(sql, values)
}

/// Takes one failure back that was counted beforehand and then not looked at.
pub(super) fn uncount(change: Change, here: &[u8; 32], anywhere: &[u8; 32], counted: &CountedFailure) -> Change {
    let failures = "failures - 1 WHERE id IN (?, ?) AND failures > 0";
    let (sql, mut values) = restore(here, anywhere, counted, failures);
    values.extend([here.into(), anywhere.into()]);
    change.run(sql, values)
}

/// Forgets a batch of counters that have not moved since `before_ms`; whether there may be more.
pub async fn sweep(store: &Store, before_ms: Millis) -> Result<bool> {
    let find = "SELECT id FROM sb_lockout WHERE last_ms < ? ORDER BY last_ms LIMIT ?";
    sweep::batch(store, find, "DELETE FROM sb_lockout WHERE last_ms < ? AND id IN ({})", &[before_ms.into()]).await
}
