//! Texts that have been handled: what is kept of them, the copies that are made of them, what is told of both, and that
//! their jobs are done, in one commit; so each is passed on once, however often it is handled.

mod batch;
mod rows;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use self::batch::{HandledTextBatch, HandledTextsCourse, PermittedText, by_commit};
use self::rows::HandledTextRows;
use crate::model::{ArcMessageContent, InboundId, SessionId};
use crate::store::event::PendingEvents;
use crate::store::message::Message;
use crate::store::outbox::intake::{
    AcceptResult, AcceptResultAndLease, MessageWithSendPermit, NewMessage, OutboxBatchPlan, OutboxBatchWriter,
};
use crate::store::session::asked::{AskedText, NewAskedText};
use crate::store::session::interaction::{InteractionRecord, NewInteraction};
use crate::store::{Error, Result, params};

/// How often one that races alone is tried again.
const TRIES: u32 = 20;
/// Between two tries while the store is away.
const PAUSE: Duration = Duration::from_millis(500);

/// Makes what is told of a text, by its message, by what becomes of each copy, and by whether its session is under way by
/// it.
pub type HandledTextEvents = Box<dyn Fn(Option<&Message>, &[NewInteraction], bool) -> PendingEvents + Send + Sync>;

/// What is to come of a text in its session. Nothing of it is written yet.
#[derive(Default)]
pub struct PreparedText {
    pub record: InteractionRecord,
    /// Those copies that are to be made.
    pub copies: Vec<NewMessage>,
}

/// What ends with the commit.
pub enum HandledJob {
    /// That of the webhook by which it came in.
    Webhook(InboundId),
    /// That by which somebody was asked about it.
    Asked(AskedText),
}

/// A text that has been handled.
pub struct HandledText {
    pub job: HandledJob,
    /// Its row, where it is to be written; a text to no number of ours has none.
    pub message: Option<Message>,
    /// What its row holds instead where somebody does not get it.
    pub unheard: Option<ArcMessageContent>,
    /// What came is not kept: it was meant for one reader.
    pub is_erased: bool,
    pub prepared: PreparedText,
    /// The job by which somebody is asked what becomes of it.
    pub asked: Option<NewAskedText>,
    /// Its session was not under way as it was read.
    pub is_first: bool,
    pub told: HandledTextEvents,
}

/// What became of texts.
#[derive(Debug, Default)]
pub struct HandledTextsResult {
    /// So many copies are stored.
    pub copies: usize,
    /// Something is told.
    pub is_told: bool,
    /// Those of which nothing is written. What another node has done is none of them.
    pub failed: Vec<(InboundId, Error)>,
}

/// What is decided over the copies of each text of a commit.
struct HandledTextDecisions {
    copies: Vec<Vec<AcceptResultAndLease>>,
    begun: BTreeSet<SessionId>,
    is_told: bool,
}

/// Writes texts that have been handled.
pub struct HandledTextIntake<T> {
    /// What accepts messages, for the copies.
    pub messages: OutboxBatchWriter<T>,
}

type HandledTextWrite = Box<dyn Fn(Vec<HandledText>, Duration) -> BoxFuture<'static, HandledTextsResult> + Send + Sync>;

/// The way in. Whoever handles texts knows nothing of who sends their copies.
pub struct HandledTextWriter(HandledTextWrite);

impl HandledTextWriter {
    /// Writes texts in their order, each with all that comes of it or not at all. `patience`: for how long it waits for
    /// a store that is away.
    pub async fn write(&self, texts: Vec<HandledText>, patience: Duration) -> HandledTextsResult {
        (self.0)(texts, patience).await
    }
}

impl HandledJob {
    pub fn id(&self) -> InboundId {
        match self {
            Self::Webhook(id) => *id,
            Self::Asked(job) => job.id,
        }
    }
}

impl HandledText {
    /// A text to no number of ours.
    pub fn as_it_came(id: InboundId) -> Self {
        Self {
            job: HandledJob::Webhook(id),
            message: None,
            unheard: None,
            is_erased: false,
            prepared: PreparedText::default(),
            asked: None,
            is_first: false,
            told: Box::new(|_: Option<&Message>, _: &[NewInteraction], _: bool| PendingEvents::default()),
        }
    }
}

