//! The embedded engine: one writer thread that shares commits, a few reader threads.
//!
//! A commit costs one fsync. Changes that arrive while one is under way wait in the queue and
//! are then written together. A conflict fails only its own: then each is written again in its own savepoint.
//! Look-ups by key are answered where they are asked: handing them to a thread costs more than they do.

mod connect;
mod convert;
mod reader;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, params_from_iter};
use tokio::sync::{mpsc, oneshot};

pub(super) use connect::connect;
use connect::connect_foreign;
use reader::Readers;

use super::change::Tally;
use super::{Change, Committed, Error, Query, Result, Row, Value};

/// Changes waiting for the writer; beyond that the store says that it is busy.
const QUEUE: usize = 4096;
/// Connections for look-ups by key.
const DESKS: usize = 2;
/// Changes that share one commit at most.
const BATCH: usize = 128;
/// KiB of pages that the writer keeps, as SQLite wants it: the leaves that random keys fall on.
const WRITER_CACHE: i32 = -16_000;

type Answer<T> = oneshot::Sender<Result<T>>;
/// Opens a connection, for whoever first needs one: an idle server holds none but the writer's.
type Opener = Arc<dyn Fn() -> Result<Connection> + Send + Sync>;
type Write = (Change, Answer<Committed>);

#[derive(Clone)]
pub(super) struct Sqlite {
    path: Arc<PathBuf>,
    readers: Readers,
    desks: Arc<[Mutex<Option<Connection>>; DESKS]>,
    opener: Opener,
    /// `None`: the file is another program's.
    writes: Option<mpsc::Sender<Write>>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, readers: usize, timeout: Duration) -> Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| Error::Unavailable(format!("{}: {e}", folder.display())))?;
        }
        let (writes, changes) = mpsc::channel(QUEUE);
        // the writer opens first: it creates the file and sets its journal
        let connection = connect(path, timeout)?;
        connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
        start("sqlite-writer", move || write_loop(&connection, changes))?;
        let path = Arc::new(path.to_owned());
        let opener: Opener = {
            let path = path.clone();
            Arc::new(move || connect(&path, timeout))
        };
        let readers = Readers::new(readers, &opener);
        Ok(Self { path, readers, desks: Arc::default(), opener, writes: Some(writes) })
    }

    /// Opens another program's file: neither made nor written, its journal left as it is.
    pub(super) fn open_foreign(path: &Path, readers: usize, timeout: Duration) -> Result<Self> {
        // what cannot be read is said at once
        connect_foreign(path, timeout)?;
        let path = Arc::new(path.to_owned());
        let opener: Opener = {
            let path = path.clone();
            Arc::new(move || connect_foreign(&path, timeout))
        };
        let readers = Readers::new(readers, &opener);
        Ok(Self { path, readers, desks: Arc::default(), opener, writes: None })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) async fn read(&self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>> {
        self.readers.read(queries).await
    }

    /// Answers what takes microseconds on the caller's own thread, unless all desks are taken.
    pub(super) async fn look_up(&self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>> {
        if let Some(mut desk) = self.desks.iter().find_map(|desk| desk.try_lock().ok()) {
            match self.answer(&mut desk, &queries) {
                // locked: waiting for that is a reader's business
                Err(Error::Unavailable(_)) => {}
                answered => return answered,
            }
        }
        self.read(queries).await
    }

    fn answer(&self, desk: &mut Option<Connection>, queries: &[Query]) -> Result<Vec<Vec<Row>>> {
        let connection = match desk {
            Some(connection) => connection,
            closed => {
                let connection = (self.opener)()?;
                // nobody may be held up on the thread of others
                connection.busy_timeout(Duration::ZERO)?;
                closed.insert(connection)
            }
        };
        select_all(connection, queries)
    }

    pub(super) async fn commit(&self, change: Change) -> Result<Committed> {
        let foreign = || Error::Refused("this database is another program's, and only read".into());
        ask(self.writes.as_ref().ok_or_else(foreign)?, change)?.await
    }
}

/// Puts a question into a queue; what is returned waits for its answer.
fn ask<Q, A>(queue: &mpsc::Sender<(Q, Answer<A>)>, question: Q) -> Result<impl Future<Output = Result<A>> + use<Q, A>> {
    let (answer, answered) = oneshot::channel();
    queue.try_send((question, answer)).map_err(|_| Error::Unavailable("the embedded store is busy".into()))?;
    Ok(async { answered.await.map_err(|_| Error::Unavailable("the embedded store has stopped".into()))? })
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = thread::Builder::new().name(name.into()).stack_size(512 * 1024);
    thread.spawn(work).map(drop).map_err(|e| Error::Unavailable(e.to_string()))
}

/// All of one moment, under one lock: taking it costs more than a look-up does.
fn select_all(connection: &Connection, queries: &[Query]) -> Result<Vec<Vec<Row>>> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let found = queries.iter().map(|query| select(connection, query)).collect();
    connection.prepare_cached("ROLLBACK")?.execute([])?;
    found
}

fn select(connection: &Connection, query: &Query) -> Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(&query.single())?;
    let columns = statement.column_count();
    let mut found = Vec::new();
    for (former, latter) in query.turns() {
        let mut rows = statement.query(params_from_iter(former.iter().chain(latter)))?;
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| row.get_ref(column).map(Value::from));
            found.push(Row(values.collect::<Result<_, _>>()?));
        }
    }
    Ok(found)
}

fn write_loop(connection: &Connection, mut queue: mpsc::Receiver<Write>) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match queue.try_recv() {
                Ok(next) => batch.push(next),
                Err(_) => break,
            }
        }
        // whoever asked has given up: writing it now would surprise them
        batch.retain(|(_, answer)| !answer.is_closed());
        if !batch.is_empty() {
            write(connection, batch);
        }
    }
}

fn write(connection: &Connection, batch: Vec<Write>) {
    let results = commit_together(connection, &batch);
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
fn commit_together(connection: &Connection, batch: &[Write]) -> Result<Vec<Result<Committed>>> {
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
fn commit_apart(connection: &Connection, batch: &[Write]) -> Result<Vec<Result<Committed>>> {
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

fn run_all(connection: &Connection, change: &Change) -> Result<Committed> {
    let mut tally = Tally::default();
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
    Ok(Committed { touched: tally.into_touched(), found })
}
