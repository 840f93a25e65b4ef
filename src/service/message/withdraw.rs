//! Taking messages back, emptying them, and taking them out of their client's sight.

use super::Messages;
use super::order::{known_as, unsaid};
use crate::model::message::MessageState;
use crate::model::{Channel, ClientId, MessageId, Money};
use crate::service::audit::AuditContext;
use crate::service::event::FailureReason;
use crate::service::race::{WriteResultExt as _, settled};
use crate::service::{Error, Result};
use crate::store::message::Message;
use crate::store::outbox::cancel::{self, CancelResult};
use crate::store::redaction::redact;
use crate::store::session::call;

impl Messages {
    /// Takes a message back, unless a provider is being called or has been.
    pub async fn cancel(&self, client: ClientId, id: MessageId, audit: &AuditContext<'_, Message>) -> Result<Message> {
        settled("this lane", || async {
            let message = self.find(client, id).await?.ok_or_else(Error::no_message)?;
            let lane = self.parts.lanes.of_message(&message);
            let now_ms = self.parts.clock.now_ms();
            let told = self.parts.events.told(&message, MessageState::Canceled, FailureReason::default(), now_ms);
            let refunded_ms = message.cost.filter(|cost| *cost > Money::ZERO).map(|_| now_ms);
            let after = Message { state: MessageState::Canceled, changed_ms: now_ms, refunded_ms, ..message.clone() };
            let entry = audit.entry(now_ms, known_as(&message), Some(&message), Some(&after));
            match cancel::cancel(&self.parts.store, &message, lane, &told, now_ms, entry).await? {
                CancelResult::Done => Ok(()),
                CancelResult::TooLate => Err(Error::too_late()),
            }
        })
        .await?;
        self.parts.events.wake();
        let message = self.find(client, id).await?.ok_or_else(Error::no_message)?;
        if message.channel == Channel::Voice
            && let Err(error) = call::rest(&self.parts.store, id, self.parts.clock.now_ms()).await
        {
            // it is taken back all the same, and time makes up for that
            tracing::info!(%error, "a session goes on as though a call were under way in it");
        }
        Ok(message)
    }

    /// Empties the body of a message that has been sent or is over.
    pub async fn redact(&self, client: ClientId, id: MessageId, audit: &AuditContext<'_, Message>) -> Result<Message> {
        let message = self.find(client, id).await?.ok_or_else(Error::no_message)?;
        self.erase(&message, false, audit).await?;
        self.find(client, id).await?.ok_or_else(Error::no_message)
    }

    /// Takes a message that has been sent or is over out of its client's sight, redacted; what was paid for it stays.
    pub async fn delete(&self, client: ClientId, id: MessageId, audit: &AuditContext<'_, Message>) -> Result<()> {
        let message = self.find(client, id).await?.ok_or_else(Error::no_message)?;
        self.erase(&message, true, audit).await
    }

    async fn erase(&self, message: &Message, is_deleted: bool, audit: &AuditContext<'_, Message>) -> Result<()> {
        let now_ms = self.parts.clock.now_ms();
        let said_nothing = unsaid(message);
        let deleted_ms = is_deleted.then_some(now_ms);
        let (store, client, id) = (&self.parts.store, message.client, message.id);
        let after = Message { redacted_ms: Some(now_ms), ..said_nothing };
        let entry = audit.entry(now_ms, known_as(message), Some(message), Some(&after).filter(|_| !is_deleted));
        let redacted = redact(store, client, id, &after.content, deleted_ms, now_ms, entry).await;
        redacted.on_race(Error::not_over)
    }
}
