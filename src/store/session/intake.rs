//! Making sessions, and coming into them: with the numbers of all who come, what is told of them, and the texts with
//! which it begins for them, in one commit shared with whoever else makes one; or nothing of it.

use std::borrow::Cow;

use super::change::touch;
use super::interaction::{self, NewInteraction};
use super::join::{JoinRows, PoolTerms};
use super::{INSERT, NewParticipant, Session};
use crate::model::{Id as _, Millis, SessionId};
use crate::store::audit::{self, AuditEntry};
use crate::store::batch::{BatchWrite, BatchWriter, PendingBatchWrite, WRITERS};
use crate::store::event::PendingEvents;
use crate::store::idempotency::{self, FoundRequest, StoredReply};
use crate::store::message::Message;
use crate::store::outbox::intake::{
    AcceptResult, AcceptResultAndLease, GroupRefusal, IdempotencyRecord, MessageWithSendPermit, NewMessage,
    OutboxBatchPlan, OutboxBatchWriter,
};
use crate::store::{AuditTrail, Change, Error, Result, Value, params};

/// A session to make, or one that is there, and who comes into it.
pub struct NewSession {
    pub session: Session,
    /// How many events one that is there had when it was read; it must have no more.
    pub read: Option<i64>,
    /// Who comes into it: one at least where it is there.
    pub people: Vec<NewParticipant>,
    pub pool: PoolTerms,
    /// What they are told as it begins for them.
    pub texts: Vec<NewMessage>,
    pub told: PendingEvents,
    /// The reply to keep for a request that comes again.
    pub kept: Option<IdempotencyRecord>,
    pub entry: AuditTrail,
}

/// A session to make, with permits to send its texts at once.
pub struct PermittedSession<T> {
    new: NewSession,
    texts: Vec<MessageWithSendPermit<T>>,
}

/// What became of a session.
#[derive(Debug)]
pub enum SessionAcceptResult {
    Stored,
    /// The same request came before, and this was its reply.
    Replayed(StoredReply),
    /// Another request came under this key.
    KeyReused,
    /// Of its texts this one is not accepted.
    Refused {
        nth: usize,
        why: AcceptResult,
    },
}

/// What is decided over a session, and over each of its texts.
#[derive(Debug)]
pub struct SessionDecision {
    result: SessionAcceptResult,
    texts: Vec<AcceptResultAndLease>,
}

impl From<SessionAcceptResult> for SessionDecision {
    fn from(result: SessionAcceptResult) -> Self {
        Self { result, texts: Vec::new() }
    }
}

/// Writes batches of new sessions.
pub struct SessionIntake<T> {
    /// What accepts messages, for the texts.
    pub messages: OutboxBatchWriter<T>,
}

/// The way in. A race is told to whoever makes the session: they have to choose other numbers.
pub struct SessionAcceptor(Box<dyn Fn(NewSession) -> Result<PendingBatchWrite<SessionAcceptResult>> + Send + Sync>);

impl SessionAcceptor {
    /// Makes a session, or lets people into one, together with its neighbours; returns after their commit.
    pub async fn accept(&self, new: NewSession) -> Result<SessionAcceptResult> {
        (self.0)(new)?.written().await
    }
}

impl<T: Send + Sync + 'static> SessionIntake<T> {
    /// Starts its writers. `permit`: to send a text at once, as for messages.
    pub fn open(self, permit: impl Fn(&Message) -> Option<T> + Send + Sync + 'static) -> SessionAcceptor {
        let batch = BatchWriter::start_many(self, WRITERS);
        SessionAcceptor(Box::new(move |mut new: NewSession| {
            let texts = std::mem::take(&mut new.texts).into_iter();
            let texts = texts.map(|text| MessageWithSendPermit::asking(text, &permit)).collect();
            batch.send(PermittedSession { new, texts })
        }))
    }
}

/// The rows of one batch.
#[derive(Default)]
struct SessionRows {
    /// Those that are there.
    touched: Vec<(SessionId, i64)>,
    sessions: Vec<Vec<Value>>,
    names: Vec<Vec<Value>>,
    kept: Vec<Vec<Value>>,
    entries: Vec<Vec<Value>>,
    /// What they are told.
    said: Vec<NewInteraction>,
    joined: JoinRows,
}

