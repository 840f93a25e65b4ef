//! What handles jobs: each kind with what it needs, and never the network.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Metrics, PostsUnderWay, WebhookBatch, WebhookKind};
use crate::model::{Clock, DurationSetting};
use crate::service::directory::Directory;
use crate::service::event::Events;
use crate::service::opt_out::OptOuts;
use crate::service::publish::PhoneTextPublisher;
use crate::service::session::SessionMessages;
use crate::store::Store;
use crate::store::lease::LeaseOwner;

/// Handles what was taken in. Whoever posted it has been answered.
pub struct InboundHandlers {
    /// A receipt for a message that no provider is known to have taken is tried so long.
    pub receipt_patience: DurationSetting,
    pub store: Store,
    pub directory: Arc<Directory>,
    pub opt_outs: Arc<OptOuts>,
    pub session_messages: Arc<SessionMessages>,
    pub publish: Arc<PhoneTextPublisher>,
    pub events: Arc<Events>,
    pub clock: Clock,
    /// This process among all that lease webhooks.
    pub owner: LeaseOwner,
    pub metrics: Metrics,
    /// Before which passing on gives way.
    pub posts: PostsUnderWay,
}

impl InboundHandlers {
    /// Handles jobs that are still ours.
    pub async fn handle_all(&self, WebhookBatch(jobs): WebhookBatch) {
        let now = Instant::now();
        // what has waited here too long is another node's by now
        let ours = jobs.into_iter().filter(|job| job.lease_ends > now);
        let (texts, receipts): (Vec<_>, Vec<_>) = ours.partition(|job| job.kind == WebhookKind::Sms);
        let (copies, ()) = tokio::join!(self.texts(texts), self.receipts(receipts));
        // what makes messages costs several times what taking it in does
        if copies > 0 {
            self.posts.give_way(now.elapsed()).await;
        }
    }
}
