//! Brings a database up to date: one list of migrations, the same on both engines.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Pool};
use refinery::{Migration, Runner};

use super::{Error, Result, sqlite};

/// How the statement of every table ends, to the letter: what stands in the comment only servers read. A table that
/// ended otherwise would have other collations there, and one tree more to write in an embedded store.
pub(in crate::store) const TABLE_ENDS: &str = ") /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */";

/// Which migrations were applied now, by their names.
#[derive(Clone, Debug, Default)]
pub struct MigrationReport {
    pub applied: Vec<String>,
}

/// What makes a database's tables.
pub(in crate::store) struct StoreSchema {
    pub(in crate::store) migrations: Vec<Migration>,
    /// In which it says which of them it has.
    pub(in crate::store) table: &'static str,
}

impl StoreSchema {
    fn runner(&self) -> Runner {
        let mut runner = Runner::new(&self.migrations);
        runner.set_migration_table_name(self.table);
        runner
    }

    /// SQLite keeps a table's rows in the tree of its primary key, as InnoDB does, only where it is told:
    /// one tree less to write for every row. Where it is told hangs on [`TABLE_ENDS`].
    fn clustered(self) -> Result<Self, refinery::Error> {
        let clustered = |migration: &Migration| {
            let sql = migration.sql().unwrap_or_default();
            let sql = sql.replace(TABLE_ENDS, &TABLE_ENDS.replacen(')', ") WITHOUT ROWID", 1));
            Migration::unapplied(&migration.to_string(), &sql)
        };
        let migrations = self.migrations.iter().map(clustered).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { migrations, ..self })
    }
}

fn report(report: &refinery::Report) -> MigrationReport {
    MigrationReport { applied: report.applied_migrations().iter().map(ToString::to_string).collect() }
}

fn refused(error: &refinery::Error) -> Error {
    Error::Refused(format!("migration: {error}"))
}

/// A server writes what makes a table by itself, and then that it was made. Table and index exist: 1050 and 1061.
fn half_made(error: &refinery::Error) -> Error {
    let said = format!("{error:?}");
    let is_there = ["1050", "1061"].iter().any(|code| said.contains(&format!("code: {code}")));
    if is_there {
        return Error::Refused(format!(
            "an earlier start was cut short while it made the tables: empty the database ({error})"
        ));
    }
    refused(error)
}

/// Processes that start together on one file take turns by a lock on its folder. (Not on the file:
/// closing it would let go of the locks that SQLite holds there.)
pub(super) async fn sqlite(path: &Path, schema: StoreSchema) -> Result<MigrationReport> {
    let path = path.to_owned();
    let work = move || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let turn = File::open(folder).map_err(|error| Error::Unavailable(error.to_string()))?;
        turn.lock().map_err(|error| Error::Unavailable(error.to_string()))?;
        let mut connection = sqlite::connect(&path, Duration::from_secs(10))?;
        let schema = schema.clustered().map_err(|error| refused(&error))?;
        // all of them or none: a start that is cut short leaves nothing half made
        schema
            .runner()
            .set_grouped(true)
            .run(&mut connection)
            .map(|done| report(&done))
            .map_err(|error| refused(&error))
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Refused(error.to_string()))?
}

/// Nodes that start together take turns by a named lock, as DDL cannot be rolled back here.
/// The lock has a connection of its own: the pool may have one only.
pub(super) async fn mysql(opts: Opts, mut pool: Pool, schema: &StoreSchema) -> Result<MigrationReport> {
    let mut guard = Conn::new(opts).await?;
    let locked: Option<Option<i64>> = guard.query_first("SELECT GET_LOCK('switchboard_migrate', 30)").await?;
    if locked.flatten() != Some(1) {
        return Err(Error::Unavailable("another node is migrating".into()));
    }
    let done = schema.runner().run_async(&mut pool).await;
    guard.query_drop("DO RELEASE_LOCK('switchboard_migrate')").await?;
    guard.disconnect().await?;
    done.map(|done| report(&done)).map_err(|error| half_made(&error))
}
