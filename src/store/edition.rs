//! Which edition of what nodes keep in memory is in force: they read it again when this has changed.

use super::{Change, Result, Store, meta};

/// What is kept in memory together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volume {
    /// Accounts, numbers, administrators' keys.
    Book,
    /// Clients and their keys.
    Clients,
    /// Routes and rates.
    Tariff,
    /// Endpoints of clients.
    Endpoints,
}

impl Volume {
    fn name(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Clients => "clients",
            Self::Tariff => "tariff",
            Self::Endpoints => "endpoint_version",
        }
    }
}

/// Marks that something of this has changed, in the change that changes it.
pub(super) fn changed(volume: Volume, change: Change) -> Change {
    let edition = hex::encode(rand::random::<[u8; 16]>());
    change.one("UPDATE sb_meta SET value = ? WHERE name = ?", vec![edition.into(), volume.name().into()])
}

/// Writes a first edition where there is none.
pub async fn begin(store: &Store, volume: Volume) -> Result<()> {
    meta::value_or_insert(store, volume.name(), "0").await.map(drop)
}

/// The edition in force; equal editions hold the same.
pub async fn current(store: &Store, volume: Volume) -> Result<Option<String>> {
    meta::value_of(store, volume.name()).await
}
