//! The texts with which a session begins and ends: messages like any other, paid for by its client.

use super::{Participant, Session, SessionWithParticipants, Sessions};
use crate::model::{Address, Channel};
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
    pub(super) async fn end_texts(&self, ended: &SessionWithParticipants) -> Result<Vec<NewInteraction>> {
        let mut said = Vec::new();
        let (Some(body), Some(closed_ms)) = (&ended.session.settings.end_text, ended.session.closed_ms) else {
            return Ok(said);
        };
        let people: Vec<&Participant> = ended.present().collect();
        for one in people {
            let id = one.id.end_text(closed_ms);
            let why = match self.draft(one, body).await {
                Ok(draft) => {
                    match self.parts.messages.pass_on(self.parts.messages.part_of(draft.under(id)), true).await? {
                        CopyResult::Stored => None,
                        CopyResult::OptedOut => Some(InteractionFailure::OptedOut),
                        CopyResult::Unpayable => Some(InteractionFailure::Unpayable),
                    }
                }
                // the same another time, too
                Err(Error { source: None, kind, detail, .. }) => {
                    tracing::warn!(?kind, %detail, session = %ended.session.id, "an end text cannot be sent");
                    let is_dear = kind == ErrorKind::Unpayable;
                    Some(if is_dear { InteractionFailure::Unpayable } else { InteractionFailure::Number })
                }
                Err(error) => return Err(error),
            };
            said.push(NewInteraction::told(one, id, why, closed_ms));
        }
        Ok(said)
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
