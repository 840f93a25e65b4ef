//! What came of a call: the attempt, the message's new state, and the lane for its next message, in one commit.

use std::time::Duration;

use super::{LaneHead, UNKNOWN, WAITING, place};
use crate::model::message::MessageState;
use crate::model::{Clock, LaneKey, MessageId, Millis, VerificationId};
use crate::store::batch::BatchWrite;
use crate::store::event::PendingEvents;
use crate::store::lease::LeaseOwner;
use crate::store::ledger;
use crate::store::message::{INSERT_ATTEMPT, Message, SendAttempt, states_before};
use crate::store::{Change, Query, Result, Store, Value, code, delivery, params};

/// How a message goes on.
#[derive(Clone, Debug)]
pub enum NextStep {
    /// It has left the outbox.
    Over { state: MessageState, code: Option<i64>, reason: Option<String> },
    /// Another call later.
    Again { ready_ms: Millis, aside: bool },
    /// What became of the call is unknown: look it up later.
    LookUp { ready_ms: Millis, aside: bool },
}

/// What came of a message's call, or of its wait.
#[derive(Clone, Debug)]
pub struct LaneHeadOutcome {
    pub head: LaneHead,
    /// A call that was made; not there when it expired or was refused before one.
    pub attempt: Option<SendAttempt>,
    /// The attempt that was in doubt, now known to have reached the provider.
    pub adopted: Option<ReconciledAttempt>,
    pub next: NextStep,
    pub told: PendingEvents,
    /// The message, where it has come to nothing and was paid for.
    pub refund: Option<Box<Message>>,
    /// The verification whose code it was to tell, where it has failed.
    pub untold: Option<VerificationId>,
}

#[derive(Clone, Debug)]
pub struct ReconciledAttempt {
    pub number: i64,
    pub provider_id: String,
}

/// Writes batches of outcomes. `true`: more messages wait in the lane, which is still ours.
pub struct LaneHeadOutcomeWriter {
    pub store: Store,
    pub clock: Clock,
    pub owner: LeaseOwner,
}

impl BatchWrite for LaneHeadOutcomeWriter {
    type Item = LaneHeadOutcome;
    type Done = bool;
    type Answer = bool;

    // nobody waits for these but the next message of the same pair: under load they make room for others
    // a cancel may have come between the two statements that let a lane go
    const TRIES_AGAIN: u32 = 3;
    const ITEMS: usize = 512;
    const LINGER: Duration = Duration::from_millis(10);

    /// A server's commit costs both machines so much that few already wait for company.
    fn many(&self) -> usize {
        if self.store.is_shared() { 8 } else { Self::ITEMS / 4 }
    }

    async fn write(&self, items: &[LaneHeadOutcome]) -> Result<Vec<bool>> {
        let now_ms = self.clock.now_ms();
        let attempts = items.iter().filter_map(|item| Some(item.attempt.as_ref()?.values(item.head.message))).collect();
        // verifications before lanes, as when they are made: or they would wait for each other
        let mut change = items.iter().fold(Change::new(), |change, item| match item.untold {
            Some(verification) => code::send_failed(change, item.head.message, verification, now_ms),
            None => change,
        });
        change = change.insert(INSERT_ATTEMPT, attempts);
        change = Self::sent(change, items, now_ms);
        let (over, waiting): (Vec<&LaneHeadOutcome>, Vec<&LaneHeadOutcome>) =
            items.iter().partition(|item| matches!(item.next, NextStep::Over { .. }));
        for item in &over {
            change = self.one(change, item, now_ms);
        }
        for item in &waiting {
            change = self.one(change, item, now_ms);
        }
        let places: Vec<Value> = over.iter().map(|item| item.head.place.into()).collect();
        change = change.each("DELETE FROM sb_outbox WHERE place IN ({})", &[], &places);
        let before = change.statements();
        change = self.leave(change, &over);
        let leaving = before..change.statements();
        let new = items.iter().flat_map(|item| item.told.new.iter().cloned()).collect();
        let targets = items.iter().flat_map(|item| item.told.targets.iter().copied()).collect();
        change = delivery::add(change, &PendingEvents { new, targets }, now_ms);
        // balances behind lanes, as in the intake: or they would wait for each other
        change = ledger::refund(change, items.iter().filter_map(|item| item.refund.as_deref()), now_ms);
        if let Some((head, attempt)) = items.iter().find_map(|item| Some((&item.head, item.attempt.as_ref()?))) {
            let sql = "SELECT 1 FROM sb_attempt WHERE message_id = ? AND number = ?";
            change = change.settled_by(sql, params![head.message, attempt.number]);
        }
        let touched = self.store.commit_telling(change).await?.touched;
        // lanes that are not empty were touched by the second of each two statements
        let stay = touched.get(leaving).map(|touched| touched.iter().skip(1).step_by(2).sum::<u64>());
        if stay == Some(0) { Ok(vec![false; items.len()]) } else { self.still_ours(items).await }
    }

