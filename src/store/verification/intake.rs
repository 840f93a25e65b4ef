//! Codes on their way, for the first time or again: the verification, the name under which it is pending, its text with
//! what that costs, what is told, and the reply to keep, in one commit shared with whoever else asks; or nothing of it.

mod rows;

use std::borrow::Cow;

use self::rows::CodeRows;
use super::pending::PendingKey;
use super::{Verification, VerificationExtra};
use crate::model::{Address, Channel, ClientId, Millis, VerificationStatus};
use crate::store::batch::{BatchWrite, BatchWriter, PendingBatchWrite, WRITERS};
use crate::store::event::PendingEvents;
use crate::store::idempotency::{self, FoundRequest, StoredReplies, StoredReply};
use crate::store::ledger::{self, ChargeResult};
use crate::store::message::Message;
use crate::store::outbox::intake::{
    AcceptResult, AcceptResultAndLease, IdempotencyRecord, IntakeFacts, MessageWithSendPermit, NewMessage,
    OutboxBatchPlan, OutboxBatchWriter,
};
use crate::store::{AuditTrail, Change, Result, Row};

/// How often a code has gone out before.
pub enum CodeTurn {
    /// Its verification is new. `before`: what stood under its name when that was read; it is over, or gives way, and
    /// comes to this then.
    First { sealed: Vec<u8>, before: Option<Box<(Verification, VerificationStatus)>> },
    /// It is pending, and goes out once more; with what is to be known of it from then on, where that is something else.
    Again { extra: Option<Box<VerificationExtra>> },
}

/// A code that is to go out.
pub struct NewCode {
    /// As it is to be; one that is pending as it was read, but for the channel on which its code goes now.
    pub verification: Verification,
    pub turn: CodeTurn,
    /// What carries it; nothing of a test number.
    pub text: Option<NewMessage>,
    /// The region of its number.
    pub country: Option<String>,
    pub at_ms: Millis,
    pub told: PendingEvents,
    /// The reply to keep for a request that comes again.
    pub kept: Option<IdempotencyRecord>,
    pub entry: AuditTrail,
}

/// The same with a permit to send its text at once.
pub struct PermittedCode<T> {
    /// Boxed: it is moved about several times.
    new: Box<NewCode>,
    text: Option<MessageWithSendPermit<T>>,
    key: PendingKey,
}

impl<T> PermittedCode<T> {
    /// Whose text it is, and all forms of the number that it goes to; `None`: it is no text.
    fn texted(&self) -> Option<(ClientId, Vec<String>)> {
        let message = self.text.as_ref().map(|text| &text.new.message)?;
        (message.channel == Channel::Sms).then(|| (message.client, Address::stored(message.to.as_str()).forms()))
    }
}

/// What became of it.
#[derive(Debug)]
pub enum CodeAcceptResult {
    /// It is written: so often it was sent, and what its client is left with, where it was charged.
    Stored { sends: i64, paid: Option<ChargeResult> },
    /// The same request came before, and this was its reply.
    Replayed(StoredReply),
    /// Another request came under this key.
    KeyReused,
    /// The recipient wants no texts from this number, or from another of its client's.
    OptedOut,
    /// Its client cannot pay for it.
    Unpayable,
    /// What stands under its name is not what was read: look again.
    Raced,
}

/// What is decided over it, and over its text.
#[derive(Debug)]
pub struct CodeDecision {
    result: CodeAcceptResult,
    text: Option<AcceptResultAndLease>,
}

impl From<CodeAcceptResult> for CodeDecision {
    fn from(result: CodeAcceptResult) -> Self {
        Self { result, text: None }
    }
}

/// Writes batches of codes.
pub struct CodeIntake<T> {
    /// What accepts messages, for the texts.
    pub messages: OutboxBatchWriter<T>,
}

/// The way in.
pub struct CodeAcceptor(Box<dyn Fn(NewCode) -> Result<PendingBatchWrite<CodeAcceptResult>> + Send + Sync>);

impl CodeAcceptor {
    /// Accepts it together with its neighbours; returns after their commit.
    pub async fn accept(&self, new: NewCode) -> Result<CodeAcceptResult> {
        (self.0)(new)?.written().await
    }
}

