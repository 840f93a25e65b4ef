//! Taking webhooks in: the row is the job, and a repeat finds it there. In batches.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::sync::mpsc::{OwnedPermit, Sender};
use tokio::time::Instant;

use super::{Job, Kind};
use crate::model::{AccountId, Clock, InboundId, Millis};
use crate::store::batch::Write;
use crate::store::{Change, Query, Result, Store, Value};

const INSERT: &str = "INSERT INTO sb_inbound (id, account_id, kind, provider_key, payload, owner, ready_ms, set_ms, tries, \
     received_ms)";

/// A webhook that its provider has proved to be its own.
#[derive(Clone, Debug)]
pub struct New {
    pub id: InboundId,
    pub account: AccountId,
    pub kind: Kind,
    /// What its repeats have in common, at most 96 characters.
    pub key: String,
    /// What must keep its order: the texts of one person, the receipts of one message.
    pub lane: String,
    pub payload: String,
    pub received_ms: Millis,
}

/// Whether it had come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    New,
    Repeat,
}

/// Writes batches of webhooks.
pub struct Intake {
    pub store: Store,
    pub clock: Clock,
    pub owner: String,
    pub lease: Duration,
    /// To this node's worker; what finds no room there waits in the store, free for all.
    pub queue: Sender<Job>,
}

type Key = (AccountId, Kind, String);

impl Intake {
    /// Which of these have come before.
    async fn known(&self, items: &[New]) -> Result<HashSet<Key>> {
        let mut groups: HashMap<(AccountId, Kind), Vec<Value>> = HashMap::new();
        for item in items {
            groups.entry((item.account, item.kind)).or_default().push(item.key.as_str().into());
        }
        let sql = "SELECT provider_key FROM sb_inbound WHERE account_id = ? AND kind = ? AND provider_key IN ({})";
        let groups: Vec<_> = groups.into_iter().collect();
        let queries = groups
            .iter()
            .map(|((account, kind), keys)| Query::over(sql, &[account.hex().into(), kind.name().into()], keys.clone()));
        let answers = self.store.look_up(queries.collect()).await?;
        let mut known = HashSet::new();
        for (((account, kind), _), rows) in groups.iter().zip(&answers) {
            for row in rows {
                known.insert((*account, *kind, row.text(0)?.to_owned()));
            }
        }
        Ok(known)
    }

    fn row(&self, item: &New, is_ours: bool, now_ms: Millis) -> Vec<Value> {
        let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX / 4);
        let owner = is_ours.then_some(self.owner.as_str());
        vec![
            item.id.hex().into(),
            item.account.hex().into(),
            item.kind.name().into(),
            item.key.as_str().into(),
            item.payload.as_str().into(),
            owner.into(),
            (if is_ours { now_ms + lease_ms } else { now_ms }).into(),
            now_ms.into(),
            0.into(),
            item.received_ms.into(),
        ]
    }
}

impl Write for Intake {
    type Item = New;
    type Done = Taken;
    type Answer = Taken;

    fn row<'a>(&self, item: &'a New) -> Option<Cow<'a, str>> {
        Some(item.lane.as_str().into())
    }

    async fn write(&self, items: &[New]) -> Result<Vec<Taken>> {
        let mut known = self.known(items).await?;
        let (now_ms, lease_ends) = (self.clock.now_ms(), Instant::now() + self.lease);
        let (mut rows, mut done) = (Vec::new(), Vec::with_capacity(items.len()));
        let mut jobs: Vec<(OwnedPermit<Job>, Job)> = Vec::new();
        for item in items {
            // a twin in this very batch is a repeat too
            if !known.insert((item.account, item.kind, item.key.clone())) {
                done.push(Taken::Repeat);
                continue;
            }
            let place = self.queue.clone().try_reserve_owned().ok();
            rows.push(self.row(item, place.is_some(), now_ms));
            jobs.extend(place.map(|place| (place, job(item, lease_ends))));
            done.push(Taken::New);
        }
        if let Some(id) = rows.first().and_then(|row| row.first()).cloned() {
            let change = Change::new().insert(INSERT, rows);
            self.store.commit(change.settled_by("SELECT 1 FROM sb_inbound WHERE id = ?", vec![id])).await?;
        }
        // handed over here, so that the order is that of its commits, and no caller who has gone away loses one
        for (place, job) in jobs {
            place.send(job);
        }
        Ok(done)
    }

    fn finish(&self, _item: Self::Item, done: Self::Done) -> Self::Answer {
        done
    }
}

fn job(item: &New, lease_ends: Instant) -> Job {
    let (id, account, kind) = (item.id, item.account, item.kind);
    Job { id, account, kind, payload: item.payload.clone(), received_ms: item.received_ms, lease_ends }
}
