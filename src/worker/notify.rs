//! Posts what is due to whoever listens: many at once, but few to the same place.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::model::EndpointId;
use crate::service::event::{Courier, Done, Events, Job, Lane};

/// How often to look for what other nodes left behind, and for what is due again.
const EVERY: Duration = Duration::from_millis(500);
/// Posts under way at once, altogether and to one place.
const AT_ONCE: usize = 256;
const AT_ONE_PLACE: usize = 16;
/// Deliveries claimed in one go, and held at most.
const CLAIM: usize = 64;
const HELD: usize = 512;
/// A delivery that has waited so long for its place is given back.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds between two counts of what waits.
const MEASURED: u64 = 5;
/// What is under way when the node stops has so long to end.
const LAST: Duration = Duration::from_secs(5);

/// Looks every second whether the endpoints have changed on another node, and every few what waits.
pub(super) async fn listen(events: Arc<Events>) {
    for second in 0_u64.. {
        if second.is_multiple_of(MEASURED)
            && let Err(error) = events.measure().await
        {
            tracing::debug!(%error, "could not count what waits");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let Err(error) = events.refresh().await {
            tracing::debug!(%error, "could not look for changed endpoints");
        }
    }
}

/// What this node has in hand.
#[derive(Default)]
struct Desk {
    running: JoinSet<Done>,
    lanes: HashMap<Id, Lane>,
    /// Under way to each place.
    counts: HashMap<Lane, usize>,
    waiting: VecDeque<Job>,
    /// Finished, and not written yet.
    done: Vec<Done>,
}

impl Desk {
    fn room(&self) -> usize {
        HELD.saturating_sub(self.running.len() + self.waiting.len() + self.done.len()).min(CLAIM)
    }

    /// Endpoints to which nothing more is claimed for now.
    fn busy(&self) -> Vec<EndpointId> {
        let full = self.counts.iter().filter(|(_, count)| **count >= AT_ONE_PLACE).map(|(lane, _)| lane);
        let mut busy: Vec<EndpointId> = full
            .chain(self.waiting.iter().map(|job| &job.lane))
            .filter_map(|lane| match lane {
                Lane::Endpoint(id) => Some(*id),
                Lane::Host(_) => None,
            })
            .collect();
        busy.sort_unstable();
        busy.dedup();
        busy
    }

    /// Starts what may start; gives back what has waited too long.
    fn start(&mut self, courier: &Arc<Courier>) {
        for job in std::mem::take(&mut self.waiting) {
            let count = self.counts.get(&job.lane).copied().unwrap_or_default();
            if count < AT_ONE_PLACE && self.running.len() < AT_ONCE {
                let (lane, courier) = (job.lane.clone(), courier.clone());
                let task = self.running.spawn(async move { courier.deliver(job).await });
                self.counts.insert(lane.clone(), count + 1);
                self.lanes.insert(task.id(), lane);
            } else if job.age() > PATIENCE {
                self.done.push(courier.give_back(&job));
            } else {
                self.waiting.push_back(job);
            }
        }
    }

    fn ended(&mut self, ended: Result<(Id, Done), tokio::task::JoinError>) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => {
                // its lease will end, and it is tried again
                tracing::error!(%error, "a delivery broke down");
                error.id()
            }
        };
        if let Some(lane) = self.lanes.remove(&id)
            && let Some(count) = self.counts.get_mut(&lane)
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&lane);
            }
        }
        self.done.extend(ended.ok().map(|(_, done)| done));
    }

    /// Takes in all that has ended by now.
    fn collect(&mut self) {
        while let Some(ended) = self.running.try_join_next_with_id() {
            self.ended(ended);
        }
    }

    /// Writes what has ended; what cannot be written now is kept for later.
    async fn record(&mut self, courier: &Courier) -> bool {
        if self.done.is_empty() {
            return true;
        }
        match courier.record(&self.done).await {
            Ok(()) => {
                self.done.clear();
                true
            }
            Err(error) => {
                tracing::warn!(%error, "could not write what became of deliveries; trying again");
                false
            }
        }
    }
}

pub(super) async fn run(courier: Courier, stop: CancellationToken) {
    let courier = Arc::new(courier);
    let mut desk = Desk::default();
    let mut may_be_more = true;
    while !stop.is_cancelled() {
        desk.collect();
        let is_store_there = desk.record(&courier).await;
        if may_be_more && is_store_there && desk.room() > 0 {
            may_be_more = look(&courier, &mut desk).await;
        }
        desk.start(&courier);
        if may_be_more && desk.room() > 0 && is_store_there {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = courier.woken() => may_be_more = true,
            () = tokio::time::sleep(EVERY) => may_be_more = true,
            Some(ended) = desk.running.join_next_with_id() => {
                // a place that was full may have a free turn now
                may_be_more |= !desk.busy().is_empty();
                desk.ended(ended);
            }
        }
    }
    finish(&courier, desk).await;
}

/// Claims what is due. Whether there may be more of it.
async fn look(courier: &Courier, desk: &mut Desk) -> bool {
    let room = desk.room();
    match courier.claim(&desk.busy(), room).await {
        Ok(jobs) => {
            let was_full = jobs.len() >= room;
            desk.waiting.extend(jobs);
            was_full
        }
        Err(error) => {
            tracing::warn!(%error, "could not look for due deliveries; trying again");
            false
        }
    }
}

/// Lets posts end, and gives back what has not begun: another node need not wait for our leases.
async fn finish(courier: &Arc<Courier>, mut desk: Desk) {
    for job in std::mem::take(&mut desk.waiting) {
        desk.done.push(courier.give_back(&job));
    }
    let rest = async {
        while let Some(ended) = desk.running.join_next_with_id().await {
            desk.ended(ended);
        }
    };
    let _ = tokio::time::timeout(LAST, rest).await;
    desk.record(courier).await;
}
