//! Messages out: accepted durably, sent in order, accounted for whatever dies in between.

mod accept;
mod administer;
mod call;
mod check;
mod cursor;
mod drive;
mod look_up;
mod metrics;
mod opt_out;
mod outgoing;
mod park;
mod pass;
mod permit;
mod record;
mod request;
mod retry;
mod settings;
mod voice;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use accept::{Answered, Draft, Drafted};
pub use administer::{OptOut, OptOutFilter};
pub use check::{Limit, says_something};
pub(in crate::service) use check::{anyway, limits};
pub use cursor::Cursor;
pub use metrics::Metrics;
pub use opt_out::Said;
pub use request::{Error, From, Order, Told, Via, unsaid};
pub use settings::Settings;

use crate::crypto::HashKey;
use crate::model::message::State;
use crate::model::{ClientId, Clock, MessageId, Millis, Money, Origin};
use crate::service::account::AccountHandle;
use crate::service::audit::Act;
use crate::service::directory::Directory;
use crate::service::event::{Events, Why};
use crate::service::idempotency::{Key, Named};
use crate::store::batch::Batch;
use crate::store::lease::{Lease, Owner};
pub use crate::store::ledger::Paid;
use crate::store::message::{self, Attempt, Filter, Message, Page};
use crate::store::outbox::LaneKeys;
use crate::store::outbox::cancel::{self, Canceled};
use crate::store::outbox::claim::{self, Claimed};
use crate::store::outbox::intake::{Acceptor, Intake, Leased};
use crate::store::outbox::mark::Mark;
use crate::store::outbox::outcome::Outcomes;
use crate::store::receipt::{self, Receipt};
use crate::store::serving::Serving;
use crate::store::{self, Store};
use drive::Lane;
use permit::{Permits, SendPermit};
use request::known_as;

/// What the service is built from.
pub struct Parts {
    pub settings: Settings,
    pub store: Store,
    pub directory: Arc<Directory>,
    pub events: Arc<Events>,
    pub clock: Clock,
    /// This process among all that own lanes.
    pub owner: Owner,
    /// Where carriers reach us; they are asked for receipts only where there is such a URL.
    pub public_url: Option<Origin>,
    pub lanes: LaneKeys,
    /// Under which requests are hashed.
    pub request_key: HashKey,
    /// Under which places in lists are sealed.
    pub cursor_key: HashKey,
    pub metrics: Metrics,
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
}

pub struct Outbound {
    parts: Parts,
    outbox: Acceptor,
    marks: Batch<Mark>,
    outcomes: Batch<Outcomes>,
    /// Lanes that may still be held in memory.
    room: Arc<Semaphore>,
    /// That this process serves an embedded store: see [`Outbound::inherit`].
    serving: OnceLock<Serving>,
}

/// Races with other writers before a cancel is called busy.
const RACES: usize = 20;

