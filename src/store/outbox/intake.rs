//! Accepting messages: the row, its place in its lane, and the reply kept for a repeat, in one commit.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::{CALLING, Head, LANE, WAITING, place, uncalled};
use crate::model::{Clock, Millis};
use crate::store::batch::Write;
use crate::store::event::{self, Told};
use crate::store::message::{self, Message};
use crate::store::{Change, Error, Query, Result, Store, Value};

/// A message to accept. `T` is leave to call its provider at once, if there is.
pub struct New<T> {
    pub message: Message,
    /// Names the pair (from, to), as does the opt-out between them.
    pub lane: String,
    /// When it joins its lane, if not now.
    pub due_ms: Option<Millis>,
    /// The reply to keep for a request that comes again.
    pub kept: Option<Kept>,
    pub told: Told,
    /// Goes to a recipient who has opted out too: it confirms just that.
    pub passes_opt_out: bool,
    /// By whose monotonic clock the lease ends, if its lane is born leased.
    pub lease_ends: Instant,
    pub leave: Option<T>,
}

/// A reply kept under a client's idempotency key.
#[derive(Clone)]
pub struct Kept {
    pub id: String,
    pub request_hash: String,
    pub reply: String,
}

/// A message that is first in its lane, which this node owns: send it.
pub struct Leased<T> {
    pub message: Message,
    pub head: Head,
    pub lease_ends: Instant,
    pub permit: OwnedSemaphorePermit,
    /// The lane was born saying that the provider is being called: leave to do so, and since when.
    pub call: Option<(T, Millis)>,
}

/// What became of a message.
#[derive(Debug)]
pub enum Accepted {
    Stored,
    /// The same request came before, and this was its reply.
    Replayed(String),
    /// Another request came under this key.
    KeyReused,
    /// The recipient wants no texts from this number.
    OptedOut,
}

/// What is decided over a message, before its caller is told.
#[derive(Debug)]
pub enum Decided {
    /// Owned by this node, and since when its provider is being called, if it is.
    Leased {
        head: Head,
        permit: OwnedSemaphorePermit,
        started_ms: Option<Millis>,
    },
    Known(Accepted),
}

/// Writes batches of new messages.
pub struct Intake<T> {
    pub store: Store,
    pub clock: Clock,
    pub owner: String,
    pub lease_ms: Millis,
    /// How many lanes this node may hold in memory.
    pub room: Arc<Semaphore>,
    /// Sends what is leased, even when its caller has gone away.
    pub start: Box<dyn Fn(Leased<T>) + Send + Sync>,
}

/// What the store knows that decides over a batch.
struct Known {
    opted_out: Vec<String>,
    replies: HashMap<String, (String, String)>,
    lanes: HashMap<String, u128>,
}

impl<T> Intake<T> {
    async fn look_up(&self, items: &[New<T>]) -> Result<Known> {
        let mut keys: Vec<Value> = items.iter().map(|item| item.lane.as_str().into()).collect();
        keys.dedup();
        let kept: Vec<Value> =
            items.iter().filter_map(|item| item.kept.as_ref()).map(|k| k.id.as_str().into()).collect();
        let mut queries = vec![
            Query::over("SELECT id FROM sb_opt_out WHERE is_out = 1 AND id IN ({})", &[], &keys),
            Query::over("SELECT lane, last_pos FROM sb_lane WHERE lane IN ({})", &[], &keys),
        ];
        if !kept.is_empty() {
            queries.push(Query::over(
                "SELECT id, request_hash, reply FROM sb_idempotency WHERE id IN ({})",
                &[],
                &kept,
            ));
        }
        let answers = self.store.look_up(queries).await?;
        let mut known = Known { opted_out: Vec::new(), replies: HashMap::new(), lanes: HashMap::new() };
        for row in &answers[0] {
            known.opted_out.push(row.text(0)?.to_owned());
        }
        for row in &answers[1] {
            let last = u128::from_str_radix(row.text(1)?, 16).map_err(|_| Error::Data("position".into()))?;
            known.lanes.insert(row.text(0)?.to_owned(), last);
        }
        for row in answers.get(2).into_iter().flatten() {
            known.replies.insert(row.text(0)?.to_owned(), (row.text(1)?.to_owned(), row.text(2)?.to_owned()));
        }
        Ok(known)
    }
}

