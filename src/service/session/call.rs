//! Calls of people in sessions: a caller is put through to the one other, who sees the number that they know, or waits
//! in a conference into which each of the others is called. What a carrier is told is made of what was written: asked
//! again, it is told the same, and nobody is called twice.

use super::SessionMessages;
use super::callback::SessionCallback;
use super::said_text::was_there;
use super::speak::{ids_text, read_ids};
use crate::crypto::hash;
use crate::model::{
    AccountId, Address, CallPlan, Channel, DurationSetting, InteractionId, MessageContent, MessageId, Millis,
    ParticipantId, SessionState, SpeechVoice, VoiceDial, VoiceResponse,
};
use crate::provider::{InboundCall, PostKind};
use crate::service::directory::SenderNumber;
use crate::service::idempotency::{IdempotencyFingerprint, IdempotencyKey};
use crate::service::message::Order;
use crate::service::number::NumberCapability;
use crate::service::race::settled;
use crate::service::{Error, ErrorKind, Result};
use crate::store::outbox::intake::{IdempotencyRecord, NewMessage};
use crate::store::session::call::UNHEARD_MS;
use crate::store::session::interaction::{self, Interaction, InteractionFailure, InteractionKind, NewInteraction};
use crate::store::session::route::{self, SessionRoute};
use crate::store::session::speech::{NewSpeech, SpeechAcceptResult};
use crate::store::session::{Participant, SessionWithParticipants};

/// Where calls come in, to tell them from other requests.
const CALLS: &str = "calls to sessions";

/// What a caller's carrier is told.
pub struct CallAnswer {
    /// A document of TwiML.
    pub twiml: String,
    /// The call by which it puts the caller through, and to whom.
    pub dialled: Option<(MessageId, String)>,
}

/// What is said to all whom a caller reaches.
struct CallLegs<'a> {
    found: &'a SessionWithParticipants,
    others: Vec<&'a Participant>,
    /// The one that the call came in by: no other knows its numbers, or its conferences.
    account: AccountId,
    room: &'a str,
    is_blocked: bool,
    /// Who is called back of it.
    callback: Option<SessionCallback>,
    at_ms: Millis,
}

impl CallLegs<'_> {
    /// Whether the caller's carrier dials by itself.
    fn is_direct(&self) -> bool {
        self.others.len() == 1
    }

    fn interaction(
        &self,
        id: InteractionId,
        from: ParticipantId,
        to: Option<&Participant>,
        copy: Result<MessageId, InteractionFailure>,
    ) -> NewInteraction {
        NewInteraction {
            id,
            session: self.found.session.id,
            client: self.found.session.client,
            kind: InteractionKind::Voice,
            from: Some(from),
            to: to.map(|to| to.id),
            inbound: None,
            copy,
            begins_loop: false,
            at_ms: self.at_ms,
        }
    }
}

impl SessionMessages {
    /// The session that a caller is in by the number that they call.
    pub(super) async fn call_route(&self, call: &InboundCall, sender: &SenderNumber) -> Result<Option<SessionRoute>> {
        let pair = self.pair(&Address::stored(call.from.as_str()), sender, self.clock.now_ms());
        Ok(route::find(&self.store, &[pair]).await?.into_iter().next().flatten())
    }

    /// Puts a call through, unless it is blocked.
    pub(super) async fn put_through(
        &self,
        call: &InboundCall,
        sender: &SenderNumber,
        is_blocked: bool,
    ) -> Result<CallAnswer> {
        settled("this session", || self.connect(call, sender, is_blocked)).await
    }

