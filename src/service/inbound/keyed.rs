//! Texts that a carrier posts at an older door, which does not prove who posts them but by a client's key.

use super::WebhookInbox;
use super::webhook::VerifiedWebhook;
use crate::model::{AccountId, ClientId};
use crate::provider::loopback::StoredLoopbackText;
use crate::provider::{CarrierKind, InboundMessage};
use crate::service::{Error, ErrorKind, Result};

fn unreadable(reason: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unreadable, reason.to_string())
}

impl WebhookInbox {
    /// Takes a text in, as Flowroute posts it, to a number of this client's. When this returns, it is durable, and a job;
    /// one to another number is dropped.
    pub async fn take_for(&self, client: ClientId, post: String) -> Result<()> {
        let text = CarrierKind::Flowroute.read_text(&post).map_err(|error| unreadable(&error))?;
        let Some(account) = self.account_of(client, &text.to).await? else {
            tracing::info!("a text to a number that is none of its client's is not taken");
            return Ok(());
        };
        let handle = self.parts.directory.current().handle(account).cloned().ok_or_else(Error::no_account)?;
        let (text, payload) = match handle.connector.kind() {
            CarrierKind::Flowroute => (text, post),
            CarrierKind::Loopback => by_loopback(text)?,
            CarrierKind::Twilio | CarrierKind::Telnyx | CarrierKind::Http => {
                return Err(Error::invalid("to", "must be a number at Flowroute: other carriers post to /webhooks"));
            }
        };
        self.store(&handle, VerifiedWebhook::text(text, payload)).await.map(drop)
    }

    /// The account that a number of a client's is on.
    async fn account_of(&self, client: ClientId, address: &str) -> Result<Option<AccountId>> {
        let known = || {
            let entries = self.parts.directory.current();
            let sender = entries.sender(address).filter(|sender| sender.number.client == client);
            sender.map(|sender| sender.number.account)
        };
        let found = known();
        if found.is_none() {
            // another node may just have added it
            self.parts.directory.refresh().await?;
            return Ok(known());
        }
        Ok(found)
    }
}

/// The same text as the loopback carrier keeps it.
fn by_loopback(text: InboundMessage) -> Result<(InboundMessage, String)> {
    let InboundMessage { provider_id, from, to, body, media, .. } = text;
    let stored = StoredLoopbackText { provider_id, from, to, body, media, ..StoredLoopbackText::default() };
    let payload = serde_json::to_string(&stored).map_err(|error| unreadable(&error))?;
    Ok((stored.read(), payload))
}
