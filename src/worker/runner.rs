//! One loop for jobs: claim what is due, work on a few at once of each key, write what came of them, give back what could
//! not begin.
//!
//! A job reaches this node in one of two ways: it is claimed from the store, or it was leased to this node when it was
//! made and is handed over in memory. A [`JobSource`] knows both, a [`JobHandler`] does the work and decides when what
//! failed is tried again, and [`RunnerLimits`] say how much is taken on. The loop itself knows nothing of what the jobs are.
//!
//! Whatever goes wrong, no job is lost: one that is not recorded keeps its lease, and is claimed again when that ends.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::job::{DueJobs, JobHandler, JobSource, RunnerLimits};

/// Tries of writing what is done before what else was handed over is left to whoever claims it.
const DRAIN_TRIES: usize = 10;

/// A job that waits for its turn.
struct JobAwaitingTurn<J, K> {
    job: J,
    key: K,
    since: Instant,
}

/// The loop, and what it has in hand.
pub(super) struct JobSourceRunner<S: JobSource, H: JobHandler<S::Job>> {
    limits: RunnerLimits,
    source: S,
    handler: Arc<H>,
    running: JoinSet<Option<H::Done>>,
    keys: HashMap<Id, S::Key>,
    /// Under way of each key.
    counts: HashMap<S::Key, usize>,
    waiting: VecDeque<JobAwaitingTurn<S::Job, S::Key>>,
    /// Finished, and not written yet.
    done: Vec<H::Done>,
    /// When to look for due jobs next.
    look_at: Instant,
    /// The last look failed.
    is_away: bool,
}

impl<S: JobSource, H: JobHandler<S::Job>> JobSourceRunner<S, H> {
    pub(super) fn new(limits: RunnerLimits, source: S, handler: Arc<H>) -> Self {
        Self {
            limits,
            source,
            handler,
            running: JoinSet::new(),
            keys: HashMap::new(),
            counts: HashMap::new(),
            waiting: VecDeque::new(),
            done: Vec::new(),
            look_at: Instant::now(),
            is_away: false,
        }
    }