    fn finish(&self, _item: Self::Item, done: Self::Done) -> Self::Answer {
        done
    }
}

impl LaneHeadOutcomeWriter {
    /// The usual end, set-based: a provider has taken them.
    fn sent(change: Change, items: &[LaneHeadOutcome], now_ms: Millis) -> Change {
        let is_sent = |item: &&LaneHeadOutcome| matches!(item.next, NextStep::Over { state: MessageState::Sent, .. });
        let ids: Vec<Value> = items.iter().filter(is_sent).map(|item| item.head.message.into()).collect();
        let before = states_before("state", MessageState::Sent);
        // a receipt may have been quicker: then it stays delivered
        let sql = format!("UPDATE sb_message SET state = ?, changed_ms = ? WHERE {before} AND id IN ({{}})");
        change.any(&sql, &[MessageState::Sent.name().into(), now_ms.into()], &ids)
    }

    /// What is seldom enough to be written one by one.
    fn one(&self, mut change: Change, item: &LaneHeadOutcome, now_ms: Millis) -> Change {
        if let Some(adopted) = &item.adopted {
            let sql = "UPDATE sb_attempt SET outcome = 'adopted', provider_id = ? WHERE message_id = ? AND number = ?";
            change = change.run(sql, params![adopted.provider_id.as_str(), item.head.message, adopted.number]);
        }
        let message = Value::from(item.head.message);
        match &item.next {
            NextStep::Over { state: MessageState::Sent, .. } => change,
            NextStep::Over { state, code, reason } => {
                let sql = format!(
                    "UPDATE sb_message SET state = ?, error_code = ?, error_reason = ?, changed_ms = ? \
                     WHERE id = ? AND {}",
                    states_before("state", *state)
                );
                let reason = reason.as_deref().map(|reason| reason.chars().take(255).collect::<String>());
                change.run(sql, params![state.name(), *code, reason, now_ms, message])
            }
            NextStep::Again { ready_ms, aside } => self.wait(change, item, WAITING, *ready_ms, *aside, now_ms),
            NextStep::LookUp { ready_ms, aside } => self.wait(change, item, UNKNOWN, *ready_ms, *aside, now_ms),
        }
    }

    /// Lets go of the lane until `ready_ms`; a message that has held it too long steps aside into a lane of its own.
    fn wait(
        &self,
        change: Change,
        item: &LaneHeadOutcome,
        phase: i64,
        ready_ms: Millis,
        aside: bool,
        now_ms: Millis,
    ) -> Change {
        let before = states_before("state", MessageState::Sending);
        let sql = format!("UPDATE sb_message SET state = ?, changed_ms = ? WHERE id = ? AND {before}");
        let change = change.run(sql, params![MessageState::Sending.name(), now_ms, item.head.message]);
        let (lane, owner) = (Value::from(item.head.lane), Value::from(&self.owner));
        if !aside {
            let sql = "UPDATE sb_lane SET phase = ?, owner = NULL, ready_ms = ?, set_ms = ?, version = version + 1 \
                       WHERE lane = ? AND owner = ?";
            return change.one(sql, params![phase, ready_ms, now_ms, lane, owner]);
        }
        let own = LaneKey::own(item.head.message);
        let place = place(own, item.head.message.bits());
        let open = "INSERT INTO sb_lane (lane, owner, ready_ms, set_ms, phase, waiting, last_pos, version, tries, \
                    first_ms, started_ms) SELECT ?, NULL, ?, ?, ?, 1, ?, 0, tries, first_ms, started_ms FROM sb_lane \
                    WHERE lane = ? AND owner = ?";
        let leave = "UPDATE sb_lane SET phase = ?, owner = NULL, ready_ms = ?, set_ms = ?, version = version + 1, \
                     tries = 0, first_ms = NULL, waiting = waiting - 1 WHERE lane = ? AND owner = ? AND waiting > 1";
        change
            .one(open, params![own, ready_ms, now_ms, phase, item.head.message, lane.clone(), owner.clone()])
            .one("INSERT INTO sb_outbox (place, message_id) VALUES (?, ?)", params![place, item.head.message])
            .one("DELETE FROM sb_outbox WHERE place = ?", params![item.head.place])
            .one(leave, params![WAITING, now_ms, now_ms, lane, owner])
    }

