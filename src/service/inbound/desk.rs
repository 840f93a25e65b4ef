//! Where jobs are handled: those that this node took in, about in the order in which they came, and those that nobody has.

use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Handlers, Job, Jobs, LEASE};
use crate::model::Millis;
use crate::store;
use crate::store::inbound::claim;

/// Jobs handled together at most.
const BATCH: usize = 256;
/// How often to look for jobs that nobody has.
const POLL: Duration = Duration::from_millis(500);
/// While there is a backlog of those, what this node takes in has its turn between.
const BACKLOG_POLL: Duration = Duration::from_millis(5);
/// Waits before a job is tried again: as long as it has waited, within these.
const WAITS_MS: (Millis, Millis) = (500, 30_000);

pub struct Desk {
    handlers: Handlers,
    queue: Receiver<Job>,
    stop: CancellationToken,
    poll_at: Instant,
}

impl Desk {
    /// Where `handlers` handle `jobs`, and those that nobody has, until `stop`.
    pub fn new(handlers: Handlers, Jobs(queue): Jobs, stop: CancellationToken) -> Self {
        Self { handlers, queue, stop, poll_at: Instant::now() }
    }

    /// Handles jobs until the node stops, and then what it still holds.
    pub async fn work(mut self) {
        let stop = self.stop.clone();
        loop {
            let mut jobs = Vec::with_capacity(BATCH);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep_until(self.poll_at) => jobs = self.poll().await,
                _ = self.queue.recv_many(&mut jobs, BATCH) => {}
            }
            self.handlers.handle_all(jobs).await;
        }
        while let Ok(job) = self.queue.try_recv() {
            let mut jobs = vec![job];
            while let Some(job) = self.queue.try_recv().ok().filter(|_| jobs.len() < BATCH) {
                jobs.push(job);
            }
            self.handlers.handle_all(jobs).await;
        }
    }

    /// Takes jobs that nobody has.
    async fn poll(&mut self) -> Vec<Job> {
        let Handlers { store, owner, .. } = &self.handlers;
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let found = claim::claim(store, owner, self.handlers.now_ms(), LEASE, limit).await;
        let found = found.unwrap_or_else(|error| {
            tracing::debug!(%error, "could not look for webhooks to handle");
            Vec::new()
        });
        self.poll_at = Instant::now() + if found.len() < BATCH { POLL } else { BACKLOG_POLL };
        found
    }
}

impl Handlers {
    /// Tries again while the store is away: what was handled should be written.
    pub(super) async fn retry<T, F>(&self, work: impl Fn() -> F) -> Result<T, store::Error>
    where
        F: Future<Output = Result<T, store::Error>>,
    {
        let begun = Instant::now();
        loop {
            match work().await {
                Err(error) if error.will_pass() && begun.elapsed() < LEASE / 2 => {
                    tracing::warn!(%error, "webhooks wait for the store");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                other => return other,
            }
        }
    }

    /// Lets go of jobs until later.
    pub(super) async fn give_back(&self, jobs: &[Job]) {
        let Some(youngest_ms) = jobs.iter().map(|job| job.received_ms).max() else { return };
        let now_ms = self.now_ms();
        let ready_ms = now_ms + (now_ms - youngest_ms).clamp(WAITS_MS.0, WAITS_MS.1);
        let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
        if let Err(error) = claim::give_back(&self.store, &self.owner, &ids, ready_ms, now_ms).await {
            // their leases end by themselves
            tracing::debug!(%error, "could not give webhooks back");
        }
    }
}