    /// Works until the node stops; what is under way then is ended, and what has not begun is given back.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.collect();
            let is_written = self.record().await;
            if is_written && self.room() > 0 && self.look_at <= Instant::now() {
                self.look().await;
            }
            self.start();
            self.wait(is_written, &stop).await;
        }
        self.finish().await;
    }

    fn room(&self) -> usize {
        let held = self.running.len() + self.waiting.len() + self.done.len();
        self.limits.held.saturating_sub(held).min(self.limits.claim)
    }

    /// Keys of which nothing more is claimed for now.
    fn busy(&self) -> Vec<S::Key> {
        let full = self.counts.iter().filter(|(_, count)| **count >= self.limits.per_key).map(|(key, _)| key);
        let all = full.chain(self.waiting.iter().map(|waiting| &waiting.key));
        let busy: HashSet<&S::Key> = all.filter(|key| self.source.can_skip(key)).collect();
        busy.into_iter().cloned().collect()
    }

    /// Claims what is due.
    async fn look(&mut self) {
        let (since, busy, limit) = (Instant::now(), self.busy(), self.room());
        let pause = match self.source.claim(&busy, limit).await {
            Ok(DueJobs { jobs, may_be_more }) => {
                self.is_away = false;
                for job in jobs {
                    self.hold(job, since);
                }
                if may_be_more { self.limits.backlog_pause } else { self.limits.every }
            }
            Err(error) => {
                // said once: it is asked again and again
                if !self.is_away {
                    tracing::warn!(%error, "could not look for {}; trying again", self.limits.what);
                }
                self.is_away = true;
                self.limits.every
            }
        };
        self.look_at = Instant::now() + pause;
    }

    fn hold(&mut self, job: S::Job, since: Instant) {
        let key = self.source.key(&job);
        self.waiting.push_back(JobAwaitingTurn { job, key, since });
    }

    /// Starts what may start; gives back what has waited too long.
    fn start(&mut self) {
        for waiting in std::mem::take(&mut self.waiting) {
            let count = self.counts.get(&waiting.key).copied().unwrap_or_default();
            if count < self.limits.per_key && self.running.len() < self.limits.at_once {
                let JobAwaitingTurn { job, key, .. } = waiting;
                let handler = self.handler.clone();
                let task = self.running.spawn(async move { handler.handle(job).await });
                self.counts.insert(key.clone(), count + 1);
                self.keys.insert(task.id(), key);
            } else if waiting.since.elapsed() > self.limits.patience {
                self.done.extend(self.handler.give_back(waiting.job));
            } else {
                self.waiting.push_back(waiting);
            }
        }
    }

    /// Waits until there is something to do.
    async fn wait(&mut self, is_written: bool, stop: &CancellationToken) {
        let may_take = is_written && self.room() > 0;
        let until = if may_take { self.look_at } else { Instant::now() + self.limits.every };
        // in no order: while there is a backlog, what is handed over has its turn too
        tokio::select! {
            () = stop.cancelled() => {}
            () = reached(until) => {}
            arrived = self.source.arrived(), if may_take => match arrived {
                Some(job) => {
                    self.hold(job, Instant::now());
                    self.start();
                }
                None => self.look_at = Instant::now(),
            },
            Some(ended) = self.running.join_next_with_id() => {
                // a key that was full may have a free turn now
                if !self.busy().is_empty() {
                    self.look_at = Instant::now();
                }
                self.ended(ended);
            }
        }
    }

    fn ended(&mut self, ended: Result<(Id, Option<H::Done>), JoinError>) {
        let (id, done) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                // its lease will end, and it is tried again
                tracing::error!(%error, "a job broke down: one of {}", self.limits.what);
                (error.id(), None)
            }
        };
        if let Some(key) = self.keys.remove(&id)
            && let Some(count) = self.counts.get_mut(&key)
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&key);
            }
        }
        self.done.extend(done);
    }

    /// Takes in all that has ended by now.
    fn collect(&mut self) {
        while let Some(ended) = self.running.try_join_next_with_id() {
            self.ended(ended);
        }
    }

    /// Writes what has ended; what cannot be written now is kept for later.
    async fn record(&mut self) -> bool {
        if self.done.is_empty() {
            return true;
        }
        match self.handler.record(&self.done).await {
            Ok(()) => {
                self.done.clear();
                true
            }
            Err(error) => {
                tracing::warn!(%error, "could not write what became of {}; trying again", self.limits.what);
                false
            }
        }
    }

    /// Gives back what has not begun, so that no other node need wait for our leases, and lets the rest end.
    async fn finish(mut self) {
        for waiting in std::mem::take(&mut self.waiting) {
            self.done.extend(self.handler.give_back(waiting.job));
        }
        // before the rest ends: other nodes wait for it
        self.record().await;
        match self.limits.last {
            Some(last) => {
                let _ = tokio::time::timeout(last, self.drain()).await;
            }
            None => self.drain().await,
        }
        self.record().await;
    }

    /// Works on what was handed over, and waits for what is under way.
    async fn drain(&mut self) {
        let mut tries = DRAIN_TRIES;
        loop {
            // what has ended takes room until it is written
            if self.room() == 0 {
                self.record().await;
            }
            while self.room() > 0
                && let Some(job) = self.source.rest()
            {
                self.hold(job, Instant::now());
            }
            self.start();
            match self.running.join_next_with_id().await {
                Some(ended) => self.ended(ended),
                None if self.room() > 0 || tries == 0 => return,
                // what is done could not be written, and more may have been handed over
                None => {
                    tries -= 1;
                    tokio::time::sleep(self.limits.every).await;
                }
            }
        }
    }
}

/// Ready at once where that time has come.
async fn reached(at: Instant) {
    if at > Instant::now() {
        tokio::time::sleep_until(at).await;
    }
}

#[cfg(test)]
#[path = "runner_test.rs"]
mod tests;
