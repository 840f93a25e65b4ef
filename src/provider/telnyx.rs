//! Telnyx: sends, and reads its webhooks (<https://developers.telnyx.com/api-reference/messages/send-a-message>).

mod credentials;
mod number;
mod profile;
mod proof;
mod webhook;

use http::Method;
use serde_json::{Value, json};

use super::client::{HttpClient, ProviderAnswer, ProviderHost, shown};
use super::message::is_id;
use super::post::{storable, without_words};
use super::word::{error_code, first_error};
use super::{
    AskError, BadPost, CarrierConnectorFactory, CarrierNumber, CarrierProfile, DeliveryReceipt, InboundMessage,
    OutgoingMessage, ParsedPost, PostVerificationContext, Provider, ProviderPost, SendOutcome, Settings,
    UnreadableWebhook, VerifiedPost,
};
use crate::model::Secret;
use crate::model::message::MessageState;

pub use credentials::TelnyxCredentials;

/// One account at Telnyx.
#[derive(Clone)]
pub struct Telnyx {
    host: ProviderHost,
    api_key: Secret,
    public_key: Secret,
    messaging_profile_id: Option<String>,
}

/// The first of its errors: `{"errors": [{"code", "title", "detail"}]}`.
fn explain(body: &[u8]) -> Option<(Option<i64>, String)> {
    first_error(body, "code")
}

/// What an answer says that a message was made. `None`: it cannot be read.
fn made(body: &[u8]) -> Option<SendOutcome> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let message = &body["data"];
    let provider_id = message["id"].as_str().filter(|id| is_id(id))?.to_owned();
    let status = message["to"][0]["status"].as_str().unwrap_or_default();
    if matches!(webhook::state(status), Some(MessageState::Failed | MessageState::Undelivered)) {
        let error = &message["errors"][0];
        let words = error["detail"].as_str().or_else(|| error["title"].as_str()).unwrap_or(status);
        return Some(SendOutcome::Failed { provider_id, code: error_code(&error["code"]), reason: shown(words) });
    }
    let segments = message["parts"].as_i64().filter(|parts| *parts > 0);
    Some(SendOutcome::Accepted { provider_id, segments })
}

impl Telnyx {
    pub fn open(account: &TelnyxCredentials, settings: &Settings, http: &HttpClient) -> Self {
        Self {
            host: http.host(&settings.base_url(profile::PROFILE)),
            api_key: account.api_key.clone(),
            public_key: account.public_key.clone(),
            messaging_profile_id: account.messaging_profile_id.clone(),
        }
    }

    fn document(&self, message: &OutgoingMessage) -> Value {
        let mut document = json!({ "from": message.from, "to": message.to });
        if !message.body.is_empty() || message.media_urls.is_empty() {
            document["text"] = json!(message.body);
        }
        if !message.media_urls.is_empty() {
            document["media_urls"] = json!(message.media_urls);
        }
        if let Some(url) = &message.status_url {
            document["webhook_url"] = json!(url);
        }
        if let Some(id) = &self.messaging_profile_id {
            document["messaging_profile_id"] = json!(id);
        }
        document
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<ProviderAnswer, AskError> {
        self.host.ask(request.bearer_auth(self.api_key.expose()), explain).await
    }
}

impl Provider for Telnyx {
    type Credentials = TelnyxCredentials;
    const PROFILE: &'static CarrierProfile = profile::PROFILE;

    fn connect(credentials: &TelnyxCredentials, with: &CarrierConnectorFactory) -> Self {
        Self::open(credentials, &with.settings, &with.http)
    }

    /// What its signatures are checked with.
    fn proof(&self) -> Option<&Secret> {
        Some(&self.public_key)
    }

    /// `POST /v2/messages`.
    async fn send(&self, message: &OutgoingMessage) -> SendOutcome {
        let request = self.host.request(Method::POST, "/v2/messages").bearer_auth(self.api_key.expose());
        let request = request.json(&self.document(message));
        self.host.outcome(request, message.until, explain, made, "Telnyx's answer names no message").await
    }

    async fn numbers(&self) -> Result<Vec<CarrierNumber>, AskError> {
        self.list_numbers().await
    }

    /// `GET /v2/messaging_profiles`: whether the key is good.
    async fn check(&self) -> Result<(), AskError> {
        self.ask(self.host.request(Method::GET, "/v2/messaging_profiles")).await.map(drop)
    }

    fn has_proof(post: &ProviderPost) -> bool {
        proof::has_signature(post)
    }

    fn verify(&self, post: &ProviderPost, trial: &PostVerificationContext<'_>) -> Result<VerifiedPost, BadPost> {
        let fingerprint = proof::prove(post, trial)?;
        let payload = storable(&post.body);
        let parsed = webhook::parse(&payload)?;
        let is_receipt = matches!(parsed, ParsedPost::Receipt(_));
        let payload = if is_receipt { without_words(payload) } else { payload };
        Ok(VerifiedPost { parsed, payload, fingerprint: Some(fingerprint) })
    }

    fn read_text(payload: &str) -> Result<InboundMessage, UnreadableWebhook> {
        match webhook::parse(payload)? {
            ParsedPost::Text(text) => Ok(text),
            ParsedPost::Receipt(_) | ParsedPost::Call(_) | ParsedPost::Nothing => Err(UnreadableWebhook("text")),
        }
    }

    fn read_receipt(payload: &str) -> Result<DeliveryReceipt, UnreadableWebhook> {
        match webhook::parse(payload)? {
            ParsedPost::Receipt(receipt) => Ok(receipt),
            ParsedPost::Text(_) | ParsedPost::Call(_) | ParsedPost::Nothing => Err(UnreadableWebhook("receipt")),
        }
    }
}

#[cfg(test)]
#[path = "telnyx/telnyx_test.rs"]
mod tests;
