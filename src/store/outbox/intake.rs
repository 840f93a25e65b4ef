//! Accepting messages: the row, its place in its lane, and the reply kept for a repeat, in one commit.

mod plan;

use std::borrow::Cow;
use std::collections::HashMap;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

pub(in crate::store) use self::plan::{GroupRefusal, OutboxBatchPlan};
use super::{LaneHead, LaneRoom, place, uncalled};
use crate::model::message::MessageState;
use crate::model::{Clock, LaneKey, Millis, Money};
use crate::store::batch::{BatchWrite, BatchWriter, PendingBatchWrite, WRITERS};
use crate::store::code::FreshCode;
use crate::store::event::PendingEvents;
use crate::store::idempotency::{self, IdempotencyFingerprint, StoredReplies, StoredReply};
use crate::store::lease::LeaseOwner;
use crate::store::ledger::{self, ChargeBatch, ChargeResult};
use crate::store::message::Message;
use crate::store::{AuditTrail, Change, Query, Result, Row, Store, Value, opt_out};

/// A message to accept.
pub struct NewMessage {
    pub message: Message,
    /// Names the pair (from, to).
    pub lane: LaneKey,
    /// The keys under which its recipient may have opted out: that of the lane, and of other forms of their number.
    pub opt_out: Vec<LaneKey>,
    /// Its callback URL with its login, sealed, where it has one.
    pub callback: Option<Vec<u8>>,
    /// When it joins its lane, if not now.
    pub due_ms: Option<Millis>,
    /// The reply to keep for a request that comes again.
    pub kept: Option<IdempotencyRecord>,
    pub told: PendingEvents,
    /// Goes to a recipient who has opted out too: it confirms just that.
    pub passes_opt_out: bool,
    /// By whose monotonic clock the lease ends, if its lane is born leased.
    pub lease_ends: Instant,
    /// Written with it, where an administrator sends it.
    pub entry: AuditTrail,
    /// The code that it tells, where that is new.
    pub code: Option<FreshCode>,
}

/// A message to accept, with the permit to call its provider at once where there is one.
pub struct MessageWithSendPermit<T> {
    pub(in crate::store) new: NewMessage,
    permit: Option<T>,
}

impl NewMessage {
    /// A call that its carrier is told to place by what it is answered: nothing of it waits to be sent.
    fn is_placed(&self) -> bool {
        self.message.state == MessageState::Sent
    }
}

impl<T> MessageWithSendPermit<T> {
    /// Takes a permit where the message is due as soon as it is stored.
    pub(in crate::store) fn asking(new: NewMessage, permit: &impl Fn(&Message) -> Option<T>) -> Self {
        let permit = if new.due_ms.is_none() && !new.is_placed() { permit(&new.message) } else { None };
        Self { new, permit }
    }
}

/// A reply kept under a client's name for its request.
#[derive(Clone)]
pub struct IdempotencyRecord {
    pub named: IdempotencyFingerprint,
    pub reply: String,
    /// The answer says what the client is left with, which is known when it has paid.
    pub with_balance: bool,
}

/// A message that is first in its lane, which this node owns: send it.
pub struct LeasedMessage<T> {
    pub message: Message,
    pub head: LaneHead,
    pub lease_ends: Instant,
    /// Counts it among the lanes held in memory.
    pub room: OwnedSemaphorePermit,
    /// The lane was born saying that the provider is being called: the permit to do so, and since when.
    pub call: Option<(T, Millis)>,
    /// The code that it tells at once, where it does.
    pub code: Option<FreshCode>,
}

/// What became of a message.
#[derive(Debug)]
pub enum AcceptResult {
    Stored(Option<ChargeResult>),
    /// The same request came before, and this was its reply.
    Replayed(StoredReply),
    /// Another request came under this key.
    KeyReused,
    /// The recipient wants no texts from this number.
    OptedOut,
    /// Its client cannot pay for it.
    Unpayable,
}

/// What is decided over a message, before its caller is told.
#[derive(Debug)]
pub struct AcceptResultAndLease {
    accepted: AcceptResult,
    leased: Option<NewLaneLease>,
}

impl AcceptResultAndLease {
    pub(in crate::store) fn accepted(&self) -> &AcceptResult {
        &self.accepted
    }
}

