//! What a client says in a session itself, and what was said there.

use super::SessionMessages;
use super::deliver::{CopyTerms, SpokenWords};
use crate::model::{
    Address, Channel, ClientId, InteractionId, MessageId, Millis, ParticipantId, SessionId, SessionState,
};
use crate::service::audit::AuditContext;
use crate::service::client::ApiConsumer;
use crate::service::message::{self, Order, says_something};
use crate::service::{Error, ErrorKind, Result, page};
use crate::store::session::interaction::{
    self, Interaction, InteractionFailure, InteractionKind, InteractionRecord, NewInteraction,
};
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
    /// What was said in a client's session, newest first; whether there is more.
    pub async fn said(
        &self,
        client: ClientId,
        session: SessionId,
        after: Option<InteractionId>,
        limit: usize,
    ) -> Result<(Vec<Interaction>, bool)> {
        self.find(client, session).await?;
        Ok(page(interaction::list(&self.store, session, after, limit + 1).await?, limit))
    }

    /// Says something in a session; what has become of it for each whom it is for.
    pub async fn speak(
        &self,
        consumer: &ApiConsumer,
        session: SessionId,
        text: &SpokenText,
        audit: &AuditContext<'_, SpokenText>,
    ) -> Result<Vec<Interaction>> {
        check(text)?;
        let found = self.find(consumer.client, session).await?;
        let now_ms = self.clock.now_ms();
        is_heard(&found, now_ms)?;
        let others = listeners(&found, text)?;
        let may = |to: &&Participant| consumer.may_send_to(&to.address) && consumer.may_send_from(&to.number);
        if !others.iter().all(may) {
            return Err(Error::new(ErrorKind::Forbidden, "this key may not text everybody whom this is for"));
        }
        let (record, failed) = self.say(&found, &others, text, audit, now_ms).await;
        if record.said.is_empty() {
            return failed.map_or(Ok(Vec::new()), Err);
        }
        if record.said.iter().all(|one| one.copy == Err(InteractionFailure::Text)) {
            return Err(Error::invalid("body", "is longer than can be sent"));
        }
        let mut batch = self.events.batch();
        if record.touched.is_some() && found.session.state != SessionState::InProgress {
            batch.session_begins(&found, now_ms);
        }
        for one in &record.said {
            batch.interaction(one);
        }
        let told = batch.into_rows();
        interaction::write(&self.store, &record, &told, now_ms).await?;
        if !told.new.is_empty() {
            self.events.wake();
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let ids: Vec<InteractionId> = record.said.iter().map(|one| one.id).collect();
        Ok(interaction::of_ids(&self.store, &ids).await?)
    }

    async fn find(&self, client: ClientId, session: SessionId) -> Result<SessionWithParticipants> {
        sessions::find(&self.store, client, session).await?.ok_or_else(|| Error::not_found("session"))
    }

    /// One after the other, until the store is away: what has been sent by then is written down all the same.
    async fn say(
        &self,
        found: &SessionWithParticipants,
        others: &[&Participant],
        text: &SpokenText,
        audit: &AuditContext<'_, SpokenText>,
        now_ms: Millis,
    ) -> (InteractionRecord, Option<Error>) {
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
        };
        let mut entry = audit.entry(now_ms, session, None, Some(text));
        let mut record = InteractionRecord::default();
        for to in others {
            let id = MessageId::new(now_ms);
            // it is written with the first that is accepted
            let terms = CopyTerms { id, client, is_again: false, entry: entry.clone() };
            let copy = match self.send(&words, to, terms).await {
                Ok(copy) => copy,
                Err(error) => return (record, Some(error)),
            };
            if copy.is_ok() {
                entry = None;
                record.touched = Some((session, now_ms));
            }
            record.said.push(NewInteraction {
                id: id.into(),
                session,
                client,
                kind: InteractionKind::Message,
                from: text.from,
                to: Some(to.id),
                inbound: None,
                copy,
                begins_loop: false,
                at_ms: now_ms,
            });
        }
        (record, None)
    }
}

/// Refuses what nobody would read.
fn is_heard(SessionWithParticipants { session, .. }: &SessionWithParticipants, now_ms: Millis) -> Result<()> {
    let is_late = session.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms);
    if session.closed_ms.is_some() || is_late {
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
