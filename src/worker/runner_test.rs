//! The loop itself, over jobs of a test's own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;
use crate::service::Error;

/// A job: its key, and which of them it is.
type Job = (u8, usize);

const LIMITS: RunnerLimits = RunnerLimits {
    what: "jobs of a test",
    every: Duration::from_millis(5),
    backlog_pause: Duration::ZERO,
    at_once: 4,
    per_key: 2,
    claim: 8,
    held: 16,
    patience: Duration::from_secs(60),
    last: None,
};

/// Jobs that lie in a store, and jobs that are handed over.
struct Jobs {
    due: VecDeque<Job>,
    handed: UnboundedReceiver<Job>,
    claims: Arc<AtomicUsize>,
}

impl JobSource for Jobs {
    type Job = Job;
    type Key = u8;

    fn key(&self, job: &Job) -> u8 {
        job.0
    }

    fn can_skip(&self, _key: &u8) -> bool {
        true
    }

    async fn arrived(&mut self) -> Option<Job> {
        match self.handed.recv().await {
            Some(job) => Some(job),
            None => std::future::pending().await,
        }
    }

    fn claim(&mut self, busy: &[u8], limit: usize) -> impl Future<Output = Result<DueJobs<Job>, Error>> + Send {
        self.claims.fetch_add(1, Ordering::Relaxed);
        let (mut jobs, mut left) = (Vec::new(), VecDeque::new());
        for job in self.due.drain(..) {
            if jobs.len() < limit && !busy.contains(&job.0) {
                jobs.push(job);
            } else {
                left.push_back(job);
            }
        }
        self.due = left;
        std::future::ready(Ok(DueJobs { may_be_more: jobs.len() >= limit, jobs }))
    }

    fn rest(&mut self) -> Option<Job> {
        self.handed.try_recv().ok()
    }
}

/// Says of each job what became of it.
#[derive(Default)]
struct Work {
    takes: Duration,
    /// The job that breaks down.
    broken: Option<usize>,
    /// So many times what is done cannot be written.
    away: AtomicUsize,
    /// What is given back is to be written.
    writes_back: bool,
    running: Mutex<HashMap<u8, usize>>,
    most: AtomicUsize,
    done: Mutex<Vec<usize>>,
    given_back: Mutex<Vec<usize>>,
}

impl JobHandler<Job> for Work {
    type Done = usize;

    async fn handle(&self, (key, nth): Job) -> Option<usize> {
        assert_ne!(Some(nth), self.broken, "a job that is meant to break down");
        let now = {
            let mut running = self.running.lock().unwrap();
            let count = running.entry(key).or_default();
            *count += 1;
            *count
        };
        self.most.fetch_max(now, Ordering::Relaxed);
        tokio::time::sleep(self.takes).await;
        *self.running.lock().unwrap().get_mut(&key).unwrap() -= 1;
        Some(nth)
    }

    fn record(&self, done: &[usize]) -> impl Future<Output = Result<(), Error>> + Send {
        let is_away =
            self.away.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |times| times.checked_sub(1)).is_ok();
        if !is_away {
            self.done.lock().unwrap().extend(done);
        }
        std::future::ready(if is_away { Err(Error::busy("the store is away")) } else { Ok(()) })
    }

    fn give_back(&self, (_, nth): Job) -> Option<usize> {
        self.given_back.lock().unwrap().push(nth);
        self.writes_back.then_some(nth)
    }
}