impl SessionRows {
    fn add<T>(&mut self, new: &NewSession, texts: &[MessageWithSendPermit<T>], now_ms: Millis) {
        let session = &new.session;
        match new.read {
            Some(sequence) => self.touched.push((session.id, sequence)),
            None => self.make(new),
        }
        // all of them have the same; a session that everybody has left may have lost it
        if let Some(one) = new.people.first().filter(|_| new.pool.is_exclusive) {
            self.joined.claim(one.participant.number_id, new.pool, session.id);
        }
        for one in &new.people {
            self.joined.join(one, new.pool, now_ms);
        }
        let told = |(one, text): (&NewParticipant, &MessageWithSendPermit<T>)| {
            NewInteraction::told(&one.participant, text.new.message.id, None, now_ms)
        };
        self.said.extend(new.people.iter().zip(texts).map(told));
        self.entries.extend(new.entry.as_ref().map(AuditEntry::values));
        self.kept.extend(new.kept.as_ref().map(|kept| kept.named.values(&kept.reply, now_ms)));
    }

    fn make(&mut self, new: &NewSession) {
        let session = &new.session;
        self.sessions.push(session.values());
        let name = session.unique_name.as_deref();
        self.names.extend(name.map(|name| params![session.name_scope(), name, session.id]));
    }

    /// A row that is new with this batch, by its table and its id.
    fn first(&self) -> Option<(&'static str, Value)> {
        let session = || Some(("sb_session", self.sessions.first()?.first()?.clone()));
        // nobody need be in a session that is made
        self.joined.first_id().map(|id| ("sb_participant", id)).or_else(session)
    }

    fn write(mut self, change: Change, now_ms: Millis) -> Change {
        self.touched.sort_unstable();
        self.names.sort_unstable();
        let change = self.touched.into_iter().fold(change, |change, read| touch(change, read, now_ms));
        let change = change.insert("INSERT INTO sb_session_name (scope_id, unique_name, session_id)", self.names);
        let change = self.joined.write(change, now_ms).insert(INSERT, self.sessions);
        interaction::insert(change, &self.said)
            .insert(idempotency::INSERT, self.kept)
            .insert(audit::INSERT, self.entries)
    }
}

impl<T: Send + Sync + 'static> BatchWrite for SessionIntake<T> {
    type Item = PermittedSession<T>;
    type Done = SessionDecision;
    type Answer = SessionAcceptResult;

    fn row<'a>(&self, item: &'a PermittedSession<T>) -> Option<Cow<'a, [u8]>> {
        Some(item.new.session.id.bytes().to_vec().into())
    }

    async fn write(&self, items: &[PermittedSession<T>]) -> Result<Vec<SessionDecision>> {
        let named = items.iter().filter_map(|item| item.new.kept.as_ref()).map(|kept| &kept.named);
        let mut replies = idempotency::known(&self.messages.store, idempotency::over(named)).await?;
        let texts: Vec<&NewMessage> = items.iter().flat_map(|item| &item.texts).map(|text| &text.new).collect();
        let mut known = self.messages.look_up(&texts).await?;
        let now_ms = self.messages.clock.now_ms();
        let (mut plan, mut rows) = (OutboxBatchPlan::at(now_ms), SessionRows::default());
        let mut done: Vec<SessionDecision> = Vec::with_capacity(items.len());
        for item in items {
            let kept = item.new.kept.as_ref();
            done.push(match kept.and_then(|kept| replies.find(&kept.named)) {
                Some(FoundRequest::Same(reply)) => SessionAcceptResult::Replayed(reply).into(),
                Some(FoundRequest::Other) => SessionAcceptResult::KeyReused.into(),
                None => match plan.take_all(&item.texts, &mut known, &self.messages.room) {
                    Ok(texts) => {
                        rows.add(&item.new, &item.texts, now_ms);
                        plan.tell(&item.new.told);
                        if let Some(kept) = kept {
                            replies.add(&kept.named, &kept.reply);
                        }
                        SessionDecision { result: SessionAcceptResult::Stored, texts }
                    }
                    Err(GroupRefusal { nth, why }) => SessionAcceptResult::Refused { nth, why }.into(),
                },
            });
        }
        let Some((table, first)) = rows.first() else { return Ok(done) };
        let change = rows.write(Change::new(), now_ms);
        let change = plan.write(change, known.purse, &self.messages.owner, self.messages.lease_ms);
        let change = change.settled_by_id(table, first);
        let written = self.messages.store.commit(change).await;
        // after a race nothing of it is there; after anything else it may be, unless it is tried again in halves
        let is_last = |error: &Error| !error.is_race() && (items.len() == 1 || error.will_pass());
        if written.as_ref().is_err_and(is_last) {
            self.messages.free(items.iter().flat_map(|item| &item.texts));
        }
        written.map(|()| done)
    }

    fn finish(&self, item: PermittedSession<T>, done: SessionDecision) -> SessionAcceptResult {
        for (text, decided) in item.texts.into_iter().zip(done.texts) {
            self.messages.send_leased(text, decided);
        }
        done.result
    }
}
