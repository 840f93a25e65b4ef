//! The texts with which a session begins and ends: messages like any other, paid for by its client.

use futures_util::future::join_all;

use super::{Participant, Session, SessionWithParticipants, Sessions};
use crate::model::{Address, Channel, Millis};
use crate::service::client::ApiConsumer;
use crate::service::message::{CopyResult, DraftResult, MessageDraft, Order, SenderChoice};
use crate::service::{Error, ErrorKind, Result};
use crate::store::outbox::intake::{AcceptResult, NewMessage};
use crate::store::session::interaction::{InteractionFailure, NewInteraction};

/// A text of a session that is not accepted, in words that say whose.
pub(super) fn refused(one: Option<&Participant>, why: &AcceptResult) -> Error {
    match (why, one) {
        (AcceptResult::OptedOut, Some(Participant { address, number, .. })) => {
            Error::new(ErrorKind::OptedOut, format!("{address} has opted out of texts from {number}"))
        }
        (AcceptResult::OptedOut, None) => Error::opted_out(),
        _ => Error::unpayable(),
    }
}

impl Sessions {
    /// The text that each is told as their session begins for them, in their order.
    pub(super) async fn start_texts(&self, session: &Session, people: &[Participant]) -> Result<Vec<NewMessage>> {
        let mut texts = Vec::new();
        let Some(body) = session.settings.start_text.as_deref().filter(|_| session.mode.has_texts()) else {
            return Ok(texts);
        };
        for one in people {
            let named = |error: Error| {
                let detail = format!("the start text for {}: {}", one.address, error.detail);
                Error { detail: detail.into(), ..error }
            };
            let draft = self.draft(one, body).await.map_err(named)?;
            texts.push(self.parts.messages.part_of(draft));
        }
        Ok(texts)
    }

    /// Tells the people of a session that it has ended, each once however often it is done; what is to be written of it.
    /// `is_again`: they may have been told before.
    pub(super) async fn end_texts(
        &self,
        ended: &SessionWithParticipants,
        is_again: bool,
    ) -> Result<Vec<NewInteraction>> {
        let (Some(body), Some(closed_ms)) = (&ended.session.settings.end_text, ended.session.closed_ms) else {
            return Ok(Vec::new());
        };
        let people: Vec<&Participant> = ended.present().collect();
        // side by side: they share commits
        let told = join_all(people.into_iter().map(|one| self.end_text(one, (body, closed_ms), is_again))).await;
        told.into_iter().collect()
    }

    async fn end_text(
        &self,
        one: &Participant,
        (body, closed_ms): (&str, Millis),
        is_again: bool,
    ) -> Result<NewInteraction> {
        let (id, messages) = (one.id.end_text(closed_ms), &self.parts.messages);
        let why = match self.draft(one, body).await {
            Ok(draft) => match messages.pass_on(messages.part_of(draft.under(id)), is_again).await? {
                CopyResult::Stored => None,
                CopyResult::OptedOut => Some(InteractionFailure::OptedOut),
                CopyResult::Unpayable => Some(InteractionFailure::Unpayable),
            },
            // the same another time, too
            Err(Error { source: None, kind, detail, .. }) => {
                tracing::warn!(?kind, %detail, session = %one.session, "an end text cannot be sent");
                let is_dear = kind == ErrorKind::Unpayable;
                Some(if is_dear { InteractionFailure::Unpayable } else { InteractionFailure::Number })
            }
            Err(error) => return Err(error),
        };
        Ok(NewInteraction::told(one, id, why, closed_ms))
    }

    /// A text to somebody from the number that they know.
    async fn draft(&self, one: &Participant, body: &str) -> Result<MessageDraft> {
        let from = Some(SenderChoice::Address(Address::stored(one.number.as_str())));
        let to = Address::stored(one.address.as_str());
        let order = Order { from, body: body.to_owned(), ..Order::new(Channel::Sms, to) };
        match self.parts.relay.draft(&ApiConsumer::of(one.client), order, None).await? {
            DraftResult::New(draft) => Ok(draft),
            // what has no name does not come again
            DraftResult::Again(_) => Err(Error::key_reused()),
        }
    }
}
