//! Flowroute: sends, and reads its webhooks
//! (<https://developer.flowroute.com/api/messages/v2.1/>).

mod credentials;
mod fields;
mod number;
mod profile;
mod webhook;

use http::Method;
use http::header::CONTENT_TYPE;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::client::{HttpClient, ProviderAnswer, ProviderHost};
use super::message::{digits, is_id};
use super::post::{storable, without_words};
use super::word::first_error;
use super::{
    AskError, BadPost, CarrierConnectorFactory, CarrierNumber, CarrierProfile, DeliveryReceipt, InboundMessage,
    OutgoingMessage, ParsedPost, PostKind, PostVerificationContext, Provider, ProviderPost, SendOutcome, Settings,
    UnreadableWebhook, VerifiedPost, path_token,
};
use crate::model::{Secret, charset};

use webhook::{parse_inbound, parse_receipt};

pub use credentials::FlowrouteCredentials;

const MESSAGES: &str = "/v2.1/messages";
const JSON_API: &str = "application/vnd.api+json";

/// One account at Flowroute.
#[derive(Clone)]
pub struct Flowroute {
    host: ProviderHost,
    credentials: FlowrouteCredentials,
}

/// Flowroute has no codes of its own beyond the status.
fn explain(body: &[u8]) -> Option<(Option<i64>, String)> {
    first_error(body, "status")
}

fn made(body: &[u8]) -> Option<SendOutcome> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let provider_id = body["data"]["id"].as_str().filter(|id| is_id(id))?.to_owned();
    Some(SendOutcome::Accepted { provider_id, segments: None })
}

fn document(message: &OutgoingMessage) -> Value {
    let mut attributes = json!({
        "to": digits(&message.to),
        "from": digits(&message.from),
        "body": message.body,
        "is_mms": !message.media_urls.is_empty(),
    });
    if !message.media_urls.is_empty() {
        attributes["media_urls"] = json!(message.media_urls);
    }
    if let Some(url) = &message.status_url {
        attributes["dlr_callback"] = json!(url);
    }
    json!({ "data": { "type": "message", "attributes": attributes } })
}

impl Flowroute {
    pub fn open(account: &FlowrouteCredentials, settings: &Settings, http: &HttpClient) -> Self {
        Self { host: http.host(&settings.flowroute_base_url), credentials: account.clone() }
    }

    fn request(&self, method: Method) -> RequestBuilder {
        self.request_at(method, MESSAGES)
    }

    fn request_at(&self, method: Method, path: &str) -> RequestBuilder {
        let FlowrouteCredentials { access_key, secret_key, .. } = &self.credentials;
        self.host.request(method, path).basic_auth(access_key, Some(secret_key.expose()))
    }

    async fn ask(&self, request: RequestBuilder) -> Result<ProviderAnswer, AskError> {
        let answer = self.host.call(request).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let status = i64::from(answer.status.as_u16());
        Err(match answer.ask_error(explain) {
            AskError::Refused { reason, code } => AskError::Refused { code: code.or(Some(status)), reason },
            other => other,
        })
    }
}

impl Provider for Flowroute {
    type Credentials = FlowrouteCredentials;
    const PROFILE: &'static CarrierProfile = profile::PROFILE;

    fn connect(credentials: &FlowrouteCredentials, with: &CarrierConnectorFactory) -> Self {
        Self::open(credentials, &with.settings, &with.http)
    }

    /// The secret part of the path that it posts to.
    fn proof(&self) -> Option<&Secret> {
        Some(&self.credentials.webhook_token)
    }

    /// `POST /v2.1/messages`.
    async fn send(&self, message: &OutgoingMessage) -> SendOutcome {
        let request = self.request(Method::POST).header(CONTENT_TYPE, JSON_API);
        let request = request.body(document(message).to_string());
        self.host.outcome(request, message.until, explain, made, "Flowroute's answer names no message").await
    }

    async fn numbers(&self) -> Result<Vec<CarrierNumber>, AskError> {
        self.list_numbers().await
    }

    /// `GET /v2.1/messages?limit=1`: whether the credentials are good.
    async fn check(&self) -> Result<(), AskError> {
        // `start_date` is required
        let query = [("start_date", "2020-01-01"), ("limit", "1")];
        self.ask(self.request(Method::GET).query(&query)).await.map(|_| ())
    }

    fn has_proof(post: &ProviderPost) -> bool {
        path_token::has_token(post)
    }

    /// It signs nothing: whoever knows the account's path is believed.
    fn verify(&self, post: &ProviderPost, trial: &PostVerificationContext<'_>) -> Result<VerifiedPost, BadPost> {
        path_token::prove(post, trial)?;
        let text = charset::decode(&post.body, post.header("content-type"));
        let payload = storable(text.as_bytes());
        let parsed = match post.what {
            PostKind::Text => ParsedPost::Text(Self::read_text(&payload)?),
            PostKind::Receipt => ParsedPost::Receipt(Self::read_receipt(&payload)?),
            PostKind::Call | PostKind::Dial => return Err(BadPost::Unwanted),
        };
        let payload = if post.what == PostKind::Receipt { without_words(payload) } else { payload };
        Ok(VerifiedPost { parsed, payload, fingerprint: None })
    }

    fn read_text(payload: &str) -> Result<InboundMessage, UnreadableWebhook> {
        parse_inbound(payload.as_bytes())
    }

    fn read_receipt(payload: &str) -> Result<DeliveryReceipt, UnreadableWebhook> {
        parse_receipt(payload.as_bytes())
    }
}

#[cfg(test)]
#[path = "flowroute/flowroute_test.rs"]
mod tests;
