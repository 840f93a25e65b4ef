//! Versions of what nodes keep in memory: they read it again when its version has changed.

use super::{Change, Result, Store, meta, params};

/// What is kept in memory together, and has one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CachedDataset {
    /// Accounts, numbers, pools, administrators' keys.
    Directory,
    /// Clients and their keys.
    Clients,
    /// Routes and rates.
    Tariff,
    /// Endpoints of clients.
    Endpoints,
    /// What is sent is held to it: permissions, and limits of clients' own.
    SendRules,
    /// Whom the guard never blocks, and how it is set.
    Guard,
}

impl CachedDataset {
    /// The row of `sb_meta` that holds it.
    fn name(self) -> &'static str {
        match self {
            Self::Directory => "book",
            Self::Clients => "clients",
            Self::Tariff => "tariff",
            Self::Endpoints => "endpoint_version",
            Self::SendRules => "send_rules",
            Self::Guard => "guard_version",
        }
    }
}

/// One state of what is versioned: of two that are equal nothing differs, of two that are not nobody can say which is
/// the older.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataVersion(pub String);

impl Change {
    /// Marks that something of this changes with it.
    #[must_use]
    pub(super) fn versioned(self, what: CachedDataset) -> Self {
        let version = hex::encode(rand::random::<[u8; 16]>());
        self.one("UPDATE sb_meta SET value = ? WHERE name = ?", params![version, what.name()])
    }
}

/// Writes a first version where there is none.
pub async fn begin(store: &Store, what: CachedDataset) -> Result<()> {
    meta::value_or_insert(store, what.name(), "0").await.map(drop)
}

/// The version in the store; `None`: nothing of this was ever written.
pub async fn current(store: &Store, what: CachedDataset) -> Result<Option<DataVersion>> {
    Ok(meta::value_of(store, what.name()).await?.map(DataVersion))
}
