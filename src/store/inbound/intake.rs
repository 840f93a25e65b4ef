//! Taking webhooks in: the row is the job, and a repeat finds it there. In batches.
//!
//! A signature is taken once: its row stands for as long as any, and nothing else is taken with it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::sync::mpsc::{OwnedPermit, Sender};
use tokio::time::Instant;

use super::{LeasedWebhook, WebhookJobContent, WebhookKind};
use crate::model::{AccountId, Clock, InboundId, Millis};
use crate::store::batch::BatchWrite;
use crate::store::lease::LeaseOwner;
use crate::store::{Change, Query, Result, Store, Value, params};

const INSERT: &str = "INSERT INTO sb_inbound (id, account_id, kind, provider_key, payload, owner, ready_ms, set_ms, tries, \
     received_ms, signature_hash, fields_hash)";
/// How those that came before are known.
const BY_KEY: &str = "SELECT provider_key, signature_hash, fields_hash FROM sb_inbound WHERE account_id = ? AND kind = ? \
     AND provider_key IN ({})";
const BY_SIGNATURE: &str =
    "SELECT provider_key, signature_hash, fields_hash FROM sb_inbound WHERE signature_hash IN ({})";

/// A webhook that its provider has proved to be its own.
#[derive(Clone, Debug)]
pub struct NewWebhook<R> {
    pub id: InboundId,
    pub account: AccountId,
    pub kind: WebhookKind,
    /// What its repeats have in common, at most 96 characters.
    pub key: String,
    /// What must keep its order: the texts of one person, the receipts of one message.
    pub lane: String,
    pub payload: String,
    /// What the payload says.
    pub read: R,
    pub received_ms: Millis,
    /// Where its provider signs what it posts.
    pub signature: Option<WebhookSignatureHashes>,
}

/// A provider's signature: keyed hashes, of itself and of the fields that came with it.
#[derive(Clone, Debug)]
pub struct WebhookSignatureHashes {
    pub hash: [u8; 16],
    pub fields: [u8; 16],
}

/// Whether it had come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookIntakeResult {
    New,
    Repeat,
    /// Its signature had, with other fields: the same bytes, cut elsewhere. Nothing is stored.
    Recut,
}

/// Writes batches of webhooks.
pub struct InboundWebhookBatchWriter<R> {
    pub store: Store,
    pub clock: Clock,
    pub owner: LeaseOwner,
    pub lease: Duration,
    /// To this node's worker; what finds no room there waits in the store, free for all.
    pub queue: Sender<LeasedWebhook<R>>,
}

type WebhookDedupKey<'a> = (AccountId, WebhookKind, Cow<'a, str>);

/// What has come before: out of the store, and of the same batch.
#[derive(Default)]
struct SeenWebhooks<'a> {
    keys: HashSet<WebhookDedupKey<'a>>,
    /// The fields of each signature.
    signatures: HashMap<[u8; 16], [u8; 16]>,
}

impl<'a> SeenWebhooks<'a> {
    fn add<R>(&mut self, item: &'a NewWebhook<R>) -> WebhookIntakeResult {
        if let Some(WebhookSignatureHashes { hash, fields }) = &item.signature {
            if let Some(known) = self.signatures.get(hash) {
                return if known == fields { WebhookIntakeResult::Repeat } else { WebhookIntakeResult::Recut };
            }
            self.signatures.insert(*hash, *fields);
        }
        let is_new = self.keys.insert((item.account, item.kind, item.key.as_str().into()));
        if is_new { WebhookIntakeResult::New } else { WebhookIntakeResult::Repeat }
    }
}

