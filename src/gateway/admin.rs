//! Administrators' keys without a running server: the first one is made before any door opens.

use std::sync::Arc;

use super::keyring::ServerKeyring;
use super::{StartError, open_store};
use crate::config::Config;
use crate::model::Clock;
use crate::provider::{self, Loopback};
use crate::service::account::CarrierConnectorFactory;
use crate::service::admin::Administrators;
use crate::service::directory::Directory;
use crate::store::{self, Store, meta};

/// Opens the store, made and brought up to date where needed, for work on administrators' keys.
pub async fn open(config: &Config) -> Result<(Store, Administrators), StartError> {
    let storing = StartError::storing(config);
    let keys = ServerKeyring::open(config)?;
    let store = open_store(config, &store::Metrics::default())?;
    store.migrate().await.map_err(storing)?;
    keys.check_store(&store).await?;
    let clock = Clock::default();
    let key = meta::hash_key(&store, &keys.master, "admin_key", clock.now_ms()).await.map_err(storing)?;
    // nothing is sent from here: the loopback's events have no reader
    let (sender, _) = tokio::sync::mpsc::channel(1);
    let loopback = Loopback::new(&config.provider, clock.clone(), sender);
    let http = provider::HttpClient::new(&config.provider)?;
    let connectors = CarrierConnectorFactory { settings: config.provider.clone(), http, loopback };
    let (calls, resting) = (config.outbox.calls_per_account, config.outbox.resting());
    let directory = Directory::new(store.clone(), keys.master, connectors, calls, resting);
    Ok((store, Administrators { directory: Arc::new(directory), key, clock }))
}
