//! Our own webhooks: posts a signed event to a customer's URL, and to nowhere that is not public.

mod address;
mod ask;
mod fetch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use reqwest::RequestBuilder;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde::Deserialize;
use time::OffsetDateTime;

use super::client::{HttpClientBuildError, USER_AGENT, chain, retry_after};
use super::roots;
use crate::crypto::signature::twilio;
use crate::model::{DurationSetting, Secret, login};

pub use address::{BadWebhookUrl, PrivateAddressExceptions};
pub use ask::{WebhookRequest, WebhookResponse};
pub use fetch::FetchedMedia;

/// Nobody's answer interests us further.
const ANSWER_LIMIT: usize = 1024;
/// An endpoint that is called again at once need not be connected to again.
const IDLE_FOR: Duration = Duration::from_secs(5);

/// `[event]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Networks, addresses and host names that may be called though they are not public.
    pub allow: PrivateAddressExceptions,
    /// For a whole delivery.
    pub timeout: DurationSetting,
}

/// A signed event (<https://www.standardwebhooks.com>).
#[derive(Clone)]
pub struct SignedEvent {
    /// The same on every attempt.
    pub id: String,
    pub timestamp_secs: i64,
    /// One signature, or two with a space between.
    pub signature: String,
    /// JSON.
    pub body: Bytes,
}

/// A callback as Twilio posts it, and what signs it.
pub struct OutgoingCallbackForm {
    pub fields: Vec<(String, String)>,
    pub token: Secret,
    /// The same on every attempt, and another for another event.
    pub id: String,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookPostOutcome {
    /// Any status of success.
    Delivered { status: u16 },
    /// Try again later.
    Failed { status: Option<u16>, retry_after: Option<Duration>, reason: String },
    /// 410: the endpoint wants no more.
    Gone,
}

/// Delivers events. One for the process.
#[derive(Clone)]
pub struct WebhookClient {
    http: reqwest::Client,
    /// What may be called, as far as a URL alone tells; its name is resolved at every delivery.
    pub allow: Arc<PrivateAddressExceptions>,
}

/// Resolves a name and leaves out every address that may not be called. The connection is made
/// to one of the others, so that a second look-up cannot point it elsewhere.
struct GuardedResolver(Arc<PrivateAddressExceptions>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = self.0.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let is_trusted = allow.has_host(&host);
            let good: Vec<SocketAddr> =
                found.into_iter().filter(|found| is_trusted || allow.permits(found.ip())).collect();
            if good.is_empty() {
                return Err(Box::from("the name leads to no public address"));
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

impl WebhookClient {
    pub fn new(settings: &Settings) -> Result<Self, HttpClientBuildError> {
        let allow = Arc::new(settings.allow.clone());
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .tls_backend_preconfigured(roots::tls())
            .timeout(settings.timeout.as_duration())
            .pool_idle_timeout(IDLE_FOR)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // a proxy would resolve the name for us, unchecked
            .no_proxy()
            .dns_resolver(GuardedResolver(allow.clone()))
            .build()
            .map_err(|error| HttpClientBuildError::new(&error))?;
        Ok(Self { http, allow })
    }

    /// `POST` to the customer's URL, which is checked again: the list may have changed since it was stored.
    pub async fn deliver(&self, url: &str, event: &SignedEvent) -> WebhookPostOutcome {
        match self.event_request(url, event) {
            Ok(request) => answered(request).await,
            Err(bad) => failed(bad.to_string()),
        }
    }

    fn event_request(&self, url: &str, event: &SignedEvent) -> Result<RequestBuilder, BadWebhookUrl> {
        let request = self.http.post(self.allow.check_url(url)?);
        Ok(request
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", event.timestamp_secs)
            .header("webhook-signature", &event.signature)
            .body(event.body.clone()))
    }

    /// The same for a form. A login goes by HTTP Basic. What is signed is the URL as it is asked for, without that:
    /// its receiver sees no other.
    pub async fn deliver_form(&self, url: &str, form: &OutgoingCallbackForm) -> WebhookPostOutcome {
        match self.form_request(url, form) {
            Ok(request) => answered(request).await,
            Err(bad) => failed(bad.to_string()),
        }
    }

    fn form_request(&self, url: &str, form: &OutgoingCallbackForm) -> Result<RequestBuilder, BadWebhookUrl> {
        let url = self.allow.check_callback(url)?;
        let signature = twilio::sign(form.token.expose(), login::without(url.clone()).as_str(), &form.fields);
        let request = self.http.post(url).header("X-Twilio-Signature", signature);
        Ok(request.header("I-Twilio-Idempotency-Token", &form.id).form(&form.fields))
    }
}

fn failed(reason: String) -> WebhookPostOutcome {
    WebhookPostOutcome::Failed { status: None, retry_after: None, reason }
}

async fn answered(request: RequestBuilder) -> WebhookPostOutcome {
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) => return failed(chain(&error.without_url())),
    };
    let status = response.status();
    let retry_after = retry_after(response.headers(), OffsetDateTime::now_utc());
    // the status is the answer; a short body is read so that the connection can be used again
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > ANSWER_LIMIT {
            break;
        }
    }
    let (status, reason) = (status.as_u16(), format!("HTTP {}", status.as_u16()));
    match status {
        200..=299 => WebhookPostOutcome::Delivered { status },
        410 => WebhookPostOutcome::Gone,
        _ => WebhookPostOutcome::Failed { status: Some(status), retry_after, reason },
    }
}

#[cfg(test)]
#[path = "webhook/webhook_test.rs"]
mod tests;