/// A lane that is born owned by this node.
#[derive(Debug)]
struct NewLaneLease {
    head: LaneHead,
    room: OwnedSemaphorePermit,
    /// Since when its provider is being called, if it is.
    started_ms: Option<Millis>,
}

impl From<AcceptResult> for AcceptResultAndLease {
    fn from(accepted: AcceptResult) -> Self {
        Self { accepted, leased: None }
    }
}

/// Writes batches of new messages.
pub struct OutboxBatchWriter<T> {
    pub store: Store,
    pub clock: Clock,
    pub owner: LeaseOwner,
    pub lease_ms: Millis,
    /// How many lanes this node may hold in memory.
    pub room: LaneRoom,
    /// Sends what is leased, even when who asked has gone away.
    pub start: Box<dyn Fn(LeasedMessage<T>) + Send + Sync>,
}

/// What the store knows that decides over a batch.
#[derive(Default)]
pub(in crate::store) struct IntakeFacts {
    opted_out: Vec<LaneKey>,
    replies: StoredReplies,
    lanes: HashMap<LaneKey, u128>,
    pub(in crate::store) purse: ChargeBatch,
}

/// The way into the outbox. Whoever accepts messages by it knows nothing of who sends them.
pub struct OutboxEnqueuer(Box<dyn Fn(NewMessage) -> Result<PendingBatchWrite<AcceptResult>> + Send + Sync>);

impl OutboxEnqueuer {
    /// Accepts a message together with its neighbours; returns after their commit.
    pub async fn accept(&self, new: NewMessage) -> Result<AcceptResult> {
        (self.0)(new)?.written().await
    }
}

impl<T: Send + Sync + 'static> OutboxBatchWriter<T> {
    /// Starts its writers. `permit`: to call the provider of a message that is due as soon as it is stored, where that
    /// may be; then one commit says both.
    pub fn open(self, permit: impl Fn(&Message) -> Option<T> + Send + Sync + 'static) -> OutboxEnqueuer {
        let batch = BatchWriter::start_many(self, WRITERS);
        OutboxEnqueuer(Box::new(move |new: NewMessage| batch.send(MessageWithSendPermit::asking(new, &permit))))
    }
}

impl<T> OutboxBatchWriter<T> {
    /// What is known of the recipients, lanes and payers of messages that are accepted in one commit.
    pub(in crate::store) async fn look_up(&self, items: &[&NewMessage]) -> Result<IntakeFacts> {
        if items.is_empty() {
            return Ok(IntakeFacts::default());
        }
        let all = || items.iter().copied();
        let keys: Vec<Value> = all().map(|item| item.lane.into()).collect();
        let people: Vec<Value> = all().flat_map(|item| &item.opt_out).map(Value::from).collect();
        let kept = idempotency::over(all().filter_map(|item| item.kept.as_ref()).map(|kept| &kept.named));
        let mut queries = vec![
            opt_out::stopped(people),
            Query::over("SELECT lane, last_pos FROM sb_lane WHERE lane IN ({})", &[], keys),
        ];
        let mut payers: Vec<Value> =
            all().filter(|item| item.message.cost.is_some()).map(|it| it.message.client.into()).collect();
        payers.dedup();
        if !payers.is_empty() {
            queries.push(ledger::balances(&payers));
        }
        // behind the balances: who sees that a twin has taken the money sees its reply too
        let is_any_kept = kept.is_some();
        queries.extend(kept);
        let mut answers = self.store.look_up(queries).await?;
        let replies =
            if is_any_kept { StoredReplies::of(&answers.pop().unwrap_or_default())? } else { StoredReplies::default() };
        let purse = if payers.is_empty() {
            ChargeBatch::default()
        } else {
            ChargeBatch::of(&answers.pop().unwrap_or_default())?
        };
        let mut known = IntakeFacts { opted_out: Vec::new(), replies, lanes: HashMap::new(), purse };
        known.opted_out = answers[0].iter().map(|row| row.id(0)).collect::<Result<_>>()?;
        for row in &answers[1] {
            known.lanes.insert(row.id(0)?, u128::from_be_bytes(row.array(1)?));
        }
        Ok(known)
    }

