//! Handles what came in, one batch after the other: about in the order in which it came.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::job::{DueJobs, JobHandler, JobSource, RunnerLimits};
use super::runner::JobSourceRunner;
use crate::service::Result;
use crate::service::inbound::{InboundHandlers, WebhookBatch, WebhookQueue};

const LIMITS: RunnerLimits = RunnerLimits {
    what: "webhooks to handle",
    every: Duration::from_millis(500),
    backlog_pause: Duration::from_millis(5),
    at_once: 1,
    per_key: 1,
    claim: 1,
    held: 1,
    // one is held at most, and begins at once
    patience: Duration::MAX,
    // nobody else would begin with what this node holds before its leases end
    last: None,
};

/// Webhooks that this node took in, and those that nobody has.
pub(super) struct WebhookJobSource {
    handlers: Arc<InboundHandlers>,
    jobs: WebhookQueue,
}

pub(super) fn runner(
    handlers: InboundHandlers,
    jobs: WebhookQueue,
) -> JobSourceRunner<WebhookJobSource, InboundHandlers> {
    let handlers = Arc::new(handlers);
    JobSourceRunner::new(LIMITS, WebhookJobSource { handlers: handlers.clone(), jobs }, handlers)
}

impl JobSource for WebhookJobSource {
    type Job = WebhookBatch;
    /// All take turns: batches are handled in their order, and what may run beside another does so within its batch.
    type Key = ();

    fn key(&self, _jobs: &WebhookBatch) {}

    async fn arrived(&mut self) -> Option<WebhookBatch> {
        Some(self.jobs.next().await)
    }

    async fn claim(&mut self, _busy: &[()], _limit: usize) -> Result<DueJobs<WebhookBatch>> {
        let jobs = self.handlers.claim().await?;
        let may_be_more = jobs.is_full();
        Ok(DueJobs { jobs: if jobs.is_empty() { Vec::new() } else { vec![jobs] }, may_be_more })
    }

    fn rest(&mut self) -> Option<WebhookBatch> {
        self.jobs.rest()
    }
}

impl JobHandler<WebhookBatch> for InboundHandlers {
    /// What came of a webhook commits with what it brought about.
    type Done = Infallible;

    async fn handle(&self, jobs: WebhookBatch) -> Option<Infallible> {
        self.handle_all(jobs).await;
        None
    }
}
