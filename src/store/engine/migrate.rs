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

/// Nodes at several servers of a cluster do not share a lock: what one of them has just made, it records within this time.
const OTHERS: Duration = Duration::from_secs(2);

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

/// The same of a server. What an earlier start has left is cleared: a table, column or index that exists (1050, 1060,
/// 1061) is another's.
fn refused_by_server(error: &refinery::Error) -> Error {
    let said = format!("{error:?}");
    if ["code: 1050", "code: 1060", "code: 1061"].iter().any(|code| said.contains(code)) {
        let reason = "another node is migrating, or has left what is not recorded: start again, or empty the database";
        return Error::Refused(format!("migration: {reason} ({error})"));
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
    clear_unrecorded(&mut guard, schema).await?;
    let done = schema.runner().run_async(&mut pool).await;
    guard.query_drop("DO RELEASE_LOCK('switchboard_migrate')").await?;
    guard.disconnect().await?;
    done.map(|done| report(&done)).map_err(|error| refused_by_server(&error))
}

/// What a migration makes that a server keeps at once.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) enum CreatedSchemaObject<'a> {
    Table(&'a str),
    Index {
        name: &'a str,
        table: &'a str,
    },
    /// `default`: what it holds where nobody has written anything; `None`: NULL.
    Column {
        name: &'a str,
        table: &'a str,
        default: Option<&'a str>,
    },
}

impl<'a> CreatedSchemaObject<'a> {
    pub(in crate::store) fn of(sql: &'a str) -> Option<Self> {
        let mut words = sql.lines().filter(|line| !line.starts_with("--")).flat_map(str::split_whitespace);
        match words.next()? {
            "CREATE" => {}
            "ALTER" => {
                let words: Vec<&str> = words.collect();
                let ["TABLE", table, "ADD", "COLUMN", name, kind @ ..] = words.as_slice() else { return None };
                let default = kind.iter().skip_while(|word| **word != "DEFAULT").nth(1).copied();
                return Some(Self::Column { name, table, default });
            }
            _ => return None,
        }
        match words.find(|word| *word != "UNIQUE")? {
            "TABLE" => words.next().map(Self::Table),
            "INDEX" => {
                let name = words.next()?;
                words.find(|word| *word != "ON").map(|table| Self::Index { name, table })
            }
            _ => None,
        }
    }

    /// What it is called, and a query for rows in which somebody has kept something there. An index keeps nothing.
    fn kept(&self) -> Option<(String, String)> {
        match self {
            Self::Table(table) => Some(((*table).to_owned(), format!("SELECT 1 FROM {table} LIMIT 1"))),
            Self::Index { .. } => None,
            Self::Column { name, table, default } => {
                let is_kept = match default {
                    Some(default) => format!("{name} <> {default}"),
                    None => format!("{name} IS NOT NULL"),
                };
                Some((format!("{table}.{name}"), format!("SELECT 1 FROM {table} WHERE {is_kept} LIMIT 1")))
            }
        }
    }

    /// What takes it away.
    fn undone(&self) -> String {
        match self {
            Self::Table(table) => format!("DROP TABLE {table}"),
            Self::Index { name, table } => format!("DROP INDEX {name} ON {table}"),
            Self::Column { name, table, .. } => format!("ALTER TABLE {table} DROP COLUMN {name}"),
        }
    }
}

const HAS_TABLE: &str = "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?";
const HAS_INDEX: &str = "SELECT 1 FROM information_schema.statistics \
                         WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ? LIMIT 1";
const HAS_COLUMN: &str = "SELECT 1 FROM information_schema.columns \
                          WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?";

/// The last migration that is recorded.
async fn last_recorded(on: &mut Conn, schema: &StoreSchema) -> Result<i64> {
    let last: Option<Option<i64>> = on.query_first(format!("SELECT MAX(version) FROM {}", schema.table)).await?;
    Ok(last.flatten().unwrap_or(0))
}

/// A server keeps a table, column or index as soon as it is made, and only then hears that it was: a start that was cut
/// short in between has left one that is not recorded. Nothing has used it: it goes, and is made anew. It can only be
/// what the next migration makes; a table that has rows, or a column that has values, is none of these, and stays.
async fn clear_unrecorded(on: &mut Conn, schema: &StoreSchema) -> Result<()> {
    let is_begun: Option<i64> = on.exec_first(HAS_TABLE, (schema.table,)).await?;
    if is_begun.is_none() {
        return Ok(());
    }
    let last = last_recorded(on, schema).await?;
    let next = schema.migrations.iter().find(|migration| i64::from(migration.version()) == last + 1);
    let Some(next) = next.and_then(Migration::sql).and_then(CreatedSchemaObject::of) else { return Ok(()) };
    let is_there: Option<i64> = match next {
        CreatedSchemaObject::Table(table) => on.exec_first(HAS_TABLE, (table,)).await?,
        CreatedSchemaObject::Index { name, table } => on.exec_first(HAS_INDEX, (table, name)).await?,
        CreatedSchemaObject::Column { name, table, .. } => on.exec_first(HAS_COLUMN, (table, name)).await?,
    };
    if is_there.is_none() {
        return Ok(());
    }
    tokio::time::sleep(OTHERS).await;
    if last_recorded(on, schema).await? != last {
        return Ok(());
    }
    if let Some((what, kept)) = next.kept() {
        let row: Option<i64> = on.query_first(kept).await?;
        if row.is_some() {
            let reason = format!("{what} is not recorded in {}, but has rows", schema.table);
            return Err(Error::Refused(format!("migration: {reason}")));
        }
    }
    Ok(on.query_drop(next.undone()).await?)
}

#[cfg(test)]
mod tests {
    use super::CreatedSchemaObject;

    #[test]
    fn what_a_migration_makes_is_read() {
        for (sql, wanted) in [
            ("-- CREATE TABLE u (\nCREATE TABLE t (\n    id INT\n)", Some(CreatedSchemaObject::Table("t"))),
            ("CREATE INDEX i ON t (a, b)", Some(CreatedSchemaObject::Index { name: "i", table: "t" })),
            ("CREATE UNIQUE INDEX i ON t (a)\n", Some(CreatedSchemaObject::Index { name: "i", table: "t" })),
            (
                "ALTER TABLE t ADD COLUMN c INT NULL",
                Some(CreatedSchemaObject::Column { name: "c", table: "t", default: None }),
            ),
            (
                "ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT 0\n",
                Some(CreatedSchemaObject::Column { name: "c", table: "t", default: Some("0") }),
            ),
            ("ALTER TABLE t DROP COLUMN c", None),
            ("INSERT INTO t (a) VALUES (1)", None),
            ("", None),
        ] {
            assert_eq!(CreatedSchemaObject::of(sql), wanted, "{sql}");
        }
    }

    #[test]
    fn what_somebody_has_kept_is_looked_for() {
        for (sql, wanted) in [
            ("CREATE TABLE t (", Some(("t", "SELECT 1 FROM t LIMIT 1"))),
            ("CREATE INDEX i ON t (a)", None),
            ("ALTER TABLE t ADD COLUMN c INT NULL", Some(("t.c", "SELECT 1 FROM t WHERE c IS NOT NULL LIMIT 1"))),
            (
                "ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT 0",
                Some(("t.c", "SELECT 1 FROM t WHERE c <> 0 LIMIT 1")),
            ),
        ] {
            let kept = CreatedSchemaObject::of(sql).and_then(|made| made.kept());
            assert_eq!(kept.as_ref().map(|(what, kept)| (what.as_str(), kept.as_str())), wanted, "{sql}");
        }
    }
}
