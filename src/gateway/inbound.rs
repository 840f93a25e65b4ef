//! Puts together what takes in and handles what carriers post.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::sync::mpsc::Receiver;

use super::StartError;
use super::base::StartContext;
use super::messaging::MessagingParts;
use crate::provider::LoopbackEvent;
use crate::service::inbound::{self, InboundHandlers, LoopbackDoor, PostsUnderWay, WebhookInbox};
use crate::service::publish::PhoneTextPublisher;
use crate::worker;

/// What it consists of, besides its workers.
pub(super) struct InboundServices {
    pub(super) inbox: Arc<WebhookInbox>,
    pub(super) loopback: Arc<LoopbackDoor>,
}

impl StartContext<'_> {
    /// Builds it, and starts its workers.
    pub(super) async fn receiving(
        &self,
        messaging: &MessagingParts,
        publish: &Arc<PhoneTextPublisher>,
        loopback_events: Receiver<LoopbackEvent>,
        registry: &mut Registry,
    ) -> Result<InboundServices, StartError> {
        let metrics = inbound::Metrics::default();
        metrics.register(registry);
        let (directory, clock) = (&messaging.directory, self.clock);
        let posts = PostsUnderWay::default();
        let (inbox, jobs) = WebhookInbox::open(inbound::Parts {
            keep: self.config.inbound.keep,
            store: directory.store.clone(),
            signature_key: self.key("webhook_signature").await?,
            directory: directory.clone(),
            clock: clock.clone(),
            owner: self.owner.clone(),
            metrics: metrics.clone(),
            posts: posts.clone(),
        });
        let handlers = InboundHandlers {
            receipt_patience: self.config.inbound.receipt_patience,
            store: directory.store.clone(),
            directory: directory.clone(),
            opt_outs: messaging.sending.opt_outs.clone(),
            session_messages: messaging.session_messages.clone(),
            publish: publish.clone(),
            events: self.events.clone(),
            clock: clock.clone(),
            owner: self.owner.clone(),
            metrics,
            posts,
        };
        let loopback = Arc::new(LoopbackDoor {
            inbox: inbox.clone(),
            directory: directory.clone(),
            loopback: messaging.loopback.clone(),
            session_calls: messaging.session_calls.clone(),
            codes: messaging.sending.codes.clone(),
        });
        worker::start_receiving(handlers, jobs, self.tasks, self.stop);
        let (listener, stop) = (loopback.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = listener.listen(loopback_events) => {}
            }
        });
        Ok(InboundServices { inbox, loopback })
    }
}