    /// Takes messages that are over out of their lanes; empty lanes are over too.
    fn leave(&self, change: Change, over: &[&LaneHeadOutcome]) -> Change {
        let lanes: Vec<Value> = over.iter().map(|item| item.head.lane.into()).collect();
        let owner = [Value::from(&self.owner)];
        // every one: a lane that another owns by now counts its messages itself
        change.either(
            "DELETE FROM sb_lane WHERE owner = ? AND waiting = 1 AND lane IN ({})",
            "UPDATE sb_lane SET waiting = waiting - 1, phase = 0, tries = 0, first_ms = NULL, version = version + 1 \
             WHERE owner = ? AND waiting > 1 AND lane IN ({})",
            &owner,
            &lanes,
        )
    }

    /// In which lanes more messages wait for this node.
    async fn still_ours(&self, items: &[LaneHeadOutcome]) -> Result<Vec<bool>> {
        let lanes: Vec<Value> = items.iter().map(|item| item.head.lane.into()).collect();
        let sql = "SELECT lane FROM sb_lane WHERE owner = ? AND lane IN ({})";
        let rows = self.store.look_up(vec![Query::over(sql, &[Value::from(&self.owner)], lanes)]).await?.concat();
        let ours = rows.iter().map(|row| row.id(0)).collect::<Result<Vec<LaneKey>>>()?;
        Ok(items.iter().map(|item| ours.contains(&item.head.lane)).collect())
    }
}

/// Whether an outcome was written, for whoever lost the store before it could answer.
pub async fn is_written(store: &Store, outcome: &LaneHeadOutcome) -> Result<bool> {
    let Some(attempt) = &outcome.attempt else {
        let sql = "SELECT 1 FROM sb_outbox WHERE place = ?";
        return Ok(store.query(sql, params![outcome.head.place]).await?.is_empty());
    };
    is_recorded(store, outcome.head.message, attempt.number).await
}

/// Whether an attempt has been written, by whoever made it or has taken its lane since.
pub async fn is_recorded(store: &Store, message: MessageId, number: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM sb_attempt WHERE message_id = ? AND number = ?";
    Ok(!store.query(sql, params![message, number]).await?.is_empty())
}

/// Keeps the answer to a call whose lane has been lost since: the attempt alone. Whoever owns the
/// lane now looks for it before sending again.
pub async fn late(store: &Store, outcome: &LaneHeadOutcome) -> Result<()> {
    let Some(attempt) = &outcome.attempt else { return Ok(()) };
    let message = outcome.head.message;
    let insert = Change::new().insert(INSERT_ATTEMPT, vec![attempt.values(message)]);
    match store.commit(insert).await {
        // recorded as lost meanwhile
        Err(error) if error.is_race() => {
            let sql = "UPDATE sb_attempt SET outcome = ?, provider_id = ?, code = ?, ended_ms = ? \
                       WHERE message_id = ? AND number = ? AND provider_id IS NULL";
            let (outcome, id) = (attempt.outcome.name(), attempt.provider_id.clone());
            let values = params![outcome, id, attempt.code, attempt.ended_ms, message, attempt.number];
            store.commit(Change::new().run(sql, values)).await
        }
        other => other,
    }
}
