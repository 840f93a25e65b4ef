//! What a client says in a session itself, and what was said there.

use serde_json::json;

use super::SessionMessages;
use super::deliver::SpokenWords;
use crate::model::{
    Address, Channel, ClientId, InteractionId, MessageId, Millis, ParticipantId, SessionId, SessionState,
};
use crate::service::audit::AuditContext;
use crate::service::client::ApiConsumer;
use crate::service::idempotency::{IdempotencyFingerprint, IdempotencyKey};
use crate::service::message::{self, Order, says_something};
use crate::service::race::settled;
use crate::service::{Error, ErrorKind, Result};
use crate::store::outbox::intake::{IdempotencyRecord, NewMessage};
use crate::store::session::interaction::{self, Interaction, InteractionFailure, InteractionKind, NewInteraction};
use crate::store::session::speech::{NewSpeech, SpeechAcceptResult, SpeechEvents};
use crate::store::session::{self as sessions, Participant, SessionWithParticipants};

/// What a client says.
pub struct SpokenText {
    /// For whom of its people it speaks, if for any.
    pub from: Option<ParticipantId>,
    /// To whom; without, to all others.
    pub to: Option<ParticipantId>,
    pub body: String,
    pub media_urls: Vec<String>,
}

/// What no text may be, whomever it goes to.
fn check(text: &SpokenText) -> Result<()> {
    let (body, media_urls) = (text.body.clone(), text.media_urls.clone());
    let order = Order { body, media_urls, ..Order::new(Channel::Sms, Address::stored("")) };
    message::limits(&order)?;
    message::anyway(Channel::Sms, &order.media_urls, None)?;
    says_something(&order)
}

impl SessionMessages {
    /// Says something in a session; what has become of it for each whom it is for: all of it is written, or nothing.
    /// Under a name of its client's the same request says it once, and is told how that stands.
    pub async fn speak(
        &self,
        consumer: &ApiConsumer,
        session: SessionId,
        text: &SpokenText,
        key: Option<IdempotencyKey>,
        audit: &AuditContext<'_, SpokenText>,
    ) -> Result<Vec<Interaction>> {
        let named = key.map(|key| self.messages.named(consumer.client, key, &text.canonical(session)));
        let spoken = match check(text) {
            Ok(()) => settled("this session", || self.say(consumer, session, text, named.as_ref(), audit)).await,
            Err(error) => Err(error),
        };
        let ids = match spoken {
            Err(error) if error.kind != ErrorKind::Forbidden => {
                // what was good when it came first is answered as it was then
                let kept = self.messages.replayed(named.as_ref()).await?;
                read_ids(&kept.ok_or(error)?.text)
            }
            spoken => spoken?,
        };
        Ok(interaction::of_ids(&self.store, &ids).await?)
    }

    /// What was said by the same request, where it came before under this name.
    pub async fn said_before(
        &self,
        client: ClientId,
        session: SessionId,
        text: &SpokenText,
        key: IdempotencyKey,
    ) -> Result<Option<Vec<Interaction>>> {
        let named = self.messages.named(client, key, &text.canonical(session));
        let Some(kept) = self.messages.replayed(Some(&named)).await? else { return Ok(None) };
        Ok(Some(interaction::of_ids(&self.store, &read_ids(&kept.text)).await?))
    }

    pub(super) async fn find(&self, client: ClientId, session: SessionId) -> Result<SessionWithParticipants> {
        sessions::find(&self.store, client, session).await?.ok_or_else(|| Error::not_found("session"))
    }

    /// Says it in the session as it is read; a race is told as what it is.
    async fn say(
        &self,
        consumer: &ApiConsumer,
        session: SessionId,
        text: &SpokenText,
        named: Option<&IdempotencyFingerprint>,
        audit: &AuditContext<'_, SpokenText>,
    ) -> Result<Vec<InteractionId>> {
        let found = self.find(consumer.client, session).await?;
        let now_ms = self.clock.now_ms();
        is_heard(&found, now_ms)?;
        if !consumer.may_send_in(&found) {
            return Err(Error::new(ErrorKind::Forbidden, "this key may not send to all in this session"));
        }
        let others = listeners(&found, text)?;
        let (said, texts) = self.copies(&found, &others, text, now_ms).await?;
        if said.iter().all(|one| one.copy == Err(InteractionFailure::Text)) {
            return Err(Error::invalid("body", "is longer than can be sent"));
        }
        let ids: Vec<InteractionId> = said.iter().map(|one| one.id).collect();
        let kept = |named: &IdempotencyFingerprint| IdempotencyRecord {
            named: named.clone(),
            reply: ids_text(&ids),
            with_balance: false,
        };
        let new = NewSpeech {
            session,
            at_ms: now_ms,
            silent_ms: now_ms,
            said,
            texts,
            begins: found.session.state != SessionState::InProgress,
            keeps_unpaid: false,
            kept: named.map(kept),
            entry: audit.entry(now_ms, session, None, Some(text)),
            told: self.telling(found, now_ms),
        };
        match self.speech.accept(new).await? {
            SpeechAcceptResult::Stored(copies) => {
                self.messages.stored(copies);
                self.events.wake();
                Ok(ids)
            }
            SpeechAcceptResult::Replayed(reply) => Ok(read_ids(&reply.text)),
            SpeechAcceptResult::KeyReused => Err(Error::key_reused()),
            SpeechAcceptResult::Unpayable => Err(Error::unpayable()),
        }
    }

