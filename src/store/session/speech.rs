//! What a client says in its sessions, and calls there: the copies of all whom it is for, what is written down and told of
//! them, and the reply to keep, in one commit shared with whoever else speaks; or nothing of it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::interaction::{self, InteractionFailure, InteractionRecord, NewInteraction, SessionTouch};
use crate::model::{Id as _, Millis, SessionId};
use crate::store::audit::{self, AuditEntry};
use crate::store::batch::{BatchWrite, BatchWriter, PendingBatchWrite, WRITERS};
use crate::store::event::PendingEvents;
use crate::store::idempotency::{self, FoundRequest, StoredReply};
use crate::store::message::Message;
use crate::store::outbox::intake::{
    AcceptResult, AcceptResultAndLease, IdempotencyRecord, IntakeFacts, MessageWithSendPermit, NewMessage,
    OutboxBatchPlan, OutboxBatchWriter,
};
use crate::store::{AuditTrail, Change, Result, Value};

/// Makes what is told, once it is decided what becomes of each; and whether the session is under way by it.
pub type SpeechEvents = Box<dyn Fn(&[NewInteraction], bool) -> PendingEvents + Send + Sync>;

/// Something that a client says.
pub struct NewSpeech {
    pub session: SessionId,
    pub at_ms: Millis,
    /// Since when the session is silent by it: of a call, if nothing more is heard of that.
    pub silent_ms: Millis,
    /// One for each whom it is for.
    pub said: Vec<NewInteraction>,
    /// Of those that have a copy, the copies, in the same order.
    pub texts: Vec<NewMessage>,
    /// The session was not under way as it was read.
    pub begins: bool,
    /// What cannot be paid for is written too: whoever speaks does so by no request that could be refused.
    pub keeps_unpaid: bool,
    pub told: SpeechEvents,
    /// The reply to keep for a request that comes again.
    pub kept: Option<IdempotencyRecord>,
    pub entry: AuditTrail,
}

/// The same with permits to send the copies at once.
pub struct PermittedSpeech<T> {
    new: NewSpeech,
    texts: Vec<MessageWithSendPermit<T>>,
}

/// What became of it.
#[derive(Debug)]
pub enum SpeechAcceptResult {
    /// It is written, with so many copies.
    Stored(usize),
    /// The same request came before, and this was its reply.
    Replayed(StoredReply),
    /// Another request came under this key.
    KeyReused,
    /// Its client can pay for none of it.
    Unpayable,
}

/// What is decided over it, and over each of its copies.
#[derive(Debug)]
pub struct SpeechDecision {
    result: SpeechAcceptResult,
    texts: Vec<AcceptResultAndLease>,
}

impl From<SpeechAcceptResult> for SpeechDecision {
    fn from(result: SpeechAcceptResult) -> Self {
        Self { result, texts: Vec::new() }
    }
}

/// Writes batches of what clients say.
pub struct SpeechIntake<T> {
    /// What accepts messages, for the copies.
    pub messages: OutboxBatchWriter<T>,
}

/// The way in. A race is told to whoever speaks: the session is another than they read.
pub struct SpeechAcceptor(Box<dyn Fn(NewSpeech) -> Result<PendingBatchWrite<SpeechAcceptResult>> + Send + Sync>);

impl SpeechAcceptor {
    /// Accepts it together with its neighbours; returns after their commit.
    pub async fn accept(&self, new: NewSpeech) -> Result<SpeechAcceptResult> {
        (self.0)(new)?.written().await
    }
}

impl<T: Send + Sync + 'static> SpeechIntake<T> {
    /// Starts its writers. `permit`: to send a copy at once, as for messages.
    pub fn open(self, permit: impl Fn(&Message) -> Option<T> + Send + Sync + 'static) -> SpeechAcceptor {
        let batch = BatchWriter::start_many(self, WRITERS);
        SpeechAcceptor(Box::new(move |mut new: NewSpeech| {
            let texts = std::mem::take(&mut new.texts).into_iter();
            let texts = texts.map(|text| MessageWithSendPermit::asking(text, &permit)).collect();
            batch.send(PermittedSpeech { new, texts })
        }))
    }

    /// Decides what becomes of each copy by itself: that somebody wants nothing is nothing to the others.
    fn decide(
        &self,
        item: &PermittedSpeech<T>,
        plan: &mut OutboxBatchPlan,
        known: &mut IntakeFacts,
        rows: &mut SpeechRows,
    ) -> SpeechDecision {
        let mut said = item.new.said.clone();
        let (mut texts, mut copies) = (Vec::with_capacity(item.texts.len()), 0);
        for (one, text) in said.iter_mut().filter(|one| one.copy.is_ok()).zip(&item.texts) {
            let decided = plan.take(text, known, &self.messages.room);
            match decided.accepted() {
                AcceptResult::OptedOut => one.copy = Err(InteractionFailure::OptedOut),
                AcceptResult::Unpayable => one.copy = Err(InteractionFailure::Unpayable),
                // its request has no name
                AcceptResult::Stored(_) | AcceptResult::Replayed(_) | AcceptResult::KeyReused => copies += 1,
            }
            texts.push(decided);
        }
        let is_unpaid = said.iter().all(|one| one.copy == Err(InteractionFailure::Unpayable));
        if is_unpaid && !item.new.keeps_unpaid {
            return SpeechAcceptResult::Unpayable.into();
        }
        let begins = item.new.begins && copies > 0 && rows.begun.insert(item.new.session);
        plan.tell(&(item.new.told)(&said, begins));
        let touch = SessionTouch { session: item.new.session, at_ms: item.new.silent_ms, is_timed: true };
        rows.add(&item.new, InteractionRecord { said, touched: (copies > 0).then_some(touch) });
        SpeechDecision { result: SpeechAcceptResult::Stored(copies), texts }
    }
}

