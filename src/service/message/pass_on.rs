//! Messages that nobody ordered but that are paid for all the same: copies of what somebody said, and what people are told
//! by us.

use super::{ChosenRoute, MessageDraft, Messages, Order};
use crate::model::{ClientId, MessageId};
use crate::service::{Error, Result};
use crate::store::message;
use crate::store::outbox::intake::{AcceptResult, NewMessage};

/// What became of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum CopyResult {
    /// It is stored, now or since before.
    Stored,
    /// The recipient wants nothing from that number.
    OptedOut,
    Unpayable,
}

impl Messages {
    /// A message that nobody ordered. `client` pays for it.
    pub(in crate::service) fn copy(&self, client: ClientId, order: Order, via: ChosenRoute) -> Result<MessageDraft> {
        let (message, _) = self.message(client, order, Some(via), None, self.parts.clock.now_ms())?;
        Ok(MessageDraft::of(message))
    }

    /// Accepts a message once for its id: when this returns, it is stored, and will be sent or accounted for.
    /// `is_again`: it may have been accepted before.
    pub(in crate::service) async fn pass_on(&self, new: NewMessage, is_again: bool) -> Result<CopyResult> {
        let id = new.message.id;
        if is_again && self.is_there(id).await? {
            return Ok(CopyResult::Stored);
        }
        match self.parts.outbox.accept(new).await {
            Ok(AcceptResult::Stored(_)) => {
                self.parts.metrics.accepted();
                self.parts.events.wake();
                Ok(CopyResult::Stored)
            }
            Ok(AcceptResult::OptedOut) => Ok(CopyResult::OptedOut),
            Ok(AcceptResult::Unpayable) => Ok(CopyResult::Unpayable),
            // its request has no name
            Ok(AcceptResult::Replayed(_) | AcceptResult::KeyReused) => Ok(CopyResult::Stored),
            // another has accepted it, or others keep writing to its lane
            Err(error) if error.is_race() => {
                if self.is_there(id).await? {
                    Ok(CopyResult::Stored)
                } else {
                    Err(Error::busy("this lane is busy"))
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a message is stored, whoever may see it.
    pub(in crate::service) async fn is_there(&self, id: MessageId) -> Result<bool> {
        Ok(!message::made(&self.parts.store, &[id]).await?.is_empty())
    }
}
