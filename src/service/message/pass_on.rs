//! Messages that nobody ordered but that are paid for all the same: copies of what somebody said, and what people are told
//! by us.

use super::{ChosenRoute, Messages, Order};
use crate::model::message::MessageState;
use crate::model::{ClientId, MessageContent, MessageId};
use crate::service::{Error, Result};
use crate::store::message::{self, Message};
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
    /// A message under an id of its maker's, as the outbox takes it. `client` pays for it.
    pub(in crate::service) fn copy(
        &self,
        id: MessageId,
        client: ClientId,
        order: Order,
        via: ChosenRoute,
    ) -> Result<NewMessage> {
        self.copy_holding(id, client, order, via, |_| None)
    }

    /// The same of one that may hold more than was ordered: what `hold` makes of that.
    pub(in crate::service) fn copy_holding(
        &self,
        id: MessageId,
        client: ClientId,
        order: Order,
        via: ChosenRoute,
        hold: impl FnOnce(&MessageContent) -> Option<MessageContent>,
    ) -> Result<NewMessage> {
        Ok(self.intake(self.holding(id, client, order, via, hold)?, false))
    }

    /// A call to somebody that whoever answers a caller's carrier has it place: it is written as placed already, and its
    /// carrier says what becomes of it.
    pub(in crate::service) fn placed(
        &self,
        id: MessageId,
        client: ClientId,
        order: Order,
        via: ChosenRoute,
        hold: impl FnOnce(&MessageContent) -> Option<MessageContent>,
    ) -> Result<NewMessage> {
        let call = self.holding(id, client, order, via, hold)?;
        Ok(self.intake(Message { state: MessageState::Sent, ..call }, false))
    }

    fn holding(
        &self,
        id: MessageId,
        client: ClientId,
        order: Order,
        via: ChosenRoute,
        hold: impl FnOnce(&MessageContent) -> Option<MessageContent>,
    ) -> Result<Message> {
        let (message, _) = self.message(client, order, Some(via), None, self.parts.clock.now_ms())?;
        Ok(match hold(&message.content) {
            Some(content) => Message { id, content: content.into(), ..message },
            None => Message { id, ..message },
        })
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
