//! What a batch of new messages writes, decided from what the store knows.

use std::collections::HashMap;

use super::{
    AcceptResult, AcceptResultAndLease, IdempotencyRecord, IntakeFacts, MessageWithSendPermit, NewLaneLease, NewMessage,
};
use crate::model::{Channel, ClientId, LaneKey, Millis, Money};
use crate::store::event::{self, PendingEvents};
use crate::store::idempotency::FoundRequest;
use crate::store::lease::LeaseOwner;
use crate::store::ledger::ChargeBatch;
use crate::store::message::{self, address};
use crate::store::outbox::{CALLING, LaneHead, LaneRoom, WAITING, place};
use crate::store::{Change, Value, audit, call, callback, delivery, params};

/// Messages that are accepted together or not at all: which of them is refused, and what becomes of it.
#[derive(Debug)]
pub(in crate::store) struct GroupRefusal {
    pub(in crate::store) nth: usize,
    pub(in crate::store) why: AcceptResult,
}

/// The rows of one batch.
#[derive(Default)]
pub(in crate::store) struct OutboxBatchPlan {
    now_ms: Millis,
    pub(super) messages: Vec<Vec<Value>>,
    addresses: Vec<Vec<Value>>,
    places: Vec<Vec<Value>>,
    scheduled: Vec<Vec<Value>>,
    kept: Vec<Vec<Value>>,
    balances: Vec<IdempotentReplyBalance>,
    calls: Vec<Vec<Value>>,
    callbacks: Vec<Vec<Value>>,
    entries: Vec<Vec<Value>>,
    told: PendingEvents,
    /// Lanes of this batch: whether they are new, owned by us, how many join, and their last position.
    lanes: HashMap<LaneKey, LaneAppendPlan>,
}

/// A kept reply that says what its client was left with.
struct IdempotentReplyBalance {
    id: [u8; 32],
    client: ClientId,
    /// What it paid behind this one, in this batch.
    later: Money,
}

struct LaneAppendPlan {
    is_new: bool,
    is_ours: bool,
    /// Its first message's provider is called as soon as this is written.
    is_calling: bool,
    count: i64,
    last: u128,
}

impl OutboxBatchPlan {
    pub(in crate::store) fn at(now_ms: Millis) -> Self {
        Self { now_ms, ..Self::default() }
    }

    /// Takes messages together or not at all. None has a reply to keep: that is for whoever groups them.
    pub(in crate::store) fn take_all<T>(
        &mut self,
        items: &[MessageWithSendPermit<T>],
        known: &mut IntakeFacts,
        room: &LaneRoom,
    ) -> Result<Vec<AcceptResultAndLease>, GroupRefusal> {
        if let Some(nth) = items.iter().position(|item| known.is_out(&item.new)) {
            return Err(GroupRefusal { nth, why: AcceptResult::OptedOut });
        }
        if let Some(nth) = known.purse.first_unpaid(items.iter().map(|item| &item.new.message)) {
            return Err(GroupRefusal { nth, why: AcceptResult::Unpayable });
        }
        Ok(items.iter().map(|item| self.take(item, known, room)).collect())
    }

    /// Tells of something else in the same commit.
    pub(in crate::store) fn tell(&mut self, told: &PendingEvents) {
        self.told.new.extend_from_slice(&told.new);
        self.told.targets.extend_from_slice(&told.targets);
    }

    /// Takes one by itself.
    pub(in crate::store) fn take<T>(
        &mut self,
        item: &MessageWithSendPermit<T>,
        known: &mut IntakeFacts,
        room: &LaneRoom,
    ) -> AcceptResultAndLease {
        let (item, may_call) = (&item.new, item.permit.is_some());
        match item.kept.as_ref().and_then(|kept| known.replies.find(&kept.named)) {
            Some(FoundRequest::Same(reply)) => return AcceptResult::Replayed(reply).into(),
            Some(FoundRequest::Other) => return AcceptResult::KeyReused.into(),
            None => {}
        }
        if known.is_out(item) {
            return AcceptResult::OptedOut.into();
        }
        if !known.purse.pays(&item.message, self.now_ms) {
            return AcceptResult::Unpayable.into();
        }
        self.keep(item, known);
        let told = event::counted(&item.told.new).get(&item.message.id).copied();
        self.messages.push(item.message.values(told.unwrap_or(0)));
        self.addresses.push(item.message.addresses());
        if item.message.channel == Channel::Voice {
            self.calls.push(call::values(item.message.id));
        }
        let callback = item.callback.clone();
        self.callbacks.extend(callback.map(|url| params![item.message.id, url]));
        self.entries.extend(item.entry.as_ref().map(audit::AuditEntry::values));
        self.tell(&item.told);
        if item.is_placed() {
            return AcceptResult::Stored(None).into();
        }
        if let Some(due_ms) = item.due_ms {
            self.scheduled.push(params![item.message.id, due_ms]);
            return AcceptResult::Stored(None).into();
        }
        self.join(item, may_call, known, room)
    }

