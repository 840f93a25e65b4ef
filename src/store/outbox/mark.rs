//! About to call a provider: the lane says so, durably, before the call is made. After a crash
//! only such lanes are in doubt.

use super::{CALLING, LaneHead};
use crate::model::{Clock, LaneKey, Millis};
use crate::store::batch::BatchWrite;
use crate::store::lease::LeaseOwner;
use crate::store::{Change, Result, Store, Value, opt_out, params};

/// A message about to be sent.
#[derive(Clone)]
pub struct SendingMark {
    pub head: LaneHead,
    /// The lease ends too soon for a call: take it anew.
    pub is_stale: bool,
    /// The keys under which its recipient may have opted out.
    pub opt_out: Vec<LaneKey>,
    /// Goes to a recipient who has opted out too.
    pub passes_opt_out: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendingMarkResult {
    /// Call the provider now; the time is that of the attempt.
    Call { started_ms: Millis },
    /// The recipient has opted out since it was accepted.
    OptedOut,
}

/// Writes batches of marks. [`crate::store::Error::Guard`]: the lane is no longer ours.
pub struct SendingMarks {
    pub store: Store,
    pub clock: Clock,
    pub owner: LeaseOwner,
    pub lease_ms: Millis,
}

impl BatchWrite for SendingMarks {
    type Item = SendingMark;
    type Done = SendingMarkResult;
    type Answer = SendingMarkResult;

    async fn write(&self, items: &[SendingMark]) -> Result<Vec<SendingMarkResult>> {
        let keys: Vec<Value> = items.iter().flat_map(|item| &item.opt_out).map(Value::from).collect();
        let answers = self.store.look_up(vec![opt_out::stopped(keys)]).await?.concat();
        let opted_out = answers.iter().map(|row| row.id(0)).collect::<Result<Vec<LaneKey>>>()?;
        let may_not =
            |item: &SendingMark| !item.passes_opt_out && item.opt_out.iter().any(|key| opted_out.contains(key));
        let now_ms = self.clock.now_ms();
        let keys = |is_stale: bool| -> Vec<Value> {
            let ours = items.iter().filter(|item| item.is_stale == is_stale && !may_not(item));
            ours.map(|item| item.head.lane.into()).collect()
        };
        let common = "phase = ?, started_ms = ?, first_ms = CASE WHEN first_ms <= ? THEN first_ms ELSE ? END, tries = tries + 1, version = version + 1";
        let rest = "WHERE owner = ? AND phase <> ? AND lane IN ({})";
        let (now, owner) = (Value::from(now_ms), Value::from(&self.owner));
        let begin = params![CALLING, now.clone(), now.clone(), now.clone()];
        let held = params![owner.clone(), CALLING];
        let (fresh, stale) = (keys(false), keys(true));
        let ours = items.iter().filter(|item| !may_not(item));
        let places: Vec<Value> = ours.map(|item| item.head.place.into()).collect();
        let marked = fresh.first().or(stale.first()).cloned();
        let change = Change::new()
            // changes nothing, but finds and locks them: a canceled message's driver may still be about,
            // while this very node owns the lane for the next one
            .each("UPDATE sb_outbox SET message_id = message_id WHERE place IN ({})", &[], &places)
            .each(&format!("UPDATE sb_lane SET {common} {rest}"), &[begin.clone(), held.clone()].concat(), &fresh)
            .each(
                &format!("UPDATE sb_lane SET {common}, ready_ms = ?, set_ms = ? {rest}"),
                &[begin, params![now_ms + self.lease_ms, now.clone()], held].concat(),
                &stale,
            );
        if let Some(lane) = marked {
            let sql = "SELECT 1 FROM sb_lane WHERE lane = ? AND owner = ? AND phase = ? AND started_ms = ?";
            self.store.commit(change.settled_by(sql, params![lane, owner, CALLING, now])).await?;
        }
        let answer = |item: &SendingMark| {
            if may_not(item) { SendingMarkResult::OptedOut } else { SendingMarkResult::Call { started_ms: now_ms } }
        };
        Ok(items.iter().map(answer).collect())
    }

    fn finish(&self, _item: Self::Item, done: Self::Done) -> Self::Answer {
        done
    }
}

/// When this node marked a message, if it did: for whoever lost the store before it could answer.
pub async fn marked(store: &Store, owner: &LeaseOwner, head: &LaneHead) -> Result<Option<Millis>> {
    let sql = "SELECT l.started_ms FROM sb_lane l JOIN sb_outbox o ON o.place = ? \
               WHERE l.lane = ? AND l.owner = ? AND l.phase = ?";
    let params = params![head.place, head.lane, owner, CALLING];
    Ok(store.first(sql, params).await?.flatten())
}
