//! Our schema: one folder of migrations, the same on both engines.

use std::path::{Path, PathBuf};

use super::engine::{StoreSchema, look_into, set_aside};
use super::{Error, MigrationReport, Result, Store};

mod embedded {
    refinery::embed_migrations!("src/store/migrations");
}

/// In which a database says what it has been through.
const TABLE: &str = "sb_migration";
/// The same of an embedded one, as a query.
const HAS_TABLE: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'sb_migration'";

/// With what our schema begins, and how a database says with what its own did: in versions before 0.1.0 it was another.
const FIRST: &str = "message";
const BEGAN_WITH: &str = "SELECT name FROM sb_migration WHERE version = 1";

/// How a store is called that was moved aside.
const ASIDE: &str = ".before-0.1.0";

/// Changes nothing, but is refused wherever a statement that does would be.
const PROBE: &str = "UPDATE sb_migration SET name = name WHERE version = -1";

impl Store {
    /// Brings our tables up to date. [`Error::TooOld`]: it cannot be, and nothing was changed.
    pub async fn migrate(&self) -> Result<MigrationReport> {
        self.check_age().await?;
        let migrations = embedded::migrations::runner().get_migrations().clone();
        self.bring_up_to(StoreSchema { migrations, table: TABLE }).await
    }

    /// [`Error::TooOld`]: a version before 0.1.0 made its tables.
    pub async fn check_age(&self) -> Result<()> {
        if !self.has_table(TABLE).await? {
            return Ok(());
        }
        match self.query(BEGAN_WITH, Vec::new()).await?.first() {
            Some(row) if row.text(0)? != FIRST => Err(Error::TooOld),
            _ => Ok(()),
        }
    }

    /// Looks whether it can be written, which changes nothing.
    pub async fn check_writes(&self) -> Result<()> {
        self.check_writes_by(PROBE).await
    }
}

/// Moves an embedded store aside that a version before 0.1.0 made. Where it lies now; `None`: there is none of these.
pub fn set_aside_too_old(path: &Path) -> Result<Option<PathBuf>> {
    if !path.exists() || look_into(path, HAS_TABLE)?.is_none() {
        return Ok(None);
    }
    match look_into(path, BEGAN_WITH)? {
        Some(first) if first != FIRST => set_aside(path, ASIDE).map(Some),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::engine::{CreatedSchemaObject, TABLE_ENDS};

    #[test]
    fn every_migration_is_one_statement_and_every_table_ends_alike() {
        let mut migrations = embedded::migrations::runner().get_migrations().clone();
        migrations.sort_by_key(refinery::Migration::version);
        assert!(migrations.iter().zip(1..).all(|(migration, nth)| migration.version() == nth));
        assert_eq!(migrations.first().map(refinery::Migration::name), Some(FIRST));
        assert!(BEGAN_WITH.contains(TABLE) && HAS_TABLE.contains(TABLE) && PROBE.contains(TABLE));
        for migration in &migrations {
            let lines = migration.sql().unwrap_or_default().lines().filter(|line| !line.starts_with("--"));
            let sql = lines.collect::<Vec<_>>().join("\n");
            assert!(!sql.contains(';'), "{migration}");
            // what a server keeps of a start that is cut short is known by its name
            let names = match CreatedSchemaObject::of(migration.sql().unwrap_or_default()) {
                Some(CreatedSchemaObject::Table(table) | CreatedSchemaObject::Column { table, .. }) => vec![table],
                Some(CreatedSchemaObject::Index { name, table }) => vec![name, table],
                None => Vec::new(),
            };
            let is_name = |name: &&str| {
                name.starts_with("sb_") && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())
            };
            assert!(
                names.iter().all(is_name) && names.is_empty() == sql.starts_with("INSERT "),
                "{migration}: {names:?}"
            );
            assert_eq!(sql.starts_with("CREATE TABLE "), sql.trim_end().ends_with(TABLE_ENDS), "{migration}");
        }
    }
}