impl<T: Send + Sync + 'static> CodeIntake<T> {
    /// Starts its writers. `permit`: to send a text at once, as for messages.
    pub fn open(self, permit: impl Fn(&Message) -> Option<T> + Send + Sync + 'static) -> CodeAcceptor {
        let batch = BatchWriter::start_many(self, WRITERS);
        CodeAcceptor(Box::new(move |mut new: NewCode| {
            let text = new.text.take().map(|text| MessageWithSendPermit::asking(text, &permit));
            let key = new.verification.pending_key();
            batch.send(PermittedCode { new: Box::new(new), text, key })
        }))
    }

    /// Decides over one: by its request's name, by what stands under its own, then by its text.
    fn decide(
        &self,
        item: &PermittedCode<T>,
        known: &mut IntakeFacts,
        replies: &mut StoredReplies,
        (plan, rows): (&mut OutboxBatchPlan, &mut CodeRows),
    ) -> CodeDecision {
        let kept = item.new.kept.as_ref();
        match kept.and_then(|kept| replies.find(&kept.named)) {
            Some(FoundRequest::Same(reply)) => return CodeAcceptResult::Replayed(reply).into(),
            Some(FoundRequest::Other) => return CodeAcceptResult::KeyReused.into(),
            None => {}
        }
        if !rows.stands(item) {
            return CodeAcceptResult::Raced.into();
        }
        if rows.is_out(item) {
            return CodeAcceptResult::OptedOut.into();
        }
        let text = item.text.as_ref().map(|text| plan.take(text, known, &self.messages.room));
        match text.as_ref().map(AcceptResultAndLease::accepted) {
            Some(AcceptResult::OptedOut) => return CodeAcceptResult::OptedOut.into(),
            Some(AcceptResult::Unpayable) => return CodeAcceptResult::Unpayable.into(),
            // its own request has no name
            Some(AcceptResult::Stored(_) | AcceptResult::Replayed(_) | AcceptResult::KeyReused) | None => {}
        }
        let sends = rows.add(item);
        plan.tell(&item.new.told);
        if let Some(kept) = kept {
            replies.add(&kept.named, &kept.reply);
        }
        CodeDecision { result: CodeAcceptResult::Stored { sends, paid: None }, text }
    }
}

impl<T: Send + Sync + 'static> BatchWrite for CodeIntake<T> {
    type Item = PermittedCode<T>;
    type Done = CodeDecision;
    type Answer = CodeAcceptResult;

    const TRIES_AGAIN: u32 = 20;

    fn row<'a>(&self, item: &'a PermittedCode<T>) -> Option<Cow<'a, [u8]>> {
        Some(item.key.as_bytes().into())
    }

    async fn write(&self, items: &[PermittedCode<T>]) -> Result<Vec<CodeDecision>> {
        let store = &self.messages.store;
        let named = items.iter().filter_map(|item| item.new.kept.as_ref()).map(|kept| &kept.named);
        let mut replies = idempotency::known(store, idempotency::over(named)).await?;
        let mut rows = CodeRows::look_up(store, items).await?;
        let texts: Vec<&NewMessage> =
            items.iter().filter_map(|item| item.text.as_ref()).map(|text| &text.new).collect();
        let mut known = self.messages.look_up(&texts).await?;
        let now_ms = self.messages.clock.now_ms();
        rows.now_ms = now_ms;
        let mut plan = OutboxBatchPlan::at(now_ms);
        let mut done: Vec<CodeDecision> = Vec::with_capacity(items.len());
        for item in items {
            done.push(self.decide(item, &mut known, &mut replies, (&mut plan, &mut rows)));
        }
        if rows.is_empty() {
            return Ok(done);
        }
        let is_paid = !known.purse.is_empty();
        let change = rows.write(Change::new());
        let change = plan.write(change, known.purse, &self.messages.owner, self.messages.lease_ms);
        let found = store.commit_telling(change).await?.found;
        if is_paid {
            settle(items, &mut done, &found)?;
        }
        Ok(done)
    }

    fn finish(&self, item: PermittedCode<T>, done: CodeDecision) -> CodeAcceptResult {
        if let (Some(text), Some(decided)) = (item.text, done.text) {
            self.messages.send_leased(text, decided);
        }
        done.result
    }

    fn fail(&self, items: Vec<PermittedCode<T>>) {
        self.messages.free(items.iter().filter_map(|item| item.text.as_ref()));
    }
}

/// Tells each payer what was left behind their own charge.
fn settle<T>(items: &[PermittedCode<T>], done: &mut [CodeDecision], found: &[Row]) -> Result<()> {
    let mut left = ledger::left(found)?;
    for (item, decided) in items.iter().zip(done).rev() {
        let CodeAcceptResult::Stored { paid, .. } = &mut decided.result else { continue };
        let Some(message) = item.text.as_ref().map(|text| &text.new.message) else { continue };
        let (Some(cost), Some(now)) = (message.cost, left.get_mut(&message.client)) else { continue };
        *paid = Some(*now);
        now.balance = now.balance.plus(cost).unwrap_or(now.balance);
    }
    Ok(())
}
