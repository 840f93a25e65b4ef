//! Jobs on their way to their handlers: those that this node took in, in the order in which they came, and those that
//! nobody has.

use super::{InboundHandlers, LEASE, WebhookJob, WebhookQueue};
use crate::model::Millis;
use crate::service::Result;
use crate::store::inbound::claim;

/// Jobs handled together at most.
const BATCH: usize = 256;
/// Waits before a job is tried again: as long as it has waited, within these.
const WAITS_MS: (Millis, Millis) = (500, 30_000);

/// Jobs that are handled together.
pub struct WebhookBatch(pub(super) Vec<WebhookJob>);

impl WebhookBatch {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// There may be more where these came from.
    pub fn is_full(&self) -> bool {
        self.0.len() >= BATCH
    }
}

impl WebhookQueue {
    /// Waits for jobs that this node takes in. Nothing is lost where this is dropped before it is ready.
    pub async fn next(&mut self) -> WebhookBatch {
        let mut jobs = Vec::with_capacity(BATCH);
        if self.0.recv_many(&mut jobs, BATCH).await == 0 {
            // nobody takes anything in any more
            std::future::pending::<()>().await;
        }
        WebhookBatch(jobs)
    }

    /// What is here already.
    pub fn rest(&mut self) -> Option<WebhookBatch> {
        let jobs: Vec<_> = std::iter::from_fn(|| self.0.try_recv().ok()).take(BATCH).collect();
        Some(WebhookBatch(jobs)).filter(|jobs| !jobs.is_empty())
    }
}

impl InboundHandlers {
    /// Takes jobs that nobody has.
    pub async fn claim(&self) -> Result<WebhookBatch> {
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        Ok(WebhookBatch(claim::claim(&self.store, &self.owner, self.clock.now_ms(), LEASE, limit).await?))
    }

    /// Lets go of jobs until later.
    pub(super) async fn give_back(&self, jobs: &[WebhookJob]) {
        let Some(youngest_ms) = jobs.iter().map(|job| job.received_ms).max() else { return };
        let now_ms = self.clock.now_ms();
        let ready_ms = now_ms + (now_ms - youngest_ms).clamp(WAITS_MS.0, WAITS_MS.1);
        let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
        if let Err(error) = claim::give_back(&self.store, &self.owner, &ids, ready_ms, now_ms).await {
            // their leases end by themselves
            tracing::debug!(%error, "could not give webhooks back");
        }
    }
}
