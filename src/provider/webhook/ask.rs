//! What a customer's server is asked: posted to as of events, and what it answers is read.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::RequestBuilder;
use tokio::time::Instant;

use super::{BadWebhookUrl, OutgoingCallbackForm, SignedEvent, WebhookClient};
use crate::provider::client::chain;

/// Answers are read no further.
const ANSWER_LIMIT: usize = 64 * 1024;

/// What a server is asked, and how.
pub enum WebhookRequest {
    Event(SignedEvent),
    Form(OutgoingCallbackForm),
}

/// What it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookResponse {
    pub status: u16,
    pub body: Bytes,
}

impl WebhookClient {
    /// Asks, and once more where that failed in a way that may pass; all of it within that time. Else why there is no
    /// answer.
    pub async fn ask(&self, url: &str, question: &WebhookRequest, within: Duration) -> Result<WebhookResponse, String> {
        let until = Instant::now() + within;
        let first = self.ask_once(url, question, within).await;
        if first.as_ref().is_ok_and(|answer| answer.status < 500) {
            return first;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() { first } else { self.ask_once(url, question, left).await }
    }

    async fn ask_once(
        &self,
        url: &str,
        question: &WebhookRequest,
        within: Duration,
    ) -> Result<WebhookResponse, String> {
        let request = match question {
            WebhookRequest::Event(event) => self.event_request(url, event),
            WebhookRequest::Form(form) => self.form_request(url, form),
        };
        let request = request.map_err(|bad: BadWebhookUrl| bad.to_string())?;
        read(request.timeout(within)).await
    }
}

async fn read(request: RequestBuilder) -> Result<WebhookResponse, String> {
    let mut response = request.send().await.map_err(|error| chain(&error.without_url()))?;
    let status = response.status().as_u16();
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error.without_url()))? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(format!("the answer is longer than {ANSWER_LIMIT} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(WebhookResponse { status, body: body.freeze() })
}
