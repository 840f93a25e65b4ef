//! One database, whichever engine it runs on: how it is asked, how a change is written, how a schema gets there. It
//! knows no table of ours.

pub mod batch;
mod blocking;
mod change;
mod condition;
mod database;
mod filter;
mod metrics;
mod migrate;
mod mysql;
mod read;
mod rows;
pub mod serving;
mod sqlite;
mod url;
mod value;

pub use blocking::{CorePace, blocking};
pub use change::{Change, CommitResult, Query};
pub use database::Store;
pub use metrics::Metrics;
pub use migrate::MigrationReport;
pub use url::{StoreUrl, redact_url};
pub use value::{Row, Value};

pub(super) use change::marks;
pub(super) use filter::{SqlConditions, is_one_of};
pub(super) use migrate::StoreSchema;
pub(super) use read::read_bytes;
pub(super) use rows::{ColumnValues, patched};
pub(super) use serving::set_aside;
pub(super) use sqlite::look_into;
pub(super) use value::{HIGHEST, LOWEST, above, at_most, below, params, readable};

use serde::Deserialize;

use crate::model::DurationSetting;

/// `[store]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub url: StoreUrl,
    /// Connections held at most: to the server, or readers of the embedded file.
    pub connections: usize,
    /// No statement waits longer than this.
    pub timeout: DurationSetting,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique key is taken.
    #[error("a row with that key exists")]
    Conflict,
    /// A guarded statement did not find the row as it should be.
    #[error("statement {0} of the change did not find its row")]
    Guard(usize),
    /// The engine is away, does not write, or is slow: the same call may succeed later.
    #[error("the store is away: {0}")]
    Unavailable(String),
    /// Others write the same rows, or too much waits: the same call may succeed in a moment.
    #[error("the store is busy: {0}")]
    Busy(String),
    /// The engine refused the statement: a fault of ours or of the schema.
    #[error("the store refused: {0}")]
    Refused(String),
    /// A row holds what it should not.
    #[error("unreadable row: {0}")]
    Data(String),
    /// Its tables are those of a version before 0.1.0.
    #[error("this store was made by a version before 0.1.0 and cannot be carried over: start with an empty one")]
    TooOld,
    #[error(transparent)]
    Crypto(#[from] crate::crypto::Error),
}

impl Error {
    /// Whether another writer was first: read again and decide again.
    pub fn is_race(&self) -> bool {
        matches!(self, Self::Conflict | Self::Guard(_))
    }

    /// The same for another who waited for it too.
    fn shared(&self) -> Self {
        match self {
            Self::Busy(reason) => Self::Busy(reason.clone()),
            other => Self::Unavailable(other.to_string()),
        }
    }

    /// Whether the same call, as it is, may succeed later.
    pub fn will_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy(_))
    }
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
pub(super) use migrate::{CreatedSchemaObject, TABLE_ENDS};
