//! Clients' servers, asked what is to happen: signed as events and callbacks are.

use std::time::Duration;

use bytes::Bytes;

use super::Events;
use super::endpoint::broken;
use crate::crypto::signature::{WebhookSecret, webhook};
use crate::model::{ClientId, Secret};
use crate::provider::webhook::{OutgoingCallbackForm, SignedEvent, WebhookClient, WebhookRequest, WebhookResponse};
use crate::service::{Error, Result};
use crate::store::client;

impl Events {
    /// Asks in JSON, signed as the client's callbacks are. `id`: the same however often it is asked. `None`: there is no
    /// answer; an error is ours.
    pub(in crate::service) async fn ask(
        &self,
        client: ClientId,
        url: &str,
        (id, body): (String, String),
        within: Duration,
    ) -> Result<Option<WebhookResponse>> {
        let secret: WebhookSecret = self.callback_secret(client).await?.expose().parse().map_err(broken)?;
        let (timestamp_secs, body) = (self.parts.clock.now_ms() / 1000, Bytes::from(body));
        let signature = webhook::sign(&secret, &id, timestamp_secs, &body);
        let event = SignedEvent { id, timestamp_secs, signature, body };
        Ok(self.answer(url, &WebhookRequest::Event(event), within).await)
    }

    /// The same by a form, signed as Twilio signs, with the client's auth token.
    pub(in crate::service) async fn ask_by_form(
        &self,
        client: ClientId,
        url: &str,
        (id, fields): (String, Vec<(String, String)>),
        within: Duration,
    ) -> Result<Option<WebhookResponse>> {
        let form = OutgoingCallbackForm { fields, token: self.auth_token_of(client).await?, id };
        Ok(self.answer(url, &WebhookRequest::Form(form), within).await)
    }

    /// What fetches what lies at others' URLs.
    pub(in crate::service) fn webhooks(&self) -> &WebhookClient {
        &self.parts.webhooks
    }

    async fn answer(&self, url: &str, question: &WebhookRequest, within: Duration) -> Option<WebhookResponse> {
        let answer = self.parts.webhooks.ask(url, question, within).await;
        answer.inspect_err(|reason| tracing::info!(reason, "a client's server gave no answer")).ok()
    }

    async fn auth_token_of(&self, id: ClientId) -> Result<Secret> {
        let known = client::find(&self.parts.store, id).await?;
        let none = || Error::conflict("the client has no auth token to sign with");
        let sealed = known.and_then(|known| known.auth_token).ok_or_else(none)?;
        let opened = self.parts.master.open(client::place(&id.hex()), &sealed)?;
        Ok(Secret::new(String::from_utf8_lossy(&opened).into_owned()))
    }
}