/// A runner under way.
struct Test {
    work: Arc<Work>,
    hand: UnboundedSender<Job>,
    claims: Arc<AtomicUsize>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Test {
    fn start(limits: RunnerLimits, due: impl IntoIterator<Item = Job>, work: Work) -> Self {
        let (hand, handed) = unbounded_channel();
        let (work, claims, stop) = (Arc::new(work), Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let source = Jobs { due: due.into_iter().collect(), handed, claims: claims.clone() };
        let runner = JobSourceRunner::new(limits, source, work.clone());
        Self { work, hand, claims, stop: stop.clone(), task: tokio::spawn(runner.run(stop)) }
    }

    async fn until_done(&self, count: usize) {
        let all = async {
            while self.work.done.lock().unwrap().len() < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), all).await.unwrap();
    }

    /// What was done by the time that it had stopped.
    async fn stopped(self) -> Vec<usize> {
        self.stop.cancel();
        self.task.await.unwrap();
        let mut done = self.work.done.lock().unwrap().clone();
        done.sort_unstable();
        done
    }
}

fn jobs(key: u8, nths: std::ops::Range<usize>) -> impl Iterator<Item = Job> {
    nths.map(move |nth| (key, nth))
}

#[tokio::test]
async fn a_few_at_once_of_each_key_and_none_twice() {
    let due = jobs(0, 0..40).chain(jobs(1, 40..44));
    let test = Test::start(LIMITS, due, Work { takes: Duration::from_millis(2), ..Work::default() });
    test.until_done(44).await;
    let work = test.work.clone();
    assert_eq!(test.stopped().await, (0..44).collect::<Vec<_>>());
    assert_eq!(work.most.load(Ordering::Relaxed), LIMITS.per_key);
    assert!(work.given_back.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_node_does_not_wait_for_ever() {
    let limits = RunnerLimits { last: Some(Duration::from_millis(20)), ..LIMITS };
    let test = Test::start(limits, jobs(0, 0..1), Work { takes: Duration::from_secs(600), ..Work::default() });
    while test.work.running.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(tokio::time::timeout(Duration::from_secs(60), test.stopped()).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_handed_over_does_not_wait_for_the_next_look() {
    let test = Test::start(RunnerLimits { every: Duration::from_secs(600), ..LIMITS }, [], Work::default());
    test.hand.send((0, 7)).unwrap();
    test.until_done(1).await;
    test.stopped().await;
}

#[tokio::test]
async fn what_was_handed_over_is_worked_on_when_the_node_stops() {
    // as many as may begin: what waits here would be given back
    let limits = RunnerLimits { held: 2, ..LIMITS };
    // the last time that nothing can be written, nothing is under way any more
    let work = Work { takes: Duration::from_millis(20), away: AtomicUsize::new(3), ..Work::default() };
    let test = Test::start(limits, [], work);
    for job in jobs(0, 0..10) {
        test.hand.send(job).unwrap();
    }
    // the loop runs, and has the rest before it
    while test.work.running.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(test.stopped().await, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_has_not_begun_is_given_back_when_the_node_stops() {
    let takes = Duration::from_millis(200);
    let test = Test::start(RunnerLimits { per_key: 1, ..LIMITS }, jobs(0, 0..3), Work { takes, ..Work::default() });
    while test.work.running.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let work = test.work.clone();
    assert_eq!(test.stopped().await, [0], "what is under way ends");
    assert_eq!(*work.given_back.lock().unwrap(), [1, 2]);
}

#[tokio::test]
async fn what_is_given_back_is_written_before_the_rest_has_ended() {
    let work = Work { takes: Duration::from_secs(600), writes_back: true, ..Work::default() };
    let test = Test::start(RunnerLimits { per_key: 1, ..LIMITS }, jobs(0, 0..3), work);
    while test.work.running.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    test.stop.cancel();
    test.until_done(2).await;
    assert_eq!(*test.work.done.lock().unwrap(), [1, 2]);
    test.task.abort();
}

#[tokio::test]
async fn what_has_waited_too_long_is_given_back() {
    let limits = RunnerLimits { per_key: 1, patience: Duration::from_millis(10), ..LIMITS };
    let takes = Duration::from_millis(100);
    let test = Test::start(limits, jobs(0, 0..2), Work { takes, ..Work::default() });
    test.until_done(1).await;
    assert_eq!(*test.work.given_back.lock().unwrap(), [1]);
    test.stopped().await;
}

#[tokio::test]
async fn nothing_is_claimed_until_what_is_done_is_written() {
    let limits = RunnerLimits { claim: 1, ..LIMITS };
    let test = Test::start(limits, jobs(0, 0..1), Work { away: AtomicUsize::new(5), ..Work::default() });
    while test.work.away.load(Ordering::Relaxed) == 5 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let claims = test.claims.load(Ordering::Relaxed);
    while test.work.away.load(Ordering::Relaxed) > 0 {
        assert_eq!(test.claims.load(Ordering::Relaxed), claims);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    test.until_done(1).await;
    assert_eq!(test.stopped().await, [0], "once");
}

#[tokio::test]
async fn a_job_that_breaks_down_takes_no_other_along() {
    // one at once: its place is free again
    let limits = RunnerLimits { per_key: 1, ..LIMITS };
    let test = Test::start(limits, jobs(0, 0..9), Work { broken: Some(4), ..Work::default() });
    test.until_done(8).await;
    assert_eq!(test.stopped().await, [0, 1, 2, 3, 5, 6, 7, 8]);
}
