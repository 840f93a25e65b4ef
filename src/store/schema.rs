//! Our schema: one folder of migrations, the same on both engines.

use super::engine::Schema;
use super::{Report, Result, Store};

mod embedded {
    refinery::embed_migrations!("src/store/migrations");
}

/// In which a database says what it has been through.
const TABLE: &str = "sb_migration";

/// Changes nothing, but is refused wherever a statement that does would be.
const PROBE: &str = "UPDATE sb_migration SET name = name WHERE version = -1";

impl Store {
    /// Brings our tables up to date.
    pub async fn migrate(&self) -> Result<Report> {
        let migrations = embedded::migrations::runner().get_migrations().clone();
        self.bring_up_to(Schema { migrations, table: TABLE }).await
    }

    /// Looks whether it can be written, which changes nothing.
    pub async fn check_writes(&self) -> Result<()> {
        self.check_writes_by(PROBE).await
    }
}