impl Outbound {
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new_cyclic(|itself| Self::build(parts, itself.clone()))
    }

    fn build(parts: Parts, itself: Weak<Self>) -> Self {
        let room = Arc::new(Semaphore::new(parts.settings.held));
        let (store, clock, owner) = (parts.store.clone(), parts.clock.clone(), parts.owner.clone());
        let lease_ms = parts.settings.lease.as_ms();
        let intake = Intake {
            store: store.clone(),
            clock: clock.clone(),
            owner: owner.clone(),
            lease_ms,
            room: room.clone(),
            // when there is no service any more, the lease just ends
            start: Box::new(move |leased: Leased<SendPermit>| {
                if let Some(outbound) = itself.upgrade() {
                    outbound.start(leased.into());
                }
            }),
        };
        let permits = Permits { directory: parts.directory.clone(), stop: parts.stop.clone() };
        let outbox = intake.open(move |message| permits.take(message));
        let marks = Batch::start(Mark { store: store.clone(), clock: clock.clone(), owner: owner.clone(), lease_ms });
        let outcomes = Batch::start(Outcomes { store, clock, owner });
        Self { parts, outbox, marks, outcomes, room, serving: OnceLock::new() }
    }

    /// How a client's request is known again; `canonical`: what is compared of it.
    pub fn named(&self, client: ClientId, key: Key, canonical: &[u8]) -> Named {
        key.named(client, canonical, &self.parts.request_key)
    }

    pub async fn find(&self, client: ClientId, id: MessageId) -> Result<Option<Message>, store::Error> {
        message::find(&self.parts.store, client, id).await
    }

    /// Newest first.
    pub async fn list(&self, client: ClientId, filter: &Filter, limit: usize) -> Result<Page, store::Error> {
        message::list(&self.parts.store, client, filter, limit).await
    }

    /// What providers did and said of a message.
    pub async fn history(&self, id: MessageId) -> Result<(Vec<Attempt>, Vec<Receipt>), store::Error> {
        Ok((message::attempts(&self.parts.store, id).await?, receipt::list(&self.parts.store, id).await?))
    }

    /// Takes a message back, unless a provider is being called or has been.
    pub async fn cancel(&self, client: ClientId, id: MessageId, act: &Act<'_, Message>) -> Result<Message, Error> {
        for _ in 0..RACES {
            let message = self.find(client, id).await?.ok_or(Error::NotFound)?;
            let lane = self.parts.lanes.of_message(&message);
            let now_ms = self.parts.clock.now_ms();
            let told = self.parts.events.told(&message, State::Canceled, Why::default(), now_ms);
            let refunded_ms = message.cost.filter(|cost| *cost > Money::ZERO).map(|_| now_ms);
            let after = Message { state: State::Canceled, changed_ms: now_ms, refunded_ms, ..message.clone() };
            let entry = act.entry(now_ms, known_as(&message), Some(&message), Some(&after));
            match cancel::cancel(&self.parts.store, &message, &lane, &told, now_ms, entry).await {
                Ok(Canceled::Done) => {
                    self.parts.events.wake();
                    return self.find(client, id).await?.ok_or(Error::NotFound);
                }
                Ok(Canceled::TooLate) => return Err(Error::TooLate),
                Err(error) if error.is_race() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Busy("others keep changing this lane".into()).into())
    }

    /// Empties the body of a message that has been sent or is over.
    pub async fn redact(&self, client: ClientId, id: MessageId, act: &Act<'_, Message>) -> Result<Message, Error> {
        let message = self.find(client, id).await?.ok_or(Error::NotFound)?;
        self.erase(&message, false, act).await?;
        self.find(client, id).await?.ok_or(Error::NotFound)
    }

    /// Takes a message that has been sent or is over out of its client's sight, redacted; what was paid for it stays.
    pub async fn delete(&self, client: ClientId, id: MessageId, act: &Act<'_, Message>) -> Result<(), Error> {
        let message = self.find(client, id).await?.ok_or(Error::NotFound)?;
        self.erase(&message, true, act).await
    }

    async fn erase(&self, message: &Message, is_deleted: bool, act: &Act<'_, Message>) -> Result<(), Error> {
        let now_ms = self.parts.clock.now_ms();
        let said_nothing = unsaid(message);
        let deleted_ms = is_deleted.then_some(now_ms);
        let (store, client, id) = (&self.parts.store, message.client, message.id);
        let after = Message { redacted_ms: Some(now_ms), ..said_nothing };
        let entry = act.entry(now_ms, known_as(message), Some(message), Some(&after).filter(|_| !is_deleted));
        match message::redact(store, client, id, &after.content, deleted_ms, now_ms, entry).await {
            Err(error) if error.is_race() => Err(Error::NotOver),
            done => Ok(done?),
        }
    }

    /// When providers took messages, where one has.
    pub async fn taken_at(&self, ids: &[MessageId]) -> Result<HashMap<MessageId, Millis>, store::Error> {
        message::taken_at(&self.parts.store, ids).await
    }

    /// Takes all lanes from their owners where these are known to be dead: no other process serves
    /// this embedded store. Elsewhere their leases end by themselves.
    pub async fn inherit(&self) -> Result<(), store::Error> {
        let Some(serving) = self.parts.store.serve().await? else { return Ok(()) };
        if serving.is_alone() {
            claim::release_all(&self.parts.store, self.parts.clock.now_ms()).await?;
        }
        let _ = self.serving.set(serving.share().await?);
        Ok(())
    }

    /// Takes up lanes that nobody owns, and lets scheduled messages join theirs. How many there were.
    pub async fn take_up(self: &Arc<Self>) -> Result<usize, store::Error> {
        if let Err(error) = self.hasten().await {
            tracing::warn!(%error, "messages whose account is in use again wait for the store");
        }
        let now_ms = self.parts.clock.now_ms();
        let due = claim::due(&self.parts.store, now_ms, 256).await?;
        let mut found = due.len();
        for message in due {
            let lane = self.parts.lanes.of_message(&message);
            let told = self.parts.events.told(&message, State::Queued, Why::default(), now_ms);
            match claim::join(&self.parts.store, message.id, &lane, &told, now_ms).await {
                Ok(()) => self.parts.events.wake(),
                // another node was quicker, or its lane has moved: next time
                Err(error) if error.is_race() => {}
                Err(error) => return Err(error),
            }
        }
        let room = self.room.available_permits().min(256);
        if room == 0 {
            return Ok(found);
        }
        let length = self.parts.settings.lease;
        let (lease_ends, now_ms) = (Instant::now() + length.as_duration(), self.parts.clock.now_ms());
        let lease = Lease { owner: &self.parts.owner, now_ms, until_ms: now_ms + length.as_ms() };
        let claimed = claim::claim(&self.parts.store, lease, room).await?;
        found += claimed.len();
        for Claimed { head, message, progress } in claimed {
            // intake may have been quicker with the room: then its lease just ends
            let Ok(room) = self.room.clone().try_acquire_owned() else { break };
            self.start(Lane { head, message, progress, lease_ends, _room: room, permit: None });
        }
        Ok(found)
    }

    fn start(self: &Arc<Self>, lane: Lane) {
        // boxed: it is moved about several times
        self.parts.tasks.spawn(Box::pin(self.clone().drive(lane)));
    }

    /// How often to call [`Outbound::take_up`].
    pub fn poll_every(&self) -> std::time::Duration {
        self.parts.settings.poll_every.as_duration()
    }

    /// Counts what waits, for the metrics.
    pub async fn measure(&self) -> Result<(), store::Error> {
        let entries = self.parts.directory.current();
        let rests =
            |handle: &Arc<AccountHandle>| (handle.account.id, handle.breaker.is_open(), handle.rest().is_some());
        self.parts.metrics.accounts(entries.handles().map(rests));
        let outbox = store::backlog::outbox(&self.parts.store).await?;
        self.parts.metrics.measured(&outbox, self.parts.clock.now_ms());
        Ok(())
    }

    /// The node's clock.
    pub fn now_ms(&self) -> Millis {
        self.parts.clock.now_ms()
    }
}
