//! Posts what is due to whoever listens: many at once, but few to the same place.

use std::sync::Arc;
use std::time::Duration;

use super::job::{DueJobs, Handler, Limits, Source};
use super::runner::Runner;
use crate::model::EndpointId;
use crate::service::Error;
use crate::service::event::{Courier, Done, Events, Job, Lane};

const LIMITS: Limits = Limits {
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
pub(super) struct Deliveries(Arc<Courier>);

pub(super) fn runner(events: Arc<Events>) -> Runner<Deliveries, Courier> {
    let courier = Arc::new(Courier::new(events));
    Runner::new(LIMITS, Deliveries(courier.clone()), courier)
}

impl Source for Deliveries {
    type Job = Job;
    type Key = Lane;

    fn key(&self, job: &Job) -> Lane {
        job.lane.clone()
    }

    /// What a callback URL's host is, the store does not know.
    fn can_skip(&self, lane: &Lane) -> bool {
        endpoint(lane).is_some()
    }

    async fn arrived(&mut self) -> Option<Job> {
        self.0.woken().await;
        None
    }

    async fn claim(&mut self, busy: &[Lane], limit: usize) -> Result<DueJobs<Job>, Error> {
        let busy: Vec<EndpointId> = busy.iter().filter_map(endpoint).collect();
        let jobs = self.0.claim(&busy, limit).await?;
        Ok(DueJobs { may_be_more: jobs.len() >= limit, jobs })
    }
}

impl Handler<Job> for Courier {
    type Done = Done;

    async fn handle(&self, job: Job) -> Option<Done> {
        Some(self.deliver(job).await)
    }

    async fn record(&self, done: &[Done]) -> Result<(), Error> {
        Courier::record(self, done).await
    }

    fn give_back(&self, job: Job) -> Option<Done> {
        Some(Courier::give_back(self, &job))
    }
}

fn endpoint(lane: &Lane) -> Option<EndpointId> {
    match lane {
        Lane::Endpoint(id) => Some(*id),
        Lane::Host(_) => None,
    }
}