    /// The same in the session as it is read; a race is told as what it is.
    async fn connect(&self, call: &InboundCall, sender: &SenderNumber, is_blocked: bool) -> Result<CallAnswer> {
        let now_ms = self.clock.now_ms();
        let Some(SessionRoute { session: found, from, .. }) = self.call_route(call, sender).await? else {
            return Ok(self.unknown_caller());
        };
        // another node's clock may have been ahead when they came in
        let joined_ms = found.participants.iter().find(|one| one.id == from).map(|one| one.joined_ms);
        let at_ms = joined_ms.map_or(now_ms, |joined_ms| joined_ms.max(now_ms));
        let others = found.participants.iter().filter(|one| one.id != from && was_there(one, at_ms)).collect();
        let named = self.named_call(call, sender, &found);
        let room = room(&named);
        let legs = CallLegs {
            found: &found,
            others,
            account: sender.number.account,
            room: &room,
            is_blocked,
            callback: self.called_back(&found.session, Some(from), None, now_ms),
            at_ms: now_ms,
        };
        let (said, texts) = self.legs(&legs, from).await?;
        let ids: Vec<InteractionId> = said.iter().map(|one| one.id).collect();
        let new = NewSpeech {
            session: found.session.id,
            at_ms: now_ms,
            silent_ms: now_ms + UNHEARD_MS,
            said,
            texts,
            begins: found.session.state != SessionState::InProgress,
            keeps_unpaid: true,
            kept: Some(IdempotencyRecord { named, reply: ids_text(&ids), with_balance: false }),
            entry: None,
            told: self.telling(SessionWithParticipants::clone(&found), now_ms),
        };
        let ids = match self.speech.accept(new).await? {
            SpeechAcceptResult::Stored(copies) => {
                self.messages.stored(copies);
                self.events.wake();
                ids
            }
            SpeechAcceptResult::Replayed(reply) => read_ids(&reply.text),
            SpeechAcceptResult::KeyReused => return Err(Error::key_reused()),
            SpeechAcceptResult::Unpayable => return Err(Error::unpayable()),
        };
        let said = interaction::of_ids(&self.store, &ids).await?;
        Ok(self.told_of(&legs, &said))
    }

    /// How a call is known again that its carrier asks about again.
    fn named_call(
        &self,
        call: &InboundCall,
        sender: &SenderNumber,
        found: &SessionWithParticipants,
    ) -> IdempotencyFingerprint {
        let name = format!("{} {}", sender.number.account.hex(), call.provider_id);
        self.messages.named(
            found.session.client,
            IdempotencyKey { name, path: CALLS },
            found.session.id.hex().as_bytes(),
        )
    }

    /// What is written of a call for each whom it reaches, and the calls to those who can be called; or that it reaches
    /// nobody.
    async fn legs(&self, legs: &CallLegs<'_>, from: ParticipantId) -> Result<(Vec<NewInteraction>, Vec<NewMessage>)> {
        let unheard = if !legs.found.session.mode.has_calls() {
            Some(InteractionFailure::Mode)
        } else if legs.others.is_empty() {
            Some(InteractionFailure::Alone)
        } else {
            legs.is_blocked.then_some(InteractionFailure::Blocked)
        };
        if let Some(failure) = unheard {
            let id = MessageId::new(legs.at_ms).into();
            return Ok((vec![legs.interaction(id, from, None, Err(failure))], Vec::new()));
        }
        let (mut said, mut texts) = (Vec::new(), Vec::new());
        for to in legs.others.iter().copied() {
            let id = MessageId::new(legs.at_ms);
            let copy = self.leg(legs, to, id).await?.map(|leg| texts.push(leg));
            said.push(legs.interaction(id.into(), from, Some(to), copy.map(|()| id)));
        }
        Ok((said, texts))
    }

