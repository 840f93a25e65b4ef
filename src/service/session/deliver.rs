//! What somebody says in a session, passed on to all others who were in it when it came in, each from the number that they
//! know.

use std::sync::Arc;

use futures_util::future::join_all;

use super::label::labelled;
use super::loop_guard::{CountedText, LoopGuard, LoopVerdict};
use super::notice::{SessionNotice, Settings};
use crate::model::{Address, Channel, ClientId, Clock, InboundId, MessageId, Millis, SessionLabels};
use crate::service::directory::{Directory, SenderNumber};
use crate::service::event::Events;
use crate::service::message::{ChosenRoute, CopyResult, MessageCopy, Messages, Order};
use crate::service::number::NumberCapability;
use crate::service::tariff::Tariff;
use crate::service::{Error, ErrorKind, Result};
use crate::store::audit::AuditEntry;
use crate::store::outbox::LaneKeyHasher;
use crate::store::session::interaction::{InteractionFailure, InteractionKind, InteractionRecord, NewInteraction};
use crate::store::session::route::{self, PairAtTime, SessionRoute};
use crate::store::session::{Participant, SessionWithParticipants};
use crate::store::{self, Store};

/// Passes on what is said in sessions.
pub struct SessionMessages {
    pub settings: Settings,
    pub store: Store,
    pub directory: Arc<Directory>,
    pub messages: Arc<Messages>,
    pub tariff: Arc<Tariff>,
    pub events: Arc<Events>,
    pub clock: Clock,
    pub lanes: LaneKeyHasher,
    pub loops: LoopGuard,
}

/// A text that came in for a session.
pub(in crate::service) struct SaidText<'a> {
    pub(in crate::service) route: &'a SessionRoute,
    pub(in crate::service) id: InboundId,
    /// The number that it came to.
    pub(in crate::service) sender: &'a SenderNumber,
    pub(in crate::service) body: &'a str,
    pub(in crate::service) media_urls: Vec<String>,
    pub(in crate::service) at_ms: Millis,
    /// It may have been passed on in part before.
    pub(in crate::service) is_again: bool,
}

/// What is said to all others alike.
pub(super) struct SpokenWords<'a> {
    pub(super) body: &'a str,
    pub(super) media_urls: &'a [String],
    pub(super) labels: SessionLabels,
    pub(super) name: Option<&'a str>,
    /// How many came into the session before whoever says it.
    pub(super) place: usize,
}

impl SpokenWords<'_> {
    /// As somebody gets it; who gets no pictures is told that there were some.
    fn text(&self, with_media: bool) -> String {
        let left_out = match self.media_urls.len() {
            0 => None,
            1 => Some("[attachment left out]"),
            _ => Some("[attachments left out]"),
        };
        let body = match left_out.filter(|_| !with_media) {
            None => self.body.to_owned(),
            Some(line) if self.body.is_empty() => line.to_owned(),
            Some(line) => format!("{}\n{line}", self.body),
        };
        labelled(self.labels, self.name, self.place, &body)
    }
}

/// A copy about to be accepted.
pub(super) struct CopyTerms {
    pub(super) id: MessageId,
    /// Whose session it is: they pay for it.
    pub(super) client: ClientId,
    pub(super) is_again: bool,
    pub(super) entry: Option<AuditEntry>,
}

/// Whether somebody was in a session at that time.
fn was_there(one: &Participant, at_ms: Millis) -> bool {
    one.joined_ms <= at_ms && one.left_ms.is_none_or(|left_ms| left_ms > at_ms)
}

impl SessionMessages {
    /// The session of each of these, in their order, where they were in one.
    pub(in crate::service) async fn routes(&self, pairs: &[PairAtTime]) -> store::Result<Vec<Option<SessionRoute>>> {
        route::find(&self.store, pairs).await
    }

    /// Passes a text on; what is to be written of that when the text is finished. Done again, it does no harm.
    pub(in crate::service) async fn deliver(&self, said: &SaidText<'_>) -> Result<InteractionRecord> {
        let SessionWithParticipants { session, participants } = &*said.route.session;
        let Some(place) = participants.iter().position(|one| one.id == said.route.from) else {
            return Ok(InteractionRecord::default());
        };
        let from = &participants[place];
        let is_other = |one: &&Participant| one.id != from.id && was_there(one, said.at_ms);
        let others: Vec<&Participant> = participants.iter().filter(is_other).collect();
        let unheard = if !session.mode.has_texts() {
            Some((InteractionFailure::Mode, SessionNotice::CallsOnly))
        } else if others.is_empty() {
            Some((InteractionFailure::Alone, SessionNotice::Alone))
        } else {
            None
        };
        if let Some((failure, notice)) = unheard {
            self.tell(notice, said.sender, session.client, (&from.address, said.counted())).await?;
            // it does not keep the session alive
            return Ok(InteractionRecord { said: vec![said.interaction(None, Err(failure))], touched: None });
        }
        let (name, media_urls) = (from.name.as_deref(), said.media_urls.as_slice());
        let words = SpokenWords { body: said.body, media_urls, labels: session.settings.labels, name, place };
        let verdict = self.loops.say(from.id, &(said.body, media_urls), said.counted());
        let copies = join_all(others.iter().map(|to| self.copy(said, &words, to, verdict))).await;
        let mut said_to = copies.into_iter().collect::<Result<Vec<_>>>()?;
        let is_stopped = |one: &NewInteraction| one.copy == Err(InteractionFailure::Loop);
        let touched = (!said_to.iter().all(is_stopped)).then_some((session.id, said.at_ms));
        // one is told of it
        let mut is_told = false;
        for one in &mut said_to {
            let is_news = one.begins_loop && !is_told;
            is_told |= one.begins_loop;
            one.begins_loop = is_news;
        }
        Ok(InteractionRecord { said: said_to, touched })
    }