/// The rows of one batch.
#[derive(Default)]
struct SpeechRows {
    records: Vec<InteractionRecord>,
    begun: BTreeSet<SessionId>,
    kept: Vec<Vec<Value>>,
    entries: Vec<Vec<Value>>,
}

impl SpeechRows {
    fn add(&mut self, new: &NewSpeech, record: InteractionRecord) {
        self.records.push(record);
        self.entries.extend(new.entry.as_ref().map(AuditEntry::values));
        self.kept.extend(new.kept.as_ref().map(|kept| kept.named.values(&kept.reply, new.at_ms)));
    }

    fn write(self, change: Change, now_ms: Millis) -> Change {
        interaction::add(change, self.records.iter(), &self.begun, now_ms)
            .insert(idempotency::INSERT, self.kept)
            .insert(audit::INSERT, self.entries)
    }
}

impl<T: Send + Sync + 'static> BatchWrite for SpeechIntake<T> {
    type Item = PermittedSpeech<T>;
    type Done = SpeechDecision;
    type Answer = SpeechAcceptResult;

    /// Each has up to fifty copies.
    const ITEMS: usize = 16;

    fn row<'a>(&self, item: &'a PermittedSpeech<T>) -> Option<Cow<'a, [u8]>> {
        Some(item.new.session.bytes().to_vec().into())
    }

    async fn write(&self, items: &[PermittedSpeech<T>]) -> Result<Vec<SpeechDecision>> {
        let named = items.iter().filter_map(|item| item.new.kept.as_ref()).map(|kept| &kept.named);
        let mut replies = idempotency::known(&self.messages.store, idempotency::over(named)).await?;
        let texts: Vec<&NewMessage> = items.iter().flat_map(|item| &item.texts).map(|text| &text.new).collect();
        let mut known = self.messages.look_up(&texts).await?;
        let now_ms = self.messages.clock.now_ms();
        let (mut plan, mut rows) = (OutboxBatchPlan::at(now_ms), SpeechRows::default());
        let mut done: Vec<SpeechDecision> = Vec::with_capacity(items.len());
        for item in items {
            let kept = item.new.kept.as_ref();
            let decided: SpeechDecision = match kept.and_then(|kept| replies.find(&kept.named)) {
                Some(FoundRequest::Same(reply)) => SpeechAcceptResult::Replayed(reply).into(),
                Some(FoundRequest::Other) => SpeechAcceptResult::KeyReused.into(),
                None => self.decide(item, &mut plan, &mut known, &mut rows),
            };
            if let (Some(kept), SpeechAcceptResult::Stored(_)) = (kept, &decided.result) {
                replies.add(&kept.named, &kept.reply);
            }
            done.push(decided);
        }
        let mut said = rows.records.iter().flat_map(|record| &record.said);
        let Some(first) = said.next().map(|one| one.id) else { return Ok(done) };
        let change = rows.write(Change::new(), now_ms);
        let change = plan.write(change, known.purse, &self.messages.owner, self.messages.lease_ms);
        self.messages.store.commit(change.settled_by_id("sb_interaction", first)).await?;
        Ok(done)
    }

    fn finish(&self, item: PermittedSpeech<T>, done: SpeechDecision) -> SpeechAcceptResult {
        for (text, decided) in item.texts.into_iter().zip(done.texts) {
            self.messages.send_leased(text, decided);
        }
        done.result
    }

    fn fail(&self, items: Vec<PermittedSpeech<T>>) {
        self.messages.free(items.iter().flat_map(|item| &item.texts));
    }
}