    /// Keeps the reply for a request that comes again.
    fn keep(&mut self, item: &NewMessage, known: &mut IntakeFacts) {
        let (client, cost) = (item.message.client, item.message.cost.unwrap_or_default());
        // what was told to who came before was told without this charge
        for told in self.balances.iter_mut().filter(|told| told.client == client) {
            told.later = told.later.plus(cost).unwrap_or(told.later);
        }
        let Some(IdempotencyRecord { named, reply, with_balance }) = &item.kept else { return };
        self.kept.push(params![named.id, named.hash, reply.as_str(), item.message.id, self.now_ms]);
        if *with_balance {
            self.balances.push(IdempotentReplyBalance { id: named.id, client, later: Money::ZERO });
        }
        known.replies.add(named, reply);
    }

    fn join(
        &mut self,
        item: &NewMessage,
        may_call: bool,
        known: &IntakeFacts,
        room: &LaneRoom,
    ) -> AcceptResultAndLease {
        let mut held = None;
        let joining = self.lanes.entry(item.lane).or_insert_with(|| {
            let last = known.lanes.get(&item.lane).copied();
            if last.is_none() {
                held = room.take(&item.message);
            }
            let is_calling = held.is_some() && may_call;
            LaneAppendPlan {
                is_new: last.is_none(),
                is_ours: held.is_some(),
                is_calling,
                count: 0,
                last: last.unwrap_or(0),
            }
        });
        joining.count += 1;
        // behind all that stand there, whatever another node's clock says
        joining.last = (joining.last + 1).max(item.message.id.bits());
        let position = place(item.lane, joining.last);
        self.places.push(params![position, item.message.id]);
        let Some(room) = held else { return AcceptResult::Stored(None).into() };
        let first = LaneHead { lane: item.lane, place: position, message: item.message.id };
        let started_ms = joining.is_calling.then_some(self.now_ms);
        AcceptResultAndLease {
            accepted: AcceptResult::Stored(None),
            leased: Some(NewLaneLease { head: first, room, started_ms }),
        }
    }

    /// Adds all of it to a change; nothing may come behind it but what looks at what was done.
    pub(in crate::store) fn write(
        self,
        change: Change,
        purse: ChargeBatch,
        owner: &LeaseOwner,
        lease_ms: Millis,
    ) -> Change {
        let now_ms = self.now_ms;
        let mut change = change.insert(message::INSERT, self.messages).insert(address::INSERT, self.addresses);
        change = join_lanes(change, self.lanes, owner, now_ms, lease_ms);
        let change = change
            .insert("INSERT INTO sb_outbox (place, message_id)", self.places)
            .insert("INSERT INTO sb_schedule (message_id, due_ms)", self.scheduled)
            .insert(call::INSERT, self.calls)
            .insert(callback::INSERT, self.callbacks)
            .insert(audit::INSERT, self.entries)
            .insert("INSERT INTO sb_idempotency (id, request_hash, reply, message_id, created_ms)", self.kept);
        let change = purse.pay(delivery::add_first(change, &self.told, now_ms));
        self.balances.into_iter().fold(change, |change, IdempotentReplyBalance { id, client, later }| {
            let sql = "UPDATE sb_idempotency SET balance = (SELECT balance FROM sb_balance WHERE client_id = ?) + ? \
                       WHERE id = ?";
            change.run(sql, params![client, later, id])
        })
    }
}

impl IntakeFacts {
    /// Whether its recipient wants nothing from its number, and is not to be told just that.
    fn is_out(&self, item: &NewMessage) -> bool {
        !item.passes_opt_out && item.opt_out.iter().any(|key| self.opted_out.contains(key))
    }
}

/// New lanes are born leased where this node has room; lanes that are there count who joins them.
fn join_lanes(
    mut change: Change,
    lanes: HashMap<LaneKey, LaneAppendPlan>,
    owner: &LeaseOwner,
    now_ms: Millis,
    lease_ms: Millis,
) -> Change {
    let mut born = Vec::new();
    let mut joined: HashMap<i64, (u128, Vec<Value>)> = HashMap::new();
    for (lane, joining) in lanes {
        if joining.is_new {
            let (owner, ready_ms) =
                if joining.is_ours { (Value::from(owner), now_ms + lease_ms) } else { (Value::Null, now_ms) };
            let called_ms = joining.is_calling.then_some(now_ms);
            born.push(params![
                lane,
                owner,
                ready_ms,
                now_ms,
                if joining.is_calling { CALLING } else { WAITING },
                joining.count,
                joining.last.to_be_bytes(),
                0,
                joining.is_calling,
                called_ms,
                called_ms,
            ]);
        } else {
            let (last, keys) = joined.entry(joining.count).or_default();
            *last = joining.last.max(*last);
            keys.push(lane.into());
        }
    }
    let into = "INSERT INTO sb_lane (lane, owner, ready_ms, set_ms, phase, waiting, last_pos, version, tries, first_ms, \
                started_ms)";
    change = change.insert(into, born);
    for (count, (last, keys)) in joined {
        let last = Value::from(last.to_be_bytes());
        change = change.each(
            "UPDATE sb_lane SET waiting = waiting + ?, last_pos = CASE WHEN last_pos < ? THEN ? ELSE last_pos END \
             WHERE lane IN ({})",
            &[count.into(), last.clone(), last],
            &keys,
        );
    }
    change
}
