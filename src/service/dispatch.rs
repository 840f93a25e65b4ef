//! From a stored message to a known outcome: sent in order, accounted for whatever dies in between.
//!
//! What it sends comes out of the outbox, and what came of it goes back there: it knows nothing of who accepts messages.

mod attempt;
mod code;
mod judge;
mod lane;
mod metrics;
mod pass;
mod permit;
mod reconcile;
mod record;
mod retry;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use metrics::Metrics;
pub use permit::{SendPermit, SendPermits};

use crate::model::message::MessageState;
use crate::model::{Clock, PublicOrigin};
use crate::service::account::AccountHandle;
use crate::service::directory::Directory;
use crate::service::event::{Events, FailureReason};
use crate::service::opt_out::OptOuts;
use crate::service::outbox::Settings;
use crate::service::race::won;
use crate::service::vault::CodeVault;
use crate::store::batch::BatchWriter;
use crate::store::lease::{Lease, LeaseOwner};
use crate::store::outbox::claim::{self, ClaimedLane};
use crate::store::outbox::intake::LeasedMessage;
use crate::store::outbox::mark::SendingMarks;
use crate::store::outbox::outcome::LaneHeadOutcomeWriter;
use crate::store::outbox::{LaneKeyHasher, LaneRoom};
use crate::store::serving::ServingLock;
use crate::store::{self, Store};
use lane::OwnedLane;

/// What the service is built from.
pub struct Parts {
    pub settings: Settings,
    pub store: Store,
    pub directory: Arc<Directory>,
    pub events: Arc<Events>,
    /// Who hears of a carrier that knows of an opt-out.
    pub opt_outs: Arc<OptOuts>,
    pub clock: Clock,
    /// This process among all that own lanes.
    pub owner: LeaseOwner,
    /// Where carriers reach us; they are asked for receipts only where there is such a URL.
    pub public_url: Option<PublicOrigin>,
    pub lanes: LaneKeyHasher,
    /// Lanes that may still be held in memory.
    pub room: LaneRoom,
    /// The codes that some messages tell.
    pub codes: Arc<CodeVault>,
    pub metrics: Metrics,
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
}

pub struct Dispatch {
    parts: Parts,
    marks: BatchWriter<SendingMarks>,
    outcomes: BatchWriter<LaneHeadOutcomeWriter>,
    /// That this process serves an embedded store: see [`Dispatch::inherit`].
    serving: OnceLock<ServingLock>,
}

impl Dispatch {
    /// Starts the writers of what it does; nothing is sent yet.
    pub fn new(parts: Parts) -> Self {
        let (store, clock, owner) = (parts.store.clone(), parts.clock.clone(), parts.owner.clone());
        let lease_ms = parts.settings.lease.as_ms();
        let marks = SendingMarks { store: store.clone(), clock: clock.clone(), owner: owner.clone(), lease_ms };
        let (marks, outcomes) =
            (BatchWriter::start(marks), BatchWriter::start(LaneHeadOutcomeWriter { store, clock, owner }));
        Self { parts, marks, outcomes, serving: OnceLock::new() }
    }

    /// Sends what was born leased to this node, and what follows it in its lane.
    pub fn send(self: &Arc<Self>, leased: LeasedMessage<SendPermit>) {
        self.start(leased.into());
    }

    /// Takes all lanes from their owners where these are known to be dead: no other process serves
    /// this embedded store. Elsewhere their leases end by themselves.
    pub async fn inherit(&self) -> store::Result<()> {
        let Some(serving) = self.parts.store.serve().await? else { return Ok(()) };
        if serving.is_alone() {
            claim::release_all(&self.parts.store, self.parts.clock.now_ms()).await?;
        }
        let _ = self.serving.set(serving.share().await?);
        Ok(())
    }

    /// Takes up lanes that nobody owns, and lets scheduled messages join theirs. How many there were.
    pub async fn take_up(self: &Arc<Self>) -> store::Result<usize> {
        if let Err(error) = self.hasten().await {
            tracing::warn!(%error, "messages whose account is in use again wait for the store");
        }
        let now_ms = self.parts.clock.now_ms();
        let due = claim::due(&self.parts.store, now_ms, 256).await?;
        let mut found = due.len();
        for message in due {
            let lane = self.parts.lanes.of_message(&message);
            let told = self.parts.events.told(&message, MessageState::Queued, FailureReason::default(), now_ms);
            // or another node was quicker, or its lane has moved: next time
            if won(claim::join(&self.parts.store, message.id, lane, &told, now_ms).await)?.is_some() {
                self.parts.events.wake();
            }
        }
        let room = self.parts.room.free().min(256);
        if room == 0 {
            return Ok(found);
        }
        let length = self.parts.settings.lease;
        let (lease_ends, now_ms) = (Instant::now() + length.as_duration(), self.parts.clock.now_ms());
        let lease = Lease { owner: &self.parts.owner, now_ms, until_ms: now_ms + length.as_ms() };
        let claimed = claim::claim(&self.parts.store, lease, room).await?;
        found += claimed.len();
        for ClaimedLane { head, message, progress } in claimed {
            // intake may have been quicker with the room: then its lease just ends
            let Some(room) = self.parts.room.take(&message) else { break };
            self.start(OwnedLane { head, message, progress, lease_ends, _room: room, permit: None, code: None });
        }
        Ok(found)
    }

    fn start(self: &Arc<Self>, lane: OwnedLane) {
        // boxed: it is moved about several times
        self.parts.tasks.spawn(Box::pin(self.clone().drive(lane)));
    }

    /// How often to call [`Dispatch::take_up`].
    pub fn poll_every(&self) -> Duration {
        self.parts.settings.poll_every.as_duration()
    }

    /// Counts what waits, for the metrics.
    pub async fn measure(&self) -> store::Result<()> {
        let entries = self.parts.directory.current();
        let rests =
            |handle: &Arc<AccountHandle>| (handle.account.id, handle.breaker.is_open(), handle.rest().is_some());
        self.parts.metrics.accounts(entries.handles().map(rests));
        let outbox = store::backlog::outbox(&self.parts.store).await?;
        self.parts.metrics.measured(&outbox, self.parts.clock.now_ms());
        Ok(())
    }
}
