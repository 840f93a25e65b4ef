//! Taking messages back.

use super::Messages;
use super::order::known_as;
use crate::model::message::State;
use crate::model::{ClientId, MessageId, Money};
use crate::service::audit::AuditContext;
use crate::service::event::Why;
use crate::service::race::settled;
use crate::service::{Error, Result};
use crate::store::message::Message;
use crate::store::outbox::cancel::{self, Canceled};

impl Messages {
    /// Takes a message back, unless a provider is being called or has been.
    pub async fn cancel(&self, client: ClientId, id: MessageId, audit: &AuditContext<'_, Message>) -> Result<Message> {
        settled("this lane", || async {
            let message = self.find(client, id).await?.ok_or_else(Error::no_message)?;
            let lane = self.parts.lanes.of_message(&message);
            let now_ms = self.parts.clock.now_ms();
            let told = self.parts.events.told(&message, State::Canceled, Why::default(), now_ms);
            let refunded_ms = message.cost.filter(|cost| *cost > Money::ZERO).map(|_| now_ms);
            let after = Message { state: State::Canceled, changed_ms: now_ms, refunded_ms, ..message.clone() };
            let entry = audit.entry(now_ms, known_as(&message), Some(&message), Some(&after));
            match cancel::cancel(&self.parts.store, &message, lane, &told, now_ms, entry).await? {
                Canceled::Done => Ok(()),
                Canceled::TooLate => Err(Error::too_late()),
            }
        })
        .await?;
        self.parts.events.wake();
        self.find(client, id).await?.ok_or_else(Error::no_message)
    }
}
