//! The one thread that writes: changes that have come by its turn share a commit.

use rusqlite::{Connection, params_from_iter};
use tokio::sync::mpsc;

use super::journal::{self, WalErasureTracker};
use super::{EngineReply, QueuedWrite, select};
use crate::store::engine::change::AffectedRowsCheck;
use crate::store::engine::{Change, CommitResult, Error, Result};

/// Changes that share one commit at most.
const BATCH: usize = 128;

/// What the writer does.
pub(super) enum SqliteWriterTask {
    Write(Change),
    /// Whether it could.
    Check,
    /// Empties the journal.
    Empty,
}

type QueuedChange = (Change, EngineReply<CommitResult>);

pub(super) fn run(connection: &Connection, mut queue: mpsc::Receiver<QueuedWrite>, journal: &WalErasureTracker) {
    while let Some(first) = queue.blocking_recv() {
        let (mut batch, mut other, mut next) = (Vec::new(), None, Some(first));
        while let Some((task, answer)) = next.take() {
            match task {
                SqliteWriterTask::Write(change) => batch.push((change, answer)),
                task => other = Some((task, answer)),
            }
            if other.is_none() && batch.len() < BATCH {
                next = queue.try_recv().ok();
            }
        }
        // whoever asked has given up: writing it now would surprise them
        batch.retain(|(_, answer)| !answer.is_closed());
        if !batch.is_empty() {
            write(connection, batch, journal);
        }
        if let Some((task, answer)) = other {
            let done =
                if matches!(task, SqliteWriterTask::Check) { check(connection) } else { journal.empty(connection) };
            let _ = answer.send(done.map(|()| CommitResult::default()));
        }
    }
}

/// A change that reaches the journal and is taken back: it is neither flushed nor seen by anybody.
fn check(connection: &Connection) -> Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let written = connection.execute_batch("PRAGMA user_version = 1").and_then(|()| connection.cache_flush());
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    Ok(written?)
}

fn write(connection: &Connection, batch: Vec<QueuedChange>, journal: &WalErasureTracker) {
    let erases = batch.iter().any(|(change, _)| change.erases);
    let results = journal::overwriting(connection, erases, || commit_together(connection, &batch));
    if erases {
        journal.has_erased();
    }
    match results {
        Ok(results) => {
            for ((_, answer), result) in batch.into_iter().zip(results) {
                let _ = answer.send(result);
            }
        }
        Err(error) => {
            let _ = connection.execute_batch("ROLLBACK");
            let why = error.to_string();
            for (_, answer) in batch {
                let _ = answer.send(Err(Error::Unavailable(why.clone())));
            }
        }
    }
}

/// One transaction. An `Err` means that nothing was written.
fn commit_together(connection: &Connection, batch: &[QueuedChange]) -> Result<Vec<Result<CommitResult>>> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut results = Vec::with_capacity(batch.len());
    for (change, _) in batch {
        let result = run_all(connection, change);
        let is_failed = result.is_err();
        results.push(result);
        if is_failed {
            // a full disk or a broken file may have ended the transaction by itself
            if !connection.is_autocommit() {
                connection.prepare_cached("ROLLBACK")?.execute([])?;
            }
            return if batch.len() == 1 { Ok(results) } else { commit_apart(connection, batch) };
        }
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(results)
}

/// The same where one of them fails: a savepoint for each, which costs a copy of every page it writes.
fn commit_apart(connection: &Connection, batch: &[QueuedChange]) -> Result<Vec<Result<CommitResult>>> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut results = Vec::with_capacity(batch.len());
    for (change, _) in batch {
        connection.prepare_cached("SAVEPOINT one")?.execute([])?;
        let result = run_all(connection, change);
        if result.is_err() {
            if connection.is_autocommit() {
                return Err(Error::Unavailable("the embedded store could not write".into()));
            }
            connection.prepare_cached("ROLLBACK TO one")?.execute([])?;
        }
        connection.prepare_cached("RELEASE one")?.execute([])?;
        results.push(result);
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(results)
}

fn run_all(connection: &Connection, change: &Change) -> Result<CommitResult> {
    let mut tally = AffectedRowsCheck::default();
    for step in &change.steps {
        let mut touched = 0;
        if !tally.is_met(step) {
            let mut statement = connection.prepare_cached(&step.query.single())?;
            for (former, latter) in step.query.turns() {
                touched += statement.execute(params_from_iter(former.iter().chain(latter)))? as u64;
            }
        }
        tally.add(step, touched)?;
    }
    let found = change.then.as_ref().map(|query| select(connection, query)).transpose()?.unwrap_or_default();
    Ok(CommitResult { touched: tally.touched, found })
}