impl<T: Send + Sync + 'static> Write for Intake<T> {
    type Item = New<T>;
    type Done = Decided;
    type Answer = Accepted;

    const TRIES_AGAIN: u32 = 20;

    async fn write(&self, items: &[New<T>]) -> Result<Vec<Decided>> {
        let mut known = self.look_up(items).await?;
        let mut plan = Plan { now_ms: self.clock.now_ms(), ..Plan::default() };
        let mut done = Vec::with_capacity(items.len());
        for item in items {
            done.push(plan.take(item, &mut known, &self.room));
        }
        if let Some(id) = plan.messages.first().and_then(|row| row.first()).cloned() {
            let change = plan.change(&self.owner, self.lease_ms);
            self.store.commit(change.settled_by("SELECT 1 FROM sb_message WHERE id = ?", vec![id])).await?;
        }
        Ok(done)
    }

    fn finish(&self, item: New<T>, done: Decided) -> Accepted {
        let (head, permit, started_ms) = match done {
            Decided::Known(accepted) => return accepted,
            Decided::Leased { head, permit, started_ms } => (head, permit, started_ms),
        };
        let New { message, lease_ends, leave, .. } = item;
        (self.start)(Leased { message, head, lease_ends, permit, call: leave.zip(started_ms) });
        Accepted::Stored
    }

    fn fail(&self, items: Vec<New<T>>) {
        let with_leave = items.into_iter().filter(|item| item.leave.is_some());
        let born: Vec<_> = with_leave.map(|item| (place(&item.lane, item.message.id.bits()), item.lane)).collect();
        if !born.is_empty() {
            let born = born.into_iter().map(|(place, lane)| (lane, place)).collect();
            tokio::spawn(uncalled::free(self.store.clone(), self.clock.clone(), self.owner.clone(), born));
        }
    }
}

/// The reply kept under a key, with the hash of its request.
pub async fn kept(store: &Store, id: &str) -> Result<Option<(String, String)>> {
    let sql = "SELECT request_hash, reply FROM sb_idempotency WHERE id = ?";
    let rows = store.query(sql, vec![id.into()]).await?;
    rows.first().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).transpose()
}

/// The rows of one batch.
#[derive(Default)]
struct Plan {
    now_ms: Millis,
    messages: Vec<Vec<Value>>,
    places: Vec<Vec<Value>>,
    scheduled: Vec<Vec<Value>>,
    kept: Vec<Vec<Value>>,
    told: Told,
    /// Lanes of this batch: whether they are new, owned by us, how many join, and their last position.
    lanes: HashMap<String, Joining>,
}

struct Joining {
    is_new: bool,
    is_ours: bool,
    /// Its first message's provider is called as soon as this is written.
    is_calling: bool,
    count: i64,
    last: u128,
}

impl Plan {
    fn take<T>(&mut self, item: &New<T>, known: &mut Known, room: &Arc<Semaphore>) -> Decided {
        let known_reply = item.kept.as_ref().and_then(|kept| Some((kept, known.replies.get(&kept.id)?)));
        if let Some((kept, (request_hash, reply))) = known_reply {
            let is_same = *request_hash == kept.request_hash;
            return Decided::Known(if is_same { Accepted::Replayed(reply.clone()) } else { Accepted::KeyReused });
        }
        if known.opted_out.contains(&item.lane) && !item.passes_opt_out {
            return Decided::Known(Accepted::OptedOut);
        }
        if let Some(kept) = &item.kept {
            let (id, hash, reply) = (kept.id.clone(), kept.request_hash.clone(), kept.reply.clone());
            let of = item.message.id.hex().into();
            self.kept.push(vec![
                id.as_str().into(),
                hash.as_str().into(),
                reply.as_str().into(),
                of,
                self.now_ms.into(),
            ]);
            // a twin in this very batch gets the same reply
            known.replies.insert(id, (hash, reply));
        }
        self.messages.push(item.message.values());
        self.told.new.extend_from_slice(&item.told.new);
        self.told.targets.extend_from_slice(&item.told.targets);
        if let Some(due_ms) = item.due_ms {
            self.scheduled.push(vec![item.message.id.hex().into(), due_ms.into()]);
            return Decided::Known(Accepted::Stored);
        }
        self.join(item, known, room)
    }

