//! The databases of a node, opened for what a command may do to them.

use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::config::Config;
use crate::service::health::ReadinessChecker;
use crate::signal::InterNodeSignalBus;
use crate::store::{self, Store, StoreUrl};

/// The two databases of a node.
#[derive(Clone)]
pub struct StoreAndUserDatabase {
    pub store: Store,
    pub backend: Store,
    is_apart: bool,
}

impl StoreAndUserDatabase {
    pub(super) fn health(&self, bus: InterNodeSignalBus, stopping: &CancellationToken) -> ReadinessChecker {
        let (store, backend) = (self.store.clone(), self.backend.clone());
        ReadinessChecker { store, backend, is_apart: self.is_apart, bus, stopping: stopping.clone() }
    }
}

/// Opens the store; nothing is called yet.
pub fn open_store(config: &Config, metrics: &store::Metrics) -> Result<Store, StartError> {
    Store::open("store", &config.store, metrics.clone()).map_err(StartError::storing(config))
}

/// What a command may do to a user database that is not the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserDatabaseAccess {
    /// It is another program's.
    Read,
    /// It may be made and filled with sample users.
    Fill,
}

/// Opens both databases; nothing is called yet.
pub fn open(
    config: &Config,
    backend: UserDatabaseAccess,
    metrics: &store::Metrics,
) -> Result<StoreAndUserDatabase, StartError> {
    let store = open_store(config, metrics)?;
    let Some(url) = config.backend.url.expose().parse().ok().filter(|url| *url != config.store.url) else {
        return Ok(StoreAndUserDatabase { backend: store.clone(), store, is_apart: false });
    };
    let settings = store::Settings { url, ..config.store.clone() };
    if let StoreUrl::Sqlite(path) = &settings.url
        && backend == UserDatabaseAccess::Read
        && !path.exists()
    {
        return Err(StartError::NoBackend(settings.url.to_string()));
    }
    let opened = match backend {
        UserDatabaseAccess::Read => Store::open_foreign("backend", &settings, metrics.clone()),
        UserDatabaseAccess::Fill => Store::open("backend", &settings, metrics.clone()),
    };
    let backend = opened.map_err(|error| StartError::Backend { url: settings.url.to_string(), error })?;
    Ok(StoreAndUserDatabase { store, backend, is_apart: true })
}
