//! Puts pairing together: its keys, its open sockets, and the bus to other nodes.

use std::sync::Arc;

use prometheus_client::registry::Registry;

use super::base::StartContext;
use super::{StartError, secret};
use crate::service::device::Devices;
use crate::service::sync::{
    self, PairingService, Parts, PasswordChecker, SocketRegistry, SyncSessionIdIssuer, SyncSockets,
};
use crate::signal::{InterNodeSignalBus, InterNodeSignalHandler};
use crate::store::seed;

/// What it consists of.
pub(super) struct PairingParts {
    pub(super) session_ids: Arc<SyncSessionIdIssuer>,
    pub(super) sockets: Arc<SyncSockets>,
    pub(super) handshakes: Arc<PairingService>,
    pub(super) devices: Devices,
    pub(super) bus: InterNodeSignalBus,
}

impl StartContext<'_> {
    pub(super) async fn pairing(&self, registry: &mut Registry) -> Result<PairingParts, StartError> {
        let StartContext { config, databases, keys, clock, events, tasks, stop, .. } = *self;
        let metrics = sync::Metrics::default();
        metrics.register(registry);
        let settings = config.sync.clone();
        let open_sockets =
            Arc::new(SocketRegistry::new(settings.sockets_per_user, settings.sockets_per_address, metrics.clone()));
        let bus = if config.redis.url.is_empty() {
            InterNodeSignalBus::memory()
        } else {
            let remote = open_sockets.clone();
            let listener: InterNodeSignalHandler = Arc::new(move |signal| remote.deliver(&signal));
            InterNodeSignalBus::redis(config.redis.url.expose(), listener, tasks, stop)?
        };
        let passwords =
            PasswordChecker::new(databases.backend.clone(), secret::salt(config)?, settings.places(), metrics.clone());
        let session_ids = Arc::new(SyncSessionIdIssuer {
            key: self.key("sync_session").await?,
            ttl: settings.session_ttl,
            clock: clock.clone(),
            metrics: metrics.clone(),
            dev_user: seed::DEV_USER.parse().ok().filter(|_| config.is_dev),
        });
        let sockets = Arc::new(SyncSockets {
            settings: settings.clone(),
            ids: session_ids.clone(),
            store: databases.store.clone(),
            open_sockets: open_sockets.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
        });
        let handshakes = Arc::new(PairingService::new(Parts {
            settings,
            platforms: config.platforms.clone(),
            store: databases.store.clone(),
            backend: databases.backend.clone(),
            identities: keys.identities.clone(),
            master: keys.master.clone(),
            ids: session_ids.clone(),
            lockout_key: self.key("lockout").await?,
            ciphertext_key: self.key("sync_ciphertext").await?,
            passwords,
            open_sockets: open_sockets.clone(),
            bus: bus.clone(),
            events: events.clone(),
            clock: clock.clone(),
            metrics,
            tasks: tasks.clone(),
        }));
        let (store, clock) = (databases.store.clone(), clock.clone());
        let devices = Devices { store, clock, open_sockets, bus: bus.clone(), events: events.clone() };
        Ok(PairingParts { session_ids, sockets, handshakes, devices, bus })
    }
}
