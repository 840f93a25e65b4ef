//! Texts that came in: each passes the handlers in one order, and leaves a message behind.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::message::{is_number, operators};
use super::{InboundHandlers, WebhookJob, read};
use crate::model::{Channel, Id as _};
use crate::provider;
use crate::service::directory::{DirectoryEntries, SenderNumber};
use crate::service::number::InboundTextPolicy;
use crate::service::opt_out::PersonText;
use crate::service::session::{InteractionRecord, NewAskedText, SessionRoute};
use crate::service::{Error, ErrorKind, Result, publish};
use crate::store::inbound::handled::PreparedText;

/// A text to a number of ours.
pub(super) struct ReceivedText {
    pub job: WebhookJob,
    pub inbound: Arc<provider::InboundMessage>,
    pub sender: Arc<SenderNumber>,
    /// The session that it is said in.
    pub route: Option<SessionRoute>,
    /// `false`: whether it is said in one could not be found out.
    pub is_routed: bool,
    /// It has been passed on in part before.
    pub is_again: bool,
}

/// How a text is kept that was meant for a handler: no other sees it.
pub(super) struct InboundTextDisposition {
    /// Without its body: it was meant for one reader.
    pub is_erased: bool,
    /// Its client's endpoints hear of it.
    pub is_told: bool,
    /// What is to come of it in a session.
    pub prepared: PreparedText,
    /// The job by which its client's server is asked what becomes of it.
    pub asked: Option<NewAskedText>,
}

impl InboundTextDisposition {
    pub const TOLD: Self = Self {
        is_erased: false,
        is_told: true,
        prepared: PreparedText { record: InteractionRecord { said: Vec::new(), touched: None }, copies: Vec::new() },
        asked: None,
    };
}

/// A text and what its handlers came to.
type InboundTextHandlingResult = (ReceivedText, Result<InboundTextDisposition>);

/// One of the same person before it has not been handled.
fn behind() -> Error {
    Error::new(ErrorKind::Busy, "it waits for the one before it")
}

/// What a person says in a session behind a text of theirs that is to be asked about takes turns with that, unless that
/// was said in another session.
fn line_up(route: &mut SessionRoute, before: &NewAskedText) {
    let here = route.session.session.id;
    if before.said.is_none_or(|(session, _)| session == here || session.bytes() != before.lane) {
        route.behind = Some(before.lane);
    }
}

impl InboundHandlers {
    /// Shows a text to its handlers. They write facts and jobs and call nobody, and running one again
    /// does no harm. This is their one order.
    async fn handle(&self, text: &ReceivedText) -> Result<InboundTextDisposition> {
        if !text.is_routed {
            return Err(Error::busy("its session is not known yet"));
        }
        if let Some(fact) = self.opt_out(text).await? {
            return Ok(fact);
        }
        if text.inbound.channel != Channel::Sms {
            // paired phones send texts
            return Ok(InboundTextDisposition::TOLD);
        }
        if let Some(fact) = self.encrypted(text).await? {
            return Ok(fact);
        }
        if let Some(fact) = self.masked(text).await? {
            return Ok(fact);
        }
        // enrolment comes here
        let asked = self.stranger(text).await?;
        Ok(InboundTextDisposition { asked, ..InboundTextDisposition::TOLD })
    }

    /// Takes what is said of consent. Its client hears of it, whatever follows.
    async fn opt_out(&self, text: &ReceivedText) -> Result<Option<InboundTextDisposition>> {
        let ReceivedText { job, inbound, sender, route, .. } = text;
        let (at_ms, is_in_session) = (job.received_ms, route.is_some());
        let spoken = PersonText { sender, inbound, at_ms, reply: job.id.reply(), is_in_session };
        Ok(self.opt_outs.take(&spoken).await?.then_some(InboundTextDisposition::TOLD))
    }

    /// Takes the text of a paired phone to a number that is marked for such. A phone has a number.
    async fn encrypted(&self, text: &ReceivedText) -> Result<Option<InboundTextDisposition>> {
        let number = &text.sender.number;
        let inbound = &text.inbound;
        if number.meaning != InboundTextPolicy::Encrypted || !is_number(&inbound.from) {
            return Ok(None);
        }
        match self.publish.accept_inbound(&inbound.from, number.platform.as_deref(), &inbound.body).await {
            Ok(()) => {}
            Err(error) if publish::is_refused(&error) => {
                tracing::info!(id = %text.job.id, "refused a text that came as an SMS");
            }
            Err(error) => return Err(error),
        }
        Ok(Some(InboundTextDisposition { is_erased: true, is_told: false, ..InboundTextDisposition::TOLD }))
    }

