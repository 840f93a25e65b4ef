//! Calls: messages that ring. What they have besides, and how those under way are ended.

use std::collections::HashMap;

use super::Messages;
use super::order::known_as;
use crate::model::message::MessageState;
use crate::model::{Channel, ClientId, MessageId, carrier};
use crate::provider::{AskError, CallHangupMode};
use crate::service::audit::AuditContext;
use crate::service::{Error, ErrorKind, Result};
use crate::store::call::{self, Call};
use crate::store::message::Message;
use crate::store::outbox::claim;
use crate::store::{self};

impl Messages {
    /// A call of this client's, and how it stands.
    pub async fn call_of(&self, client: ClientId, id: MessageId) -> store::Result<Option<(Message, Call)>> {
        let Some(mut message) = self.voice(client, id).await? else { return Ok(None) };
        let kept = call::find(&self.parts.store, id).await?.unwrap_or_default();
        if kept.status.is_final() && !message.state.is_final() {
            // it ended between the two: both in one commit
            let Some(now) = self.voice(client, id).await? else { return Ok(None) };
            message = now;
        }
        Ok(Some((message, kept)))
    }

    async fn voice(&self, client: ClientId, id: MessageId) -> store::Result<Option<Message>> {
        Ok(self.find(client, id).await?.filter(|message| message.channel == Channel::Voice))
    }

    /// How each of these calls stands; of what is none there is nothing.
    pub async fn calls_of(&self, ids: &[MessageId]) -> store::Result<HashMap<MessageId, Call>> {
        call::list(&self.parts.store, ids).await
    }

    /// Ends a call: takes it back while no provider has it, and asks its provider from then on. What came of that
    /// its receipt says.
    pub async fn end_call(
        &self,
        client: ClientId,
        id: MessageId,
        end: CallHangupMode,
        audit: &AuditContext<'_, Message>,
    ) -> Result<Message> {
        let message = self.voice(client, id).await?.ok_or_else(Error::no_message)?;
        if message.state.may_become(MessageState::Sending) || message.state == MessageState::Sending {
            match self.cancel(client, id, audit).await {
                Err(Error { kind: ErrorKind::TooLate, .. }) => {}
                other => return other,
            }
        }
        let message = self.find(client, id).await?.ok_or_else(Error::no_message)?;
        if message.state.is_final() {
            return Err(Error::too_late());
        }
        // the answer to the call that is placed at this moment tells under which id
        let provider_id = claim::accepted_as(&self.parts.store, id).await?.ok_or_else(Error::too_late)?;
        let handle = self.parts.directory.current().handle(message.account).cloned().ok_or_else(Error::too_late)?;
        audit.write(&self.parts.store, self.parts.clock.now_ms(), known_as(&message), Some(&message)).await?;
        match handle.connector.end_call(&provider_id, end).await {
            Ok(()) => Ok(message),
            Err(AskError::Refused { .. } | AskError::Unsupported) => Err(Error::too_late()),
            Err(error) => Err(Error::new(ErrorKind::Provider, carrier::shown(&error.to_string()).into_owned())),
        }
    }
}
