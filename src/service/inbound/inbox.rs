//! Where webhooks come in: proved to be a carrier's own, stored once, and answered.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, Receiver};

use super::read::WebhookContent;
use super::{HELD, LEASE, Metrics, PostsUnderWay, WebhookJob};
use crate::crypto::HashKey;
use crate::model::{Clock, DurationSetting};
use crate::service::cpu_pool::CpuPool;
use crate::service::directory::Directory;
use crate::service::retention::RemovalThrottle;
use crate::store::account::token;
use crate::store::batch::{BatchWriter, WRITERS};
use crate::store::inbound::intake::InboundWebhookBatchWriter;
use crate::store::lease::LeaseOwner;
use crate::store::sweep::RetentionCursor;
use crate::store::{self, Store, inbound};

/// What it is built from.
pub struct Parts {
    /// How long webhooks are kept as they came.
    pub keep: DurationSetting,
    pub store: Store,
    /// Under which signatures are known.
    pub signature_key: HashKey,
    pub directory: Arc<Directory>,
    pub clock: Clock,
    /// This process among all that lease webhooks.
    pub owner: LeaseOwner,
    pub metrics: Metrics,
    pub posts: PostsUnderWay,
}

/// Takes in what carriers post. What it means is not known here.
pub struct WebhookInbox {
    pub(super) parts: Parts,
    pub(super) intake: BatchWriter<InboundWebhookBatchWriter<WebhookContent>>,
    /// Where large posts are looked at.
    pub(super) checks: CpuPool,
}

/// What this node has taken in, in its order.
pub struct WebhookQueue(pub(super) Receiver<WebhookJob>);

impl WebhookInbox {
    /// The inbox, and what it takes in.
    pub fn open(parts: Parts) -> (Arc<Self>, WebhookQueue) {
        let (queue, jobs) = mpsc::channel(HELD);
        let (store, clock, owner) = (parts.store.clone(), parts.clock.clone(), parts.owner.clone());
        let intake =
            BatchWriter::start_many(InboundWebhookBatchWriter { store, clock, owner, lease: LEASE, queue }, WRITERS);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // as many may wait as there are connections
        let checks = CpuPool::new((cores / 2).max(1), Semaphore::MAX_PERMITS / 2);
        (Arc::new(Self { parts, intake, checks }), WebhookQueue(jobs))
    }

    /// Counts what waits, for the metrics.
    pub async fn measure(&self) -> store::Result<()> {
        self.count_uses().await?;
        self.parts.metrics.measured(store::backlog::inbound(&self.parts.store).await?);
        Ok(())
    }

    /// Writes down how often posts were believed by tokens that are not their account's own.
    async fn count_uses(&self) -> store::Result<()> {
        let entries = self.parts.directory.current();
        let proofs = entries.handles().flat_map(|handle| &handle.proofs);
        let taken: Vec<_> = proofs.filter_map(|proof| Some((proof, proof.take_uses()?))).collect();
        let told: Vec<_> = taken.iter().map(|(_, uses)| uses.clone()).collect();
        let counted = token::count(&self.parts.store, &told).await;
        if counted.is_err() {
            for (proof, uses) in &taken {
                proof.give_back(uses);
            }
        }
        counted
    }

    /// Forgets webhooks that have been kept long enough.
    pub async fn sweep(&self) -> store::Result<()> {
        let before_ms = self.parts.clock.now_ms() - self.parts.keep.as_ms();
        let (mut walk, mut throttle) = (RetentionCursor::before(before_ms), RemovalThrottle::default());
        while inbound::sweep(&self.parts.store, &mut walk).await? {
            throttle.rest().await;
        }
        Ok(())
    }
}