    /// Passes a text on to one of the others.
    async fn copy(
        &self,
        said: &SaidText<'_>,
        words: &SpokenWords<'_>,
        to: &Participant,
        verdict: LoopVerdict,
    ) -> Result<NewInteraction> {
        let pass = || self.loops.pass(said.route.from, to.id, said.counted());
        let verdict = if verdict == LoopVerdict::Passes { pass() } else { verdict };
        let copy = if verdict != LoopVerdict::Passes {
            Err(InteractionFailure::Loop)
        } else if to.left_ms.is_some() && route::is_elsewhere(&self.store, to).await? {
            Err(InteractionFailure::Left)
        } else {
            let (id, client) = (said.id.copy(to.id), said.route.session.session.client);
            self.send(words, to, CopyTerms { id, client, is_again: said.is_again, entry: None }).await?
        };
        Ok(NewInteraction { begins_loop: verdict == LoopVerdict::Begins, ..said.interaction(Some(to), copy) })
    }

    /// Sends to somebody from the number that they know, or says why not.
    pub(super) async fn send(
        &self,
        words: &SpokenWords<'_>,
        to: &Participant,
        terms: CopyTerms,
    ) -> Result<Result<MessageId, InteractionFailure>> {
        let entries = self.directory.current();
        let sender = entries.sender(&to.number).filter(|sender| sender.number.id == to.number_id);
        let Some(sender) = sender.filter(|sender| sender.can(NumberCapability::Sms)) else {
            return Ok(Err(InteractionFailure::Number));
        };
        let with_media = sender.can(NumberCapability::Mms);
        let media_urls = if with_media { words.media_urls.to_vec() } else { Vec::new() };
        let order = Order {
            body: words.text(with_media),
            media_urls,
            ..Order::new(Channel::Sms, Address::stored(to.address.as_str()))
        };
        let CopyTerms { id, client, is_again, entry } = terms;
        let via = self.via(client, sender, &order);
        match self.messages.pass_on(MessageCopy { id, client, order, via, is_again, entry }).await {
            Ok(CopyResult::Stored) => Ok(Ok(id)),
            Ok(CopyResult::OptedOut) => Ok(Err(InteractionFailure::OptedOut)),
            Ok(CopyResult::Unpayable) => Ok(Err(InteractionFailure::Unpayable)),
            Err(Error { kind: ErrorKind::Unpayable, .. }) => Ok(Err(InteractionFailure::Unpayable)),
            Err(Error { kind: ErrorKind::Invalid | ErrorKind::Limit(_), .. }) => Ok(Err(InteractionFailure::Text)),
            Err(error) => Err(error),
        }
    }

    /// From a number of ours, through its own account, at the client's price; the operator pays nothing.
    pub(super) fn via(&self, client: ClientId, sender: &SenderNumber, order: &Order) -> ChosenRoute {
        let price = || self.tariff.price(order.priced(), order.to.as_str(), self.clock.now_ms());
        let price = (client != ClientId::OPERATOR).then(price);
        ChosenRoute { account: sender.number.account, from: sender.number.address.clone(), price }
    }
}

impl SaidText<'_> {
    fn counted(&self) -> CountedText {
        CountedText { id: self.id, at_ms: self.at_ms }
    }

    /// What came of it for one of the others. `None`: there was nobody.
    fn interaction(&self, to: Option<&Participant>, copy: Result<MessageId, InteractionFailure>) -> NewInteraction {
        let (session, message) = (&self.route.session.session, self.id.message());
        NewInteraction {
            id: to.map_or(message, |to| self.id.copy(to.id)).into(),
            session: session.id,
            client: session.client,
            kind: InteractionKind::Message,
            from: Some(self.route.from),
            to: to.map(|to| to.id),
            inbound: Some(message),
            copy,
            begins_loop: false,
            at_ms: self.at_ms,
        }
    }
}
