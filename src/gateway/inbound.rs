//! Puts together what takes in and handles what carriers post.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::StartError;
use super::messaging::Built;
use crate::config::Config;
use crate::crypto::{HashKey, MasterKey};
use crate::model::Clock;
use crate::provider::LoopbackEvent;
use crate::service::event::Events;
use crate::service::inbound::{self, Inbound, Parts};
use crate::service::publish::Publish;
use crate::store::lease::Owner;
use crate::store::{Store, meta};
use crate::worker;

/// Under which signatures are known.
pub(super) async fn signature_key(config: &Config, store: &Store, master: &MasterKey) -> Result<HashKey, StartError> {
    let key = meta::hash_key(store, master, "webhook_signature", Clock::default().now_ms()).await;
    key.map_err(StartError::storing(config))
}

/// What it is built from, besides messaging.
pub(super) struct Receiving<'a> {
    pub(super) config: &'a Config,
    pub(super) signature_key: HashKey,
    pub(super) owner: Owner,
    pub(super) publish: &'a Arc<Publish>,
    pub(super) events: &'a Arc<Events>,
    pub(super) tasks: &'a TaskTracker,
    pub(super) stop: &'a CancellationToken,
}

impl Receiving<'_> {
    /// Builds it, and starts its workers.
    pub(super) fn start(
        self,
        messaging: &Built,
        loopback_events: Receiver<LoopbackEvent>,
        registry: &mut Registry,
    ) -> Arc<Inbound> {
        let metrics = inbound::Metrics::default();
        metrics.register(registry);
        let (inbound, desk) = Inbound::start(Parts {
            settings: self.config.inbound.clone(),
            store: messaging.directory.store.clone(),
            signature_key: self.signature_key,
            directory: messaging.directory.clone(),
            opt_outs: messaging.opt_outs.clone(),
            publish: self.publish.clone(),
            events: self.events.clone(),
            loopback: messaging.loopback.clone(),
            clock: Clock::default(),
            owner: self.owner,
            metrics,
            stop: self.stop.clone(),
        });
        worker::start_receiving(desk, self.tasks);
        let (listener, stop) = (inbound.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = listener.listen(loopback_events) => {}
            }
        });
        inbound
    }
}
