//! The embedded engine: one writer thread that shares commits, a few reader threads.
//!
//! A commit costs one fsync. Changes that arrive while one is under way wait in the queue and
//! are then written together. A conflict fails only its own: then each is written again in its own savepoint.
//! Look-ups by key are answered where they are asked: handing them to a thread costs more than they do.

mod connect;
mod convert;
mod journal;
mod reader;
mod writer;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, params_from_iter};
use tokio::sync::{mpsc, oneshot};

pub(super) use connect::connect;
use connect::connect_foreign;
pub(in crate::store) use connect::look_into;
use journal::WalErasureTracker;
use reader::ReaderThreads;
use writer::SqliteWriterTask;

use super::blocking::MANY;
use super::{Change, CommitResult, CorePace, Error, Query, Result, Row, Value};

/// Changes waiting for the writer; beyond that the store says that it is busy.
const QUEUE: usize = 4096;
/// Connections for look-ups by key.
const DESKS: usize = 2;
/// KiB of pages that the writer keeps, as SQLite wants it: the leaves that random keys fall on.
const WRITER_CACHE: i32 = -16_000;

type EngineReply<T> = oneshot::Sender<Result<T>>;
/// Opens a connection, for whoever first needs one: an idle server holds none but the writer's.
type ConnectionOpener = Arc<dyn Fn() -> Result<Connection> + Send + Sync>;
type QueuedWrite = (SqliteWriterTask, EngineReply<CommitResult>);

#[derive(Clone)]
pub(super) struct Sqlite {
    pub(super) path: Arc<PathBuf>,
    readers: ReaderThreads,
    desks: Arc<[Mutex<Option<Connection>>; DESKS]>,
    opener: ConnectionOpener,
    /// `None`: the file is another program's.
    writes: Option<mpsc::Sender<QueuedWrite>>,
    journal: Arc<WalErasureTracker>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, readers: usize, timeout: Duration) -> Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| Error::Unavailable(format!("{}: {e}", folder.display())))?;
        }
        create(path).map_err(|e| Error::Unavailable(format!("{}: {e}", path.display())))?;
        let (writes, changes) = mpsc::channel(QUEUE);
        // the writer opens first: it sets the file's journal
        let connection = connect(path, timeout)?;
        connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
        let journal = Arc::<WalErasureTracker>::default();
        // a process that was killed may have left something in it
        journal.has_erased();
        let erased = journal.clone();
        start("sqlite-writer", move || writer::run(&connection, changes, &erased))?;
        let path = Arc::new(path.to_owned());
        let opener: ConnectionOpener = {
            let path = path.clone();
            Arc::new(move || connect(&path, timeout))
        };
        let readers = ReaderThreads::new(readers, &opener);
        Ok(Self { path, readers, desks: Arc::default(), opener, writes: Some(writes), journal })
    }

    /// Opens another program's file: neither made nor written, its journal left as it is.
    pub(super) fn open_foreign(path: &Path, readers: usize, timeout: Duration) -> Result<Self> {
        // what cannot be read is said at once
        connect_foreign(path, timeout)?;
        let path = Arc::new(path.to_owned());
        let opener: ConnectionOpener = {
            let path = path.clone();
            Arc::new(move || connect_foreign(&path, timeout))
        };
        let readers = ReaderThreads::new(readers, &opener);
        Ok(Self { path, readers, desks: Arc::default(), opener, writes: None, journal: Arc::default() })
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

    pub(super) async fn commit(&self, change: Change) -> Result<CommitResult> {
        self.have_done(SqliteWriterTask::Write(change)).await
    }

    /// Writes to the journal what is never committed: a full disk is found so, and a file that has become read-only.
    pub(super) async fn check(&self) -> Result<()> {
        self.have_done(SqliteWriterTask::Check).await.map(drop)
    }

    /// Empties the journal of what was erased, where it is time to; at the end: whatever it holds.
    pub(super) async fn tidy(&self, is_end: bool) -> Result<()> {
        if self.writes.is_none() || !(is_end || self.journal.is_due()) {
            return Ok(());
        }
        self.have_done(SqliteWriterTask::Empty).await.map(drop)
    }

    async fn have_done(&self, task: SqliteWriterTask) -> Result<CommitResult> {
        let foreign = || Error::Refused("this database is another program's, and only read".into());
        ask(self.writes.as_ref().ok_or_else(foreign)?, task)?.await
    }
}

/// Makes the file where it is missing, its owner's alone: what SQLite makes beside it gets the same rights. One that is
/// there is not opened: closing it would let go of the locks that SQLite holds there.
fn create(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map(drop)
}

/// Puts a question into a queue; what is returned waits for its answer.
fn ask<Q, A>(
    queue: &mpsc::Sender<(Q, EngineReply<A>)>,
    question: Q,
) -> Result<impl Future<Output = Result<A>> + use<Q, A>> {
    let (answer, answered) = oneshot::channel();
    queue.try_send((question, answer)).map_err(|_| Error::Busy("the embedded store is busy".into()))?;
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
    // no message waits for what finds many: others come first
    let (mut found, mut pace) = (Vec::new(), None::<CorePace>);
    for (former, latter) in query.turns() {
        let mut rows = statement.query(params_from_iter(former.iter().chain(latter)))?;
        while let Some(row) = rows.next()? {
            if found.len() >= MANY {
                pace.get_or_insert_default().step();
            }
            let values = (0..columns).map(|column| row.get_ref(column).map(Value::from));
            found.push(Row(values.collect::<Result<_, _>>()?));
        }
    }
    Ok(found)
}
