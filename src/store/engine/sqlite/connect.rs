//! Connections to the embedded file, ours and another program's.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};

use crate::store::engine::Result;

/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 256;
/// Pages in the journal before they are moved into the file: hot pages are moved once for many commits. They fit into
/// what is kept of it: where a file is cut and grows anew, each flush costs more.
const CHECKPOINT: u32 = 3_584;
/// Bytes of the journal that are kept for what comes next.
const JOURNAL: u32 = 16 << 20;

/// Opens a connection with full durability: a commit that was answered survives a power cut.
pub(in crate::store::engine) fn connect(path: &Path, timeout: Duration) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // below the caller's own deadline, so that the reason is "locked" and not "no answer"
    connection.busy_timeout(timeout / 2)?;
    keep_journal(&connection, timeout / 2)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -2_000)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    // once much was written at once, it is cut to this again
    connection.pragma_update(None, "journal_size_limit", JOURNAL)?;
    // what a savepoint keeps to undo its statements needs no file
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // what was deleted or redacted is overwritten where that costs no further write
    connection.pragma_update(None, "secure_delete", "FAST")?;
    keep_prepared(&connection)?;
    Ok(connection)
}

/// Writes ahead from now on. Of several who change a new file so at once, SQLite refuses all but one without a wait,
/// as its busy handler is not asked where two could wait for each other.
fn keep_journal(connection: &Connection, patience: Duration) -> Result<()> {
    let start = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && start.elapsed() < patience => {
                thread::sleep(Duration::from_millis(5));
            }
            done => return Ok(done?),
        }
    }
}

/// Statements stay prepared: their plans do not depend on what is bound, or they would be made anew each time.
fn keep_prepared(connection: &Connection) -> Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

pub(super) fn connect_foreign(path: &Path, timeout: Duration) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(timeout / 2)?;
    keep_prepared(&connection)?;
    Ok(connection)
}

/// The first text that a query finds in a file, which is closed again: nothing is left behind that writes there.
pub(in crate::store) fn look_into(path: &Path, sql: &str) -> Result<Option<String>> {
    let connection = connect_foreign(path, Duration::from_secs(2))?;
    Ok(connection.query_row(sql, [], |row| row.get::<_, String>(0)).optional()?)
}
