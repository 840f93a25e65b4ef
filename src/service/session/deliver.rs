//! What somebody says in a session, for all others who were in it when it came in, each from the number that they know.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::Notify;

use super::SaidText;
use super::callback::SessionCallback;
use super::label::labelled;
use super::loop_guard::{LoopGuard, LoopVerdict};
use super::notice::{SessionNotice, Settings};
use super::number_proxy::NumberProxySettings;
use crate::model::{
    Address, Channel, ClientId, Clock, InboundId, MessageContent, MessageId, Millis, PublicOrigin, SessionLabels,
};
use crate::service::directory::{Directory, SenderNumber};
use crate::service::event::Events;
use crate::service::media::MediaProxy;
use crate::service::message::{ChosenRoute, Messages, Order};
use crate::service::number::NumberCapability;
use crate::service::tariff::Tariff;
use crate::service::{Error, ErrorKind, Result};
use crate::store::inbound::handled::{HandledTextWriter, PreparedText};
use crate::store::outbox::LaneKeyHasher;
use crate::store::outbox::intake::NewMessage;
use crate::store::session::interaction::{InteractionFailure, InteractionRecord, NewInteraction};
use crate::store::session::route::{self, PairAtTime, SessionRoute};
use crate::store::session::speech::SpeechAcceptor;
use crate::store::session::{Participant, SessionWithParticipants};
use crate::store::{self, Store, message};

const NO_MEDIA: &[String] = &[];

/// Passes on what is said in sessions.
pub struct SessionMessages {
    pub settings: Settings,
    /// What strangers are told at its numbers.
    pub number_proxy: NumberProxySettings,
    pub store: Store,
    pub directory: Arc<Directory>,
    pub messages: Arc<Messages>,
    /// Under which URLs pictures are passed on.
    pub media: Arc<MediaProxy>,
    pub tariff: Arc<Tariff>,
    pub events: Arc<Events>,
    pub clock: Clock,
    pub lanes: LaneKeyHasher,
    pub loops: LoopGuard,
    /// The way in of what clients say themselves, and of calls.
    pub speech: SpeechAcceptor,
    /// The way in of what people say, once it is handled.
    pub handled: HandledTextWriter,
    /// Wakes whoever asks clients' servers what becomes of texts.
    pub asked: Notify,
    /// Where carriers find us, if they do.
    pub public_url: Option<PublicOrigin>,
}

/// What is said to all others alike.
pub(super) struct SpokenWords<'a> {
    pub(super) body: &'a str,
    pub(super) media_urls: &'a [String],
    pub(super) labels: SessionLabels,
    pub(super) name: Option<&'a str>,
    /// How many came into the session before whoever says it.
    pub(super) place: usize,
    /// Who is called back of it.
    pub(super) callback: Option<SessionCallback>,
}

impl SpokenWords<'_> {
    /// As somebody may get it, those forms first that have more: with pictures where they can be sent, else with a line
    /// that says that there were some; with its label, a shorter one, or none.
    fn forms(&self, with_media: bool) -> Vec<(String, &[String])> {
        let line = match self.media_urls.len() {
            0 => None,
            1 => Some("[attachment left out]"),
            _ => Some("[attachments left out]"),
        };
        let in_words = match line {
            None => self.body.to_owned(),
            Some(line) if self.body.is_empty() => line.to_owned(),
            Some(line) => format!("{}\n{line}", self.body),
        };
        let with_pictures = (self.body.to_owned(), self.media_urls);
        let contents = [(with_media || line.is_none()).then_some(with_pictures), line.map(|_| (in_words, NO_MEDIA))];
        let mut forms = Vec::new();
        for (body, media_urls) in contents.into_iter().flatten() {
            let mut labels = vec![self.labels, SessionLabels::Letter, SessionLabels::Off];
            labels.retain(|one| self.labels != SessionLabels::Off || *one == SessionLabels::Off);
            labels.dedup();
            let labelled = |labels| (labelled(labels, self.name, self.place, &body), media_urls);
            forms.extend(labels.into_iter().map(labelled));
        }
        // the words alone, rather than nothing
        forms.extend((line.is_some() && !self.body.is_empty()).then(|| (self.body.to_owned(), NO_MEDIA)));
        forms
    }
}