    fn join<T>(&mut self, item: &New<T>, known: &Known, room: &Arc<Semaphore>) -> Decided {
        let mut permit = None;
        let joining = self.lanes.entry(item.lane.clone()).or_insert_with(|| {
            let last = known.lanes.get(&item.lane).copied();
            if last.is_none() {
                permit = room.clone().try_acquire_owned().ok();
            }
            let is_calling = permit.is_some() && item.leave.is_some();
            Joining { is_new: last.is_none(), is_ours: permit.is_some(), is_calling, count: 0, last: last.unwrap_or(0) }
        });
        joining.count += 1;
        // behind all that stand there, whatever another node's clock says
        joining.last = (joining.last + 1).max(item.message.id.bits());
        let place = place(&item.lane, joining.last);
        self.places.push(vec![place.as_str().into(), item.message.id.hex().into()]);
        let Some(permit) = permit else { return Decided::Known(Accepted::Stored) };
        let head = Head { lane: item.lane.clone(), place, message: item.message.id };
        Decided::Leased { head, permit, started_ms: joining.is_calling.then_some(self.now_ms) }
    }

    fn change(self, owner: &str, lease_ms: Millis) -> Change {
        let now_ms = self.now_ms;
        let mut change = Change::new().insert(message::INSERT, self.messages);
        change = join_lanes(change, self.lanes, owner, now_ms, lease_ms);
        let change = change
            .insert("INSERT INTO sb_outbox (place, message_id)", self.places)
            .insert("INSERT INTO sb_schedule (message_id, due_ms)", self.scheduled)
            .insert("INSERT INTO sb_idempotency (id, request_hash, reply, message_id, created_ms)", self.kept);
        event::add(change, &self.told.new, &self.told.targets, now_ms)
    }
}

/// New lanes are born leased where this node has room; lanes that are there count who joins them.
fn join_lanes(
    mut change: Change,
    lanes: HashMap<String, Joining>,
    owner: &str,
    now_ms: Millis,
    lease_ms: Millis,
) -> Change {
    let mut born = Vec::new();
    let mut joined: HashMap<i64, (u128, Vec<Value>)> = HashMap::new();
    for (lane, joining) in lanes {
        debug_assert_eq!(lane.len(), LANE);
        if joining.is_new {
            let (owner, ready_ms) =
                if joining.is_ours { (Value::from(owner), now_ms + lease_ms) } else { (Value::Null, now_ms) };
            let called_ms = joining.is_calling.then_some(now_ms);
            born.push(vec![
                lane.into(),
                owner,
                ready_ms.into(),
                (if joining.is_calling { CALLING } else { WAITING }).into(),
                joining.count.into(),
                format!("{:032x}", joining.last).into(),
                0.into(),
                i64::from(joining.is_calling).into(),
                called_ms.into(),
                called_ms.into(),
            ]);
        } else {
            let (last, keys) = joined.entry(joining.count).or_default();
            *last = joining.last.max(*last);
            keys.push(lane.into());
        }
    }
    let into = "INSERT INTO sb_lane (lane, owner, ready_ms, phase, waiting, last_pos, version, tries, first_ms, \
                started_ms)";
    change = change.insert(into, born);
    for (count, (last, keys)) in joined {
        let last = Value::from(format!("{last:032x}"));
        change = change.each(
            "UPDATE sb_lane SET waiting = waiting + ?, last_pos = CASE WHEN last_pos < ? THEN ? ELSE last_pos END \
             WHERE lane IN ({})",
            &[count.into(), last.clone(), last],
            &keys,
        );
    }
    change
}