    /// What is written of it for each, and the copies of those who can have one.
    async fn copies(
        &self,
        found: &SessionWithParticipants,
        others: &[&Participant],
        text: &SpokenText,
        now_ms: Millis,
    ) -> Result<(Vec<NewInteraction>, Vec<NewMessage>)> {
        let (session, client) = (found.session.id, found.session.client);
        let place = found.participants.iter().position(|one| Some(one.id) == text.from);
        let from = place.map(|place| &found.participants[place]);
        // nobody's words have no label
        let labels = from.map(|_| found.session.settings.labels).unwrap_or_default();
        let words = SpokenWords {
            body: &text.body,
            media_urls: &text.media_urls,
            labels,
            name: from.and_then(|from| from.name.as_deref()),
            place: place.unwrap_or_default(),
            callback: self.called_back(&found.session, text.from, None, now_ms),
        };
        let (mut said, mut texts) = (Vec::with_capacity(others.len()), Vec::with_capacity(others.len()));
        for to in others {
            let id = MessageId::new(now_ms);
            let copy = self.copy_for(&words, to, (id, client)).await?.map(|text| texts.push(text));
            said.push(NewInteraction {
                id: id.into(),
                session,
                client,
                kind: InteractionKind::Message,
                from: text.from,
                to: Some(to.id),
                inbound: None,
                copy: copy.map(|()| id),
                begins_loop: false,
                at_ms: now_ms,
            });
        }
        Ok((said, texts))
    }

    /// Tells of it, and that the session is under way by it, once that is decided.
    pub(super) fn telling(&self, found: SessionWithParticipants, now_ms: Millis) -> SpeechEvents {
        let events = self.events.clone();
        Box::new(move |said: &[NewInteraction], begins: bool| {
            let mut batch = events.batch();
            if begins {
                batch.session_begins(&found, now_ms);
            }
            for one in said {
                batch.interaction(one);
            }
            batch.into_rows()
        })
    }
}

impl SpokenText {
    /// The same for the same text, however it was written.
    fn canonical(&self, session: SessionId) -> Vec<u8> {
        let [from, to] = [self.from, self.to].map(|id| id.map(ParticipantId::hex));
        json!([session.hex(), from, to, self.body, self.media_urls]).to_string().into_bytes()
    }
}

/// What is kept for a request that comes again: what was said by it, to be looked up.
pub(super) fn ids_text(ids: &[InteractionId]) -> String {
    ids.iter().copied().map(InteractionId::hex).collect::<Vec<_>>().join(",")
}

pub(super) fn read_ids(text: &str) -> Vec<InteractionId> {
    text.split(',').filter_map(|id| InteractionId::from_hex(id).ok()).collect()
}

/// Refuses what nobody would read.
fn is_heard(SessionWithParticipants { session, .. }: &SessionWithParticipants, now_ms: Millis) -> Result<()> {
    if session.is_over_at(now_ms) {
        return Err(Error::conflict("the session is over"));
    }
    if !session.mode.has_texts() {
        return Err(Error::conflict("the session takes calls only"));
    }
    Ok(())
}

/// Whom a text is for.
fn listeners<'a>(found: &'a SessionWithParticipants, text: &SpokenText) -> Result<Vec<&'a Participant>> {
    let present = || found.participants.iter().filter(|one| one.left_ms.is_none());
    if text.from.is_some() && !present().any(|one| Some(one.id) == text.from) {
        return Err(Error::invalid("from_participant", "must be somebody who is in this session"));
    }
    let is_meant = |one: &&Participant| Some(one.id) != text.from && text.to.is_none_or(|to| to == one.id);
    let others: Vec<&Participant> = present().filter(is_meant).collect();
    if !others.is_empty() {
        return Ok(others);
    }
    Err(match text.to {
        Some(_) => Error::invalid("to", "must be somebody else who is in this session"),
        None => Error::conflict("nobody else is in the session"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_request_leads_back_to_what_was_said() {
        let ids: Vec<InteractionId> = (0..50).map(InteractionId::new).collect();
        assert_eq!(read_ids(&ids_text(&ids)), ids);
        assert!(read_ids("").is_empty());
    }
}
