//! What a job engine of this node consists of: where its jobs come from, what is done with them, and how many at once.

use std::hash::Hash;
use std::time::Duration;

use crate::service::Result;

/// How much a runner takes on, and how often it looks for more.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunnerLimits {
    /// What its jobs are, for the log.
    pub what: &'static str,
    /// How often to look for what this node was not told of: due again, or left behind by another.
    pub every: Duration,
    /// The pause between two looks while there is a backlog: what is handed over has its turn in it.
    pub backlog_pause: Duration,
    /// Jobs worked on at once, altogether and of one key.
    pub at_once: usize,
    pub per_key: usize,
    /// Jobs claimed in one go, and held at most, whether they wait, run or are to be recorded.
    pub claim: usize,
    pub held: usize,
    /// A job that has waited so long for its turn is given back.
    pub patience: Duration,
    /// What is under way when the node stops has so long to end; `None`: as long as the node itself.
    pub last: Option<Duration>,
}

/// What a look for due jobs found.
pub(super) struct DueJobs<J> {
    pub jobs: Vec<J>,
    pub may_be_more: bool,
}

/// Where jobs come from. All jobs that it hands out are leased to this node.
pub(super) trait JobSource: Send + 'static {
    type Job: Send + 'static;
    /// Jobs of one key take turns, and hold up no others.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;

    fn key(&self, job: &Self::Job) -> Self::Key;

    /// Whether a claim can leave out the jobs of this key.
    fn can_skip(&self, _key: &Self::Key) -> bool {
        false
    }

    /// Waits for a job that is handed over. `None`: there is something to claim. Nothing is lost where this is dropped
    /// before it is ready. What then waits for its key when the node stops is given back like any other: a source whose
    /// jobs nobody else may begin with has limits under which none waits.
    fn arrived(&mut self) -> impl Future<Output = Option<Self::Job>> + Send;

    /// Leases at most `limit` due jobs, none of them of the keys in `busy`.
    fn claim(&mut self, busy: &[Self::Key], limit: usize) -> impl Future<Output = Result<DueJobs<Self::Job>>> + Send;

    /// What was handed over and has not arrived yet, once the node stops: nobody else may begin with it.
    fn rest(&mut self) -> Option<Self::Job> {
        None
    }
}

/// What is done with jobs.
pub(super) trait JobHandler<J>: Send + Sync + 'static {
    /// What is to be written of a job.
    type Done: Send + Sync + 'static;

    /// Works on a job. `None`: what came of it is written already.
    fn handle(&self, job: J) -> impl Future<Output = Option<Self::Done>> + Send;

    /// Writes what came of jobs, all of it or nothing. Until that goes well nothing more is claimed.
    fn record(&self, _done: &[Self::Done]) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Gives back a job that did not begin. `None`: its lease ends by itself.
    fn give_back(&self, _job: J) -> Option<Self::Done> {
        None
    }
}
