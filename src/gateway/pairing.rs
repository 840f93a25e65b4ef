//! Puts pairing together: its keys, its board of open sockets, and the bus to other nodes.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::keyring::Keyring;
use super::{Databases, StartError, secret};
use crate::config::Config;
use crate::crypto::{HashKey, MasterKey};
use crate::model::Clock;
use crate::service::device::Devices;
use crate::service::event::Events;
use crate::service::sync::{self, Board, Parts, Passwords, Sync};
use crate::signal::{Bus, Listener};
use crate::store::{Store, meta, seed};

/// What pairing is built from.
pub(super) struct Pairing<'a> {
    pub(super) config: &'a Config,
    pub(super) databases: &'a Databases,
    pub(super) keys: Keyring,
    pub(super) events: &'a Arc<Events>,
    pub(super) tasks: &'a TaskTracker,
    pub(super) stop: &'a CancellationToken,
}

impl Pairing<'_> {
    pub(super) async fn build(self, registry: &mut Registry) -> Result<(Arc<Sync>, Devices, Bus), StartError> {
        let Self { config, databases, keys, events, tasks, stop } = self;
        let clock = Clock::default();
        let metrics = sync::Metrics::default();
        metrics.register(registry);
        let settings = config.sync.clone();
        let board = Arc::new(Board::new(settings.sockets_per_user, settings.sockets_per_address, metrics.clone()));
        let bus = if config.redis.url.is_empty() {
            Bus::memory()
        } else {
            let remote = board.clone();
            let listener: Listener = Arc::new(move |signal| remote.deliver(&signal));
            Bus::redis(config.redis.url.expose(), listener, tasks, stop)?
        };
        let [sid_key, lockout_key, ciphertext_key] = hash_keys(&databases.store, &keys.master, &clock, config).await?;
        let passwords =
            Passwords::new(databases.backend.clone(), secret::salt(config)?, settings.places(), metrics.clone());
        let sync = Arc::new(Sync::new(Parts {
            settings,
            platforms: config.platforms.clone(),
            store: databases.store.clone(),
            backend: databases.backend.clone(),
            identities: keys.identities,
            master: keys.master,
            sid_key,
            lockout_key,
            ciphertext_key,
            passwords,
            board: board.clone(),
            bus: bus.clone(),
            events: events.clone(),
            clock: clock.clone(),
            metrics,
            tasks: tasks.clone(),
            dev_user: seed::DEV_USER.parse().ok().filter(|_| config.is_dev),
        }));
        let devices =
            Devices { store: databases.store.clone(), clock, board, bus: bus.clone(), events: events.clone() };
        Ok((sync, devices, bus))
    }
}

async fn hash_keys(
    store: &Store,
    master: &MasterKey,
    clock: &Clock,
    config: &Config,
) -> Result<[HashKey; 3], StartError> {
    let storing = StartError::storing(config);
    let sid_key = meta::hash_key(store, master, "sync_session", clock.now_ms()).await.map_err(storing)?;
    let lockout_key = meta::hash_key(store, master, "lockout", clock.now_ms()).await.map_err(storing)?;
    let ciphertext_key = meta::hash_key(store, master, "sync_ciphertext", clock.now_ms()).await.map_err(storing)?;
    Ok([sid_key, lockout_key, ciphertext_key])
}
