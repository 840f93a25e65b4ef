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
use crate::service::inbound::{self, Desk, Handlers, Inbox, LoopbackDoor};
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

/// What it consists of, besides its workers.
pub(super) struct Received {
    pub(super) inbox: Arc<Inbox>,
    pub(super) loopback: Arc<LoopbackDoor>,
}

impl Receiving<'_> {
    /// Builds it, and starts its workers.
    pub(super) fn start(
        self,
        messaging: &Built,
        loopback_events: Receiver<LoopbackEvent>,
        registry: &mut Registry,
    ) -> Received {
        let metrics = inbound::Metrics::default();
        metrics.register(registry);
        let (directory, clock) = (&messaging.directory, Clock::default());
        let (inbox, jobs) = Inbox::open(inbound::Parts {
            keep: self.config.inbound.keep,
            store: directory.store.clone(),
            signature_key: self.signature_key,
            directory: directory.clone(),
            clock: clock.clone(),
            owner: self.owner.clone(),
            metrics: metrics.clone(),
        });
        let handlers = Handlers {
            receipt_patience: self.config.inbound.receipt_patience,
            store: directory.store.clone(),
            directory: directory.clone(),
            opt_outs: messaging.opt_outs.clone(),
            publish: self.publish.clone(),
            events: self.events.clone(),
            clock,
            owner: self.owner,
            metrics,
        };
        let loopback = messaging.loopback.clone();
        let loopback = Arc::new(LoopbackDoor { inbox: inbox.clone(), directory: directory.clone(), loopback });
        worker::start_receiving(Desk::new(handlers, jobs, self.stop.clone()), self.tasks);
        let (listener, stop) = (loopback.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = listener.listen(loopback_events) => {}
            }
        });
        Received { inbox, loopback }
    }
}
