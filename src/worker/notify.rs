//! Posts what is due to whoever listens: many at once, but few to the same place.

use std::sync::Arc;
use std::time::Duration;

use super::job::{DueJobs, JobHandler, JobSource, RunnerLimits};
use super::runner::JobSourceRunner;
use crate::model::EndpointId;
use crate::service::Result;
use crate::service::event::{ClaimedDelivery, DeliveryDestination, EventCourier, Events, FinishedDelivery};

const LIMITS: RunnerLimits = RunnerLimits {
    what: "deliveries",
    every: Duration::from_millis(500),
    backlog_pause: Duration::ZERO,
    at_once: 256,
    per_key: 16,
    claim: 64,
    held: 512,
    patience: Duration::from_secs(5),
    last: Some(Duration::from_secs(5)),
};

/// Deliveries of events, each of a place of its own.
pub(super) struct DeliverySource(Arc<EventCourier>);

pub(super) fn runner(events: Arc<Events>) -> JobSourceRunner<DeliverySource, EventCourier> {
    let courier = Arc::new(EventCourier::new(events));
    JobSourceRunner::new(LIMITS, DeliverySource(courier.clone()), courier)
}

impl JobSource for DeliverySource {
    type Job = ClaimedDelivery;
    type Key = DeliveryDestination;

    fn key(&self, job: &ClaimedDelivery) -> DeliveryDestination {
        job.lane.clone()
    }

    /// What a callback URL's host is, the store does not know.
    fn can_skip(&self, lane: &DeliveryDestination) -> bool {
        endpoint(lane).is_some()
    }

    async fn arrived(&mut self) -> Option<ClaimedDelivery> {
        self.0.woken().await;
        None
    }

    async fn claim(&mut self, busy: &[DeliveryDestination], limit: usize) -> Result<DueJobs<ClaimedDelivery>> {
        let busy: Vec<EndpointId> = busy.iter().filter_map(endpoint).collect();
        let jobs = self.0.claim(&busy, limit).await?;
        Ok(DueJobs { may_be_more: jobs.len() >= limit, jobs })
    }
}

impl JobHandler<ClaimedDelivery> for EventCourier {
    type Done = FinishedDelivery;

    async fn handle(&self, job: ClaimedDelivery) -> Option<FinishedDelivery> {
        Some(self.deliver(job).await)
    }

    async fn record(&self, done: &[FinishedDelivery]) -> Result<()> {
        EventCourier::record(self, done).await
    }

    fn give_back(&self, job: ClaimedDelivery) -> Option<FinishedDelivery> {
        Some(EventCourier::give_back(self, &job))
    }
}

fn endpoint(lane: &DeliveryDestination) -> Option<EndpointId> {
    match lane {
        DeliveryDestination::Endpoint(id) => Some(*id),
        DeliveryDestination::Host(_) => None,
    }
}