    /// A call to somebody from the number that they know, or why there is none.
    async fn leg(
        &self,
        legs: &CallLegs<'_>,
        to: &Participant,
        id: MessageId,
    ) -> Result<Result<NewMessage, InteractionFailure>> {
        let sender = self.sender_of(to, NumberCapability::Voice).await?;
        let Some(sender) = sender.filter(|sender| sender.number.account == legs.account) else {
            return Ok(Err(InteractionFailure::Number));
        };
        let dial = if legs.is_direct() {
            VoiceDial::number(&to.address, None).caller_id(&to.number)
        } else {
            VoiceDial::conference(legs.room)
        };
        let plan = CallPlan { twiml: Some(VoiceResponse::default().dial(dial).to_string()), ..CallPlan::default() };
        // whoever calls waits no longer
        let valid_for = Some(DurationSetting::from_millis(30_000));
        let hold = |content: &MessageContent| Some(legs.callback.as_ref()?.hold(content, Some(to.id)));
        let address = Address::stored(to.address.as_str());
        let order = Order { call: Some(plan), valid_for, ..Order::new(Channel::Voice, address) };
        let client = legs.found.session.client;
        let via = self.via(client, &sender, &order);
        match self.messages.copy(client, order, via) {
            Ok(draft) => {
                let leg = draft.under(id).holding(hold);
                Ok(Ok(self.messages.part_of(if legs.is_direct() { leg.placed() } else { leg })))
            }
            Err(Error { kind: ErrorKind::Invalid | ErrorKind::Limit(_), .. }) => Ok(Err(InteractionFailure::Number)),
            Err(Error { kind: ErrorKind::Unpayable, .. }) => Ok(Err(InteractionFailure::Unpayable)),
            Err(error) => Err(error),
        }
    }

    /// What the caller's carrier is told of a call, as it was written.
    fn told_of(&self, legs: &CallLegs<'_>, said: &[Interaction]) -> CallAnswer {
        let Some(first) = said.iter().find(|one| one.outbound.is_some()) else {
            let is = |why: InteractionFailure| said.iter().any(|one| one.reason.as_deref() == Some(why.name()));
            let text = if is(InteractionFailure::Mode) {
                &self.settings.texts_only_call_text
            } else if is(InteractionFailure::Alone) {
                &self.settings.no_session_call_text
            } else {
                &self.settings.failed_call_text
            };
            return self.hears(text);
        };
        let to = legs.found.participants.iter().find(|one| Some(one.id) == first.to);
        let direct = first.outbound.zip(to).filter(|_| said.len() == 1);
        let dial = match direct {
            Some((leg, to)) => {
                let callback = |what| self.callback(legs.account, what, leg);
                let dial = VoiceDial::number(&to.address, callback(PostKind::Receipt).as_deref());
                let dial = dial.caller_id(&to.number);
                match callback(PostKind::Dial) {
                    Some(url) => dial.action(&url),
                    None => dial,
                }
            }
            None => VoiceDial::own_conference(legs.room),
        };
        let dialled = direct.map(|(leg, to)| (leg, to.address.clone()));
        CallAnswer { twiml: self.saying(&self.settings.connecting_text).dial(dial).to_string(), dialled }
    }

    /// Where a carrier says what becomes of a call that it places by itself, where it can say so.
    pub(super) fn callback(&self, account: AccountId, what: PostKind, leg: MessageId) -> Option<String> {
        let origin = self.public_url.as_ref()?;
        let path = self.directory.current().handle(account)?.connector.path_of(what)?;
        Some(format!("{origin}{path}?leg={}", leg.hex()))
    }

    /// Says something, where there is something to say.
    fn saying(&self, text: &str) -> VoiceResponse {
        let voice = SpeechVoice { voice: given(&self.settings.voice), language: given(&self.settings.language) };
        let response = VoiceResponse::default();
        if text.is_empty() { response } else { response.say(text, voice) }
    }

    /// The caller hears this, and reaches nobody.
    fn hears(&self, text: &str) -> CallAnswer {
        let response = if text.is_empty() { VoiceResponse::default().reject() } else { self.saying(text) };
        CallAnswer { twiml: response.to_string(), dialled: None }
    }

    /// Who cannot be put through hears this.
    pub(super) fn unconnected_caller(&self) -> CallAnswer {
        self.hears(&self.settings.failed_call_text)
    }

    /// Who is in no session hears this.
    pub(super) fn unknown_caller(&self) -> CallAnswer {
        self.hears(&self.settings.no_session_call_text)
    }
}

/// A setting, where it says something.
fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// The conference of a call: a name from which nobody learns anything.
fn room(named: &IdempotencyFingerprint) -> String {
    format!("call-{}", hash::sha256_hex(&named.id))
}