    /// Sends a stored message that this node owns.
    pub(in crate::store) fn send_leased(
        &self,
        item: MessageWithSendPermit<T>,
        done: AcceptResultAndLease,
    ) -> AcceptResult {
        if let Some(NewLaneLease { head, room, started_ms }) = done.leased {
            let MessageWithSendPermit { new: NewMessage { message, lease_ends, code, .. }, permit } = item;
            let call = permit.zip(started_ms);
            // that of one that waits is looked up at its turn: its verification may be over
            let code = code.filter(|_| call.is_some());
            (self.start)(LeasedMessage { message, head, lease_ends, room, call, code });
        }
        done.accepted
    }

    /// Lets lanes go that may have been born saying that we call.
    pub(in crate::store) fn free<'a>(&self, items: impl IntoIterator<Item = &'a MessageWithSendPermit<T>>)
    where
        T: 'a,
    {
        let permitted = items.into_iter().filter(|item| item.permit.is_some()).map(|item| &item.new);
        let born: Vec<_> = permitted.map(|item| (item.lane, place(item.lane, item.message.id.bits()))).collect();
        if !born.is_empty() {
            tokio::spawn(uncalled::free(self.store.clone(), self.clock.clone(), self.owner.clone(), born));
        }
    }
}

impl<T: Send + Sync + 'static> BatchWrite for OutboxBatchWriter<T> {
    type Item = MessageWithSendPermit<T>;
    type Done = AcceptResultAndLease;
    type Answer = AcceptResult;

    const TRIES_AGAIN: u32 = 20;

    fn row<'a>(&self, item: &'a MessageWithSendPermit<T>) -> Option<Cow<'a, [u8]>> {
        Some(item.new.lane.as_bytes().into())
    }

    async fn write(&self, items: &[MessageWithSendPermit<T>]) -> Result<Vec<AcceptResultAndLease>> {
        let all: Vec<&NewMessage> = items.iter().map(|item| &item.new).collect();
        let mut known = self.look_up(&all).await?;
        let mut plan = OutboxBatchPlan::at(self.clock.now_ms());
        let mut done: Vec<_> = items.iter().map(|item| plan.take(item, &mut known, &self.room)).collect();
        if let Some(id) = plan.messages.first().and_then(|row| row.first()).cloned() {
            let is_paid = !known.purse.is_empty();
            let change = plan.write(Change::new(), known.purse, &self.owner, self.lease_ms);
            let change = change.settled_by("SELECT 1 FROM sb_message WHERE id = ?", vec![id]);
            let found = self.store.commit_telling(change).await?.found;
            if is_paid {
                settle(items, &mut done, &found)?;
            }
        }
        Ok(done)
    }

    fn finish(&self, item: MessageWithSendPermit<T>, done: AcceptResultAndLease) -> AcceptResult {
        self.send_leased(item, done)
    }

    fn fail(&self, items: Vec<MessageWithSendPermit<T>>) {
        self.free(&items);
    }
}

/// Tells each payer what was left behind their own charge, and a twin in the same batch what its first is told.
fn settle<T>(items: &[MessageWithSendPermit<T>], done: &mut [AcceptResultAndLease], found: &[Row]) -> Result<()> {
    let mut left = ledger::left(found)?;
    let all = || items.iter().map(|item| &item.new);
    for (item, decided) in all().zip(done.iter_mut()).rev() {
        let AcceptResult::Stored(paid) = &mut decided.accepted else { continue };
        let (Some(cost), Some(now)) = (item.message.cost, left.get_mut(&item.message.client)) else { continue };
        *paid = Some(*now);
        now.balance = now.balance.plus(cost).unwrap_or(now.balance);
    }
    let told = all().zip(done.iter()).filter_map(|(item, decided)| match &decided.accepted {
        AcceptResult::Stored(Some(paid)) => Some((item.kept.as_ref()?.named.id, paid.balance)),
        _ => None,
    });
    let told: HashMap<[u8; 32], Money> = told.collect();
    for (item, decided) in all().zip(done) {
        if let (Some(kept), AcceptResult::Replayed(reply)) = (&item.kept, &mut decided.accepted) {
            reply.balance = reply.balance.or_else(|| told.get(&kept.named.id).copied());
        }
    }
    Ok(())
}