    /// Handles texts: those of one person to one number in the order in which they came, others beside them. How many
    /// copies were made of them.
    pub(super) async fn texts(&self, jobs: Vec<WebhookJob>) -> usize {
        let (mut texts, unplaced) = self.sort(jobs);
        let (mut foreign, mut failed) = (Vec::new(), Vec::new());
        if !unplaced.is_empty() {
            // another node may just have added the number: the store knows
            match self.directory.refresh().await {
                Ok(()) => foreign = self.place(unplaced, &mut texts),
                Err(error) => {
                    tracing::warn!(%error, "texts that no number here is known for are tried again");
                    failed = unplaced.into_iter().map(|(job, _)| job).collect();
                }
            }
        }
        self.route(&mut texts).await;
        self.recall(&mut texts).await;
        let mut pairs: HashMap<(String, String), Vec<ReceivedText>> = HashMap::new();
        for text in texts {
            let pair = (text.sender.number.address.clone(), text.inbound.from.clone());
            pairs.entry(pair).or_default().push(text);
        }
        let handled = join_all(pairs.into_values().map(|texts| self.in_order(texts))).await;
        let mut done = Vec::new();
        for (text, result) in handled.into_iter().flatten() {
            match result {
                Ok(fact) => done.push((text, fact)),
                Err(error) => {
                    tracing::warn!(%error, id = %text.job.id, "could not handle a text; it is tried again");
                    failed.push(text.job);
                }
            }
        }
        done.sort_by_key(|(text, _)| text.job.id);
        let (copies, unwritten) = self.finish_texts(done, foreign).await;
        failed.extend(unwritten);
        self.give_back(&failed).await;
        copies
    }

    /// Texts to numbers of ours as this node knows them, and the rest with the reasons.
    fn sort(&self, jobs: Vec<WebhookJob>) -> (Vec<ReceivedText>, Vec<(WebhookJob, &'static str)>) {
        let entries = self.directory.current();
        let (mut texts, mut unplaced) = (Vec::new(), Vec::new());
        for job in jobs {
            match read_text(&entries, &job) {
                Ok((inbound, sender)) => {
                    let (is_routed, is_again) = (true, false);
                    texts.push(ReceivedText { job, inbound, sender, route: None, is_routed, is_again });
                }
                Err(reason) => unplaced.push((job, reason)),
            }
        }
        (texts, unplaced)
    }

    /// Sorts again; what still has no place stays as it came.
    fn place(&self, unplaced: Vec<(WebhookJob, &'static str)>, texts: &mut Vec<ReceivedText>) -> Vec<WebhookJob> {
        let (more, foreign) = self.sort(unplaced.into_iter().map(|(job, _)| job).collect());
        texts.extend(more);
        for (job, reason) in &foreign {
            tracing::warn!(id = %job.id, reason, "a text that came in is kept as it came, and nothing else");
            self.metrics.dropped();
        }
        foreign.into_iter().map(|(job, _)| job).collect()
    }

    async fn in_order(&self, texts: Vec<ReceivedText>) -> Vec<InboundTextHandlingResult> {
        let mut handled: Vec<InboundTextHandlingResult> = Vec::with_capacity(texts.len());
        for mut text in texts {
            let asked = handled.iter().rev().find_map(|(_, result)| result.as_ref().ok()?.asked.as_ref());
            if let (Some(route), Some(asked)) = (&mut text.route, asked) {
                line_up(route, asked);
            }
            let is_behind = handled.last().is_some_and(|(_, result)| result.is_err());
            let result = if is_behind { Err(behind()) } else { self.handle(&text).await };
            handled.push((text, result));
        }
        handled
    }
}

/// What a job says, and to which number of ours.
fn read_text(
    entries: &DirectoryEntries,
    job: &WebhookJob,
) -> Result<(Arc<provider::InboundMessage>, Arc<SenderNumber>), &'static str> {
    let handle = entries.handle(job.account).ok_or("its account was deleted")?;
    let inbound = read::text_of(handle.connector.kind(), job).map_err(|_| "it cannot be read any more")?;
    // an account speaks for its own numbers; what is inside this process plays every carrier
    let is_inside = handle.connector.kind().profile().is_inside;
    let is_own = |sender: &SenderNumber| is_inside || sender.number.account == job.account;
    let named = entries.sender(&inbound.to);
    if let Some(sender) = named.filter(|sender| is_own(sender)) {
        return Ok((inbound, sender.clone()));
    }
    // a group text may name others before our number
    if let Some(sender) = inbound.also_to.iter().filter_map(|to| entries.sender(to)).find(|sender| is_own(sender)) {
        let to = sender.number.address.clone();
        return Ok((Arc::new(provider::InboundMessage { to, ..(*inbound).clone() }), sender.clone()));
    }
    if named.is_some() {
        return Err("the number is on another account");
    }
    if is_number(&inbound.to) {
        return Err("it is not to a number of ours");
    }
    let sender = Arc::new(operators(job, &inbound.to));
    Ok((inbound, sender))
}