impl<T: Send + Sync + 'static> HandledTextIntake<T> {
    /// `permit`: to send a copy at once, as for messages.
    pub fn open(self, permit: impl Fn(&Message) -> Option<T> + Send + Sync + 'static) -> HandledTextWriter {
        let (intake, permit) = (Arc::new(self), Arc::new(permit));
        HandledTextWriter(Box::new(move |texts: Vec<HandledText>, patience: Duration| {
            let (intake, permit) = (intake.clone(), permit.clone());
            let written = async move {
                let mut course = HandledTextsCourse::begin(patience);
                for some in by_commit(texts) {
                    // asked for right before: what is called meanwhile ends
                    let texts = some.into_iter().map(|text| PermittedText::asking(text, &*permit)).collect();
                    intake.write(HandledTextBatch { texts, races: 0 }, &mut course).await;
                }
                course.result
            };
            written.boxed()
        }))
    }

    /// A commit that races is made again as things are by then, and after that in halves: so a race fails only its own.
    async fn write(&self, batch: HandledTextBatch<T>, course: &mut HandledTextsCourse) {
        let mut left = vec![batch];
        while let Some(mut batch) = left.pop() {
            course.hold_back(&mut batch);
            if batch.texts.is_empty() {
                continue;
            }
            let is_alone = batch.texts.len() == 1;
            let tries = if is_alone { TRIES } else { 1 };
            match self.commit(&batch, &course.under_way).await {
                Ok(mut done) => {
                    course.under_way.append(&mut done.begun);
                    course.result.is_told |= done.is_told;
                    course.result.copies += self.send(batch, done);
                }
                Err(error) if error.will_pass() && !course.patience.is_zero() => {
                    tracing::warn!(%error, "texts that have been handled wait for the store");
                    tokio::time::sleep(PAUSE).await;
                    course.patience = course.patience.saturating_sub(PAUSE);
                    left.push(batch);
                }
                Err(error) if error.is_race() && batch.races < tries => {
                    if is_alone && self.is_taken(&batch).await {
                        tracing::debug!("another node has this text");
                        self.free(&batch);
                    } else {
                        batch.races += 1;
                        left.push(batch);
                    }
                }
                Err(error) if !is_alone && !error.will_pass() => {
                    let second = batch.texts.split_off(batch.texts.len() / 2);
                    // the first half goes first: texts keep their order
                    left.extend([second, batch.texts].map(HandledTextBatch::of_half));
                }
                Err(error) => {
                    self.free(&batch);
                    course.fail(&batch, error);
                }
            }
        }
    }

    /// Writes a batch, all of it or nothing. `under_way`: sessions of which it is told already.
    async fn commit(
        &self,
        HandledTextBatch { texts, races }: &HandledTextBatch<T>,
        under_way: &BTreeSet<SessionId>,
    ) -> Result<HandledTextDecisions> {
        let copies: Vec<&NewMessage> = texts.iter().flat_map(|text| &text.copies).map(|copy| &copy.new).collect();
        let mut known = self.messages.look_up(&copies).await?;
        let now_ms = self.messages.clock.now_ms();
        let (mut plan, mut rows) = (OutboxBatchPlan::at(now_ms), HandledTextRows::default());
        // one that has raced alone: its session may be under way by another's text, or has been ended
        let may_begin = texts.len() > 1 || *races == 0;
        let mut decided = Vec::with_capacity(texts.len());
        for PermittedText { text, copies } in texts {
            let take = |copy: &MessageWithSendPermit<T>| plan.take(copy, &mut known, &self.messages.room);
            let taken: Vec<AcceptResultAndLease> = copies.iter().map(take).collect();
            let accepted = copies.iter().zip(&taken).map(|(copy, taken)| (copy.new.message.id, taken.accepted()));
            let is_new = |session: &SessionId| may_begin && !under_way.contains(session);
            plan.tell(&rows.add(text, accepted, is_new));
            decided.push(taken);
        }
        let (begun, is_told) = (rows.begun().clone(), rows.is_told() || !copies.is_empty());
        let change = rows.write(&self.messages.owner, now_ms);
        let change = plan.write(change, known.purse, &self.messages.owner, self.messages.lease_ms);
        self.messages.store.commit(change).await?;
        Ok(HandledTextDecisions { copies: decided, begun, is_told })
    }

    /// Sends what is stored and this node owns; how many copies are stored.
    fn send(&self, batch: HandledTextBatch<T>, done: HandledTextDecisions) -> usize {
        let texts = batch.texts.into_iter().zip(done.copies);
        let all = texts.flat_map(|(text, decided)| text.copies.into_iter().zip(decided));
        let told = all.map(|(copy, decided)| self.messages.send_leased(copy, decided));
        told.filter(|told| matches!(told, AcceptResult::Stored(_))).count()
    }

    fn free(&self, batch: &HandledTextBatch<T>) {
        self.messages.free(batch.texts.iter().flat_map(|text| &text.copies));
    }

    /// Whether a job of these is no longer ours. Where that cannot be seen it is tried on.
    async fn is_taken(&self, batch: &HandledTextBatch<T>) -> bool {
        let Some(PermittedText { text, .. }) = batch.texts.first() else { return false };
        let store = &self.messages.store;
        let found = match &text.job {
            HandledJob::Webhook(id) => {
                let sql = "SELECT id FROM sb_inbound WHERE id = ? AND owner = ? AND ready_ms IS NOT NULL";
                store.query(sql, params![*id, &self.messages.owner]).await.map(|rows| !rows.is_empty())
            }
            HandledJob::Asked(job) => job.is_held(store).await,
        };
        found.is_ok_and(|is_ours| !is_ours)
    }
}
