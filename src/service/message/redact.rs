//! Emptying messages, and taking them out of their client's sight.

use super::Messages;
use super::order::{known_as, unsaid};
use crate::model::{ClientId, MessageId};
use crate::service::audit::AuditContext;
use crate::service::race::Written as _;
use crate::service::{Error, Result};
use crate::store::message::{self, Message};

impl Messages {
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
        let redacted = message::redact(store, client, id, &after.content, deleted_ms, now_ms, entry).await;
        redacted.on_race(Error::not_over)
    }
}