impl SessionMessages {
    /// Somebody who texts or calls a number of ours, as their session is found.
    pub(in crate::service) fn pair(&self, person: &Address, sender: &SenderNumber, at_ms: Millis) -> PairAtTime {
        let (number, person) = (&sender.number, person.folded());
        let lane = self.lanes.of(Channel::Sms, &number.address, &person);
        PairAtTime { person: person.into_owned(), number: number.id, at_ms, lane }
    }

    /// The session of each of these, in their order, where they were in one.
    pub(in crate::service) async fn routes(&self, pairs: &[PairAtTime]) -> store::Result<Vec<Option<SessionRoute>>> {
        route::find(&self.store, pairs).await
    }

    /// Those of these texts of which a copy is there already.
    pub(in crate::service) async fn passed_on(
        &self,
        texts: &[(InboundId, &SessionRoute)],
    ) -> store::Result<HashSet<InboundId>> {
        let mut copies: HashMap<MessageId, InboundId> = HashMap::new();
        for (id, route) in texts {
            copies.extend(route.session.participants.iter().map(|one| (id.copy(one.id), *id)));
        }
        let ids: Vec<MessageId> = copies.keys().copied().collect();
        let made = message::made(&self.store, &ids).await?;
        Ok(made.keys().filter_map(|copy| copies.get(copy).copied()).collect())
    }