impl<R: Clone + Send + Sync + 'static> InboundWebhookBatchWriter<R> {
    /// Which of these have come before. Honest posts hardly ever share a signature but not a key: signatures are looked
    /// up by themselves only once the store has refused one.
    async fn known<'a>(&self, items: &[NewWebhook<R>], by_signature: bool) -> Result<SeenWebhooks<'a>> {
        let mut groups: HashMap<(AccountId, WebhookKind), Vec<Value>> = HashMap::new();
        for item in items {
            groups.entry((item.account, item.kind)).or_default().push(item.key.as_str().into());
        }
        let groups: Vec<_> = groups.into_iter().collect();
        let mut queries: Vec<_> = groups
            .iter()
            .map(|((account, kind), keys)| Query::over(BY_KEY, &[account.into(), kind.name().into()], keys.clone()))
            .collect();
        if by_signature {
            let hashes = items.iter().filter_map(|item| Some(item.signature.as_ref()?.hash.into()));
            queries.push(Query::over(BY_SIGNATURE, &[], hashes.collect()));
        }
        let answers = self.store.look_up(queries).await?;
        let mut known = SeenWebhooks::default();
        for (nth, rows) in answers.iter().enumerate() {
            for row in rows {
                if let Some(((account, kind), _)) = groups.get(nth) {
                    known.keys.insert((*account, *kind, row.text(0)?.to_owned().into()));
                }
                if row.maybe_bytes(1)?.is_some() {
                    known.signatures.insert(row.array(1)?, row.array(2)?);
                }
            }
        }
        Ok(known)
    }

    /// Writes what is new of these.
    async fn write_new<'a>(
        &self,
        items: &'a [NewWebhook<R>],
        mut known: SeenWebhooks<'a>,
    ) -> Result<Vec<WebhookIntakeResult>> {
        let (now_ms, lease_ends) = (self.clock.now_ms(), Instant::now() + self.lease);
        let (mut rows, mut done) = (Vec::new(), Vec::with_capacity(items.len()));
        let mut jobs: Vec<(OwnedPermit<LeasedWebhook<R>>, LeasedWebhook<R>)> = Vec::new();
        for item in items {
            let signature = item.signature.as_ref().filter(|signature| !known.signatures.contains_key(&signature.hash));
            let taken = known.add(item);
            if taken == WebhookIntakeResult::New {
                let place = self.queue.clone().try_reserve_owned().ok();
                rows.push(self.row(item, place.is_some(), now_ms));
                jobs.extend(place.map(|place| (place, job(item, lease_ends))));
            } else if let Some(signature) = signature {
                // a repeat that is signed anew: this signature is taken too
                rows.push(spent(item, signature, now_ms));
            }
            done.push(taken);
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

    fn row(&self, item: &NewWebhook<R>, is_ours: bool, now_ms: Millis) -> Vec<Value> {
        let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX / 4);
        let owner = is_ours.then_some(&self.owner);
        params![
            item.id,
            item.account,
            item.kind.name(),
            item.key.as_str(),
            item.payload.as_str(),
            owner,
            if is_ours { now_ms + lease_ms } else { now_ms },
            now_ms,
            0,
            item.received_ms,
            item.signature.as_ref().map(|signature| signature.hash),
            item.signature.as_ref().map(|signature| signature.fields),
        ]
    }
}

/// The row of a signature alone, which is no job.
fn spent<R>(item: &NewWebhook<R>, signature: &WebhookSignatureHashes, now_ms: Millis) -> Vec<Value> {
    params![
        item.id,
        item.account,
        item.kind.name(),
        hex::encode(signature.hash),
        "",
        Value::Null,
        Value::Null,
        now_ms,
        0,
        item.received_ms,
        signature.hash,
        signature.fields,
    ]
}

impl<R: Clone + Send + Sync + 'static> BatchWrite for InboundWebhookBatchWriter<R> {
    type Item = NewWebhook<R>;
    type Done = WebhookIntakeResult;
    type Answer = WebhookIntakeResult;

    fn row<'a>(&self, item: &'a NewWebhook<R>) -> Option<Cow<'a, [u8]>> {
        Some(item.lane.as_bytes().into())
    }

    async fn write(&self, items: &[NewWebhook<R>]) -> Result<Vec<WebhookIntakeResult>> {
        match self.write_new(items, self.known(items, false).await?).await {
            Err(error) if error.is_race() => self.write_new(items, self.known(items, true).await?).await,
            written => written,
        }
    }

    fn finish(&self, _item: Self::Item, done: Self::Done) -> Self::Answer {
        done
    }
}

fn job<R: Clone>(item: &NewWebhook<R>, lease_ends: Instant) -> LeasedWebhook<R> {
    let (id, account, kind, content) = (item.id, item.account, item.kind, WebhookJobContent::Read(item.read.clone()));
    LeasedWebhook { id, account, kind, content, received_ms: item.received_ms, lease_ends }
}