    /// What is to come of a text, to be written as the text is finished. Done again, it does no harm.
    pub(in crate::service) async fn prepare(&self, said: &SaidText<'_>) -> Result<PreparedText> {
        let SessionWithParticipants { session, participants } = &*said.route.session;
        let Some(place) = participants.iter().position(|one| one.id == said.route.from) else {
            return Ok(PreparedText::default());
        };
        let (from, others) = (&participants[place], said.others());
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
            let record = InteractionRecord { said: vec![said.interaction(None, Err(failure))], touched: None };
            return Ok(PreparedText { record, copies: Vec::new() });
        }
        let offered = self.media.offer(said.id.message(), said.sender.number.account, &said.media_urls);
        let (name, media_urls) = (from.name.as_deref(), offered.as_slice());
        let callback = self.called_back(session, Some(from.id), Some(said.id.message()), said.at_ms);
        let words = SpokenWords { body: said.body, media_urls, labels: session.settings.labels, name, place, callback };
        let verdict = self.loops.say(from.id, &(said.body, &said.media_urls), said.counted());
        let made = self.made(said, &others).await?;
        let (mut said_to, mut copies) = (Vec::with_capacity(others.len()), Vec::with_capacity(others.len()));
        // one is told of it
        let mut is_told = false;
        for to in others {
            let (mut one, copy) = self.copy(said, &words, (to, &made), verdict).await?;
            one.begins_loop &= !is_told;
            is_told |= one.begins_loop;
            said_to.push(one);
            copies.extend(copy);
        }
        if said_to.iter().any(|one| one.copy == Err(InteractionFailure::Text)) {
            let person = (&*from.address, said.counted());
            self.tell(SessionNotice::TooLong, said.sender, session.client, person).await?;
        }
        let is_stopped = |one: &NewInteraction| one.copy == Err(InteractionFailure::Loop);
        let touched = (!said_to.iter().all(is_stopped)).then_some(session.touched(said.at_ms));
        Ok(PreparedText { record: InteractionRecord { said: said_to, touched }, copies })
    }

    /// Which of the copies of a text are there, of one that may have been passed on before.
    pub(super) async fn made(
        &self,
        said: &SaidText<'_>,
        others: &[&Participant],
    ) -> Result<HashMap<MessageId, Millis>> {
        if !said.is_again {
            return Ok(HashMap::new());
        }
        let copies: Vec<MessageId> = others.iter().map(|to| said.id.copy(to.id)).collect();
        Ok(message::made(&self.store, &copies).await?)
    }

    /// What one of the others gets of a text, and the copy, unless it is `made`.
    async fn copy(
        &self,
        said: &SaidText<'_>,
        words: &SpokenWords<'_>,
        (to, made): (&Participant, &HashMap<MessageId, Millis>),
        verdict: LoopVerdict,
    ) -> Result<(NewInteraction, Option<NewMessage>)> {
        // what became of it before does not change by what is otherwise now
        let id = said.id.copy(to.id);
        if made.contains_key(&id) {
            return Ok((said.interaction(Some(to), Ok(id)), None));
        }
        let pass = || self.loops.pass(said.route.from, to.id, said.counted());
        let verdict = if verdict == LoopVerdict::Passes { pass() } else { verdict };
        let copy = if verdict != LoopVerdict::Passes {
            Err(InteractionFailure::Loop)
        } else if to.left_ms.is_some() && route::is_elsewhere(&self.store, to).await? {
            Err(InteractionFailure::Left)
        } else {
            self.copy_for(words, to, (id, said.route.session.session.client)).await?
        };
        let (outcome, copy) = match copy {
            Ok(new) => (Ok(id), Some(new)),
            Err(failure) => (Err(failure), None),
        };
        let begins_loop = verdict == LoopVerdict::Begins;
        Ok((NewInteraction { begins_loop, ..said.interaction(Some(to), outcome) }, copy))
    }

    /// What somebody gets from the number that they know, or why there is nothing. What has become too long by what we
    /// add to it goes without, and what cannot go as pictures goes in words.
    pub(super) async fn copy_for(
        &self,
        words: &SpokenWords<'_>,
        to: &Participant,
        (id, client): (MessageId, ClientId),
    ) -> Result<Result<NewMessage, InteractionFailure>> {
        let Some(sender) = self.sender_of(to, NumberCapability::Sms).await? else {
            return Ok(Err(InteractionFailure::Number));
        };
        for (body, media_urls) in words.forms(sender.can(NumberCapability::Mms)) {
            let media_urls = media_urls.to_vec();
            let order = Order { body, media_urls, ..Order::new(Channel::Sms, Address::stored(to.address.as_str())) };
            let via = self.via(client, &sender, &order);
            let hold = |content: &MessageContent| Some(words.callback.as_ref()?.hold(content, Some(to.id)));
            match self.messages.copy(client, order, via) {
                Ok(draft) => return Ok(Ok(self.messages.part_of(draft.under(id).holding(hold)))),
                Err(Error { kind: ErrorKind::Invalid | ErrorKind::Limit(_), .. }) => {}
                Err(Error { kind: ErrorKind::Unpayable, .. }) => return Ok(Err(InteractionFailure::Unpayable)),
                Err(error) => return Err(error),
            }
        }
        Ok(Err(InteractionFailure::Text))
    }

    /// From a number of ours, through its own account, at its price where the client pays.
    pub(super) fn via(&self, client: ClientId, sender: &SenderNumber, order: &Order) -> ChosenRoute {
        let price = || self.tariff.price(order.priced(), order.to.as_str(), self.clock.now_ms());
        let price = client.pays().then(price);
        ChosenRoute { account: sender.number.account, from: sender.number.address.clone(), price }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_add_goes_before_pictures_and_those_before_words() {
        let media_urls = ["https://pictures.example/1".to_owned()];
        let mut words = SpokenWords {
            body: "look",
            media_urls: &media_urls,
            labels: SessionLabels::Name,
            name: Some("Ann"),
            place: 1,
            callback: None,
        };
        let shown = |words: &SpokenWords<'_>, with_media| -> Vec<String> {
            words.forms(with_media).iter().map(|(body, media)| format!("{body} +{}", media.len())).collect()
        };
        let line = "look\n[attachment left out] +0";
        let in_words = [format!("Ann: {line}"), format!("B: {line}"), line.to_owned(), "look +0".to_owned()];
        assert_eq!(shown(&words, false), in_words);
        assert_eq!(shown(&words, true)[..3], ["Ann: look +1", "B: look +1", "look +1"]);
        assert_eq!(shown(&words, true)[3..], in_words);
        words.labels = SessionLabels::Letter;
        words.media_urls = &[];
        assert_eq!(shown(&words, false), ["B: look +0", "look +0"]);
        words.labels = SessionLabels::Off;
        assert_eq!(shown(&words, true), ["look +0"]);
    }
}
