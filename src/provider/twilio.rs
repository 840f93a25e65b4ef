//! Twilio: sends, calls, lists, looks numbers up, and reads its webhooks
//! (<https://www.twilio.com/docs/messaging/api/message-resource>).

mod call;
mod credentials;
mod fields;
mod inbound;
mod list;
mod number;
mod profile;
mod proof;
mod webhook;

use std::time::Instant;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::client::{HttpClient, ProviderAnswer, ProviderHost, shown};
use super::message::is_id;
use super::post::{storable, without_words};
use super::word::error_code;
use super::{
    AccountClaim, AskError, BadPost, CallHangupMode, CarrierConnectorFactory, CarrierNumber, CarrierProfile,
    DeliveryReceipt, InboundMessage, NumberLookup, OutgoingMessage, ParsedPost, PostKind, PostVerificationContext,
    Provider, ProviderPost, SendOutcome, SentMessagesResult, Settings, UnreadableWebhook, VerifiedPost,
};
use crate::model::message::MessageState;
use crate::model::{Channel, Millis, Phone, Secret};

use fields::{FormField, account_sid, fields, kept};
use inbound::{parse_call, parse_inbound};
use webhook::{leg_of, parse_receipt, with_leg};

pub use credentials::TwilioCredentials;

/// Twilio's longest `ValidityPeriod`, in seconds.
const LONGEST_VALIDITY: u32 = 36_000;

/// One account at Twilio.
#[derive(Clone)]
pub struct Twilio {
    host: ProviderHost,
    lookup_host: ProviderHost,
    /// Where media of this account lie, as its posts name them.
    media: [String; 2],
    /// `/2010-04-01/Accounts/{AC}`.
    path: String,
    user: String,
    password: Secret,
    auth_token: Secret,
    /// Whether it is Twilio itself that is called, and nobody who speaks as it does.
    is_twilios: bool,
}

/// What an answer says that a message or a call was made. Only its id must be readable: `None` means uncertain.
fn made(body: &[u8]) -> Option<SendOutcome> {
    let made: Value = serde_json::from_slice(body).ok()?;
    let provider_id = made["sid"].as_str().filter(|id| is_id(id))?.to_owned();
    let state = made["status"].as_str().and_then(webhook::state);
    if let Some(state @ (MessageState::Failed | MessageState::Undelivered)) = state {
        let words = made["error_message"].as_str().map(str::trim).filter(|words| !words.is_empty());
        let reason = words.map_or_else(|| format!("Twilio made it {}", state.name()), shown);
        return Some(SendOutcome::Failed { provider_id, code: error_code(&made["error_code"]), reason });
    }
    let segments = made["num_segments"].as_str().and_then(|count| count.parse().ok()).filter(|count| *count > 0);
    Some(SendOutcome::Accepted { provider_id, segments })
}

#[derive(Deserialize)]
struct TwilioLookupIn {
    valid: Option<bool>,
    country_code: Option<String>,
    national_format: Option<String>,
}

fn explain(body: &[u8]) -> Option<(Option<i64>, String)> {
    let error: Value = serde_json::from_slice(body).ok()?;
    Some((error_code(&error["code"]), error["message"].as_str().unwrap_or_default().to_owned()))
}

fn millis(date: Option<&str>) -> Option<Millis> {
    OffsetDateTime::parse(date?, &Rfc2822).ok().map(|at| at.unix_timestamp() * 1000)
}

/// A sender is a number, or a messaging service that chooses one.
fn is_service(from: &str) -> bool {
    from.len() == 34 && from.starts_with("MG")
}

/// Who sends a message, as Twilio writes it.
fn sender(message: &OutgoingMessage) -> (&'static str, String) {
    if is_service(&message.from) {
        ("MessagingServiceSid", message.from.clone())
    } else {
        ("From", message.channel.written(&message.from))
    }
}

/// A template of the carrier's, and the code that it tells: the rest of its words are the carrier's.
fn templated(message: &OutgoingMessage) -> Option<(&str, &str)> {
    message.template.as_deref().zip(message.secret.as_ref().map(|secret| secret.code.expose()))
}

/// The form of a new message.
fn form(message: &OutgoingMessage) -> Vec<(&'static str, String)> {
    let mut form = vec![("To", message.channel.written(&message.to)), sender(message)];
    if let Some((template, code)) = templated(message) {
        form.extend([("ContentSid", template.to_owned()), ("ContentVariables", json!({"1": code}).to_string())]);
    } else if !message.body.is_empty() || message.media_urls.is_empty() {
        form.push(("Body", message.body.clone()));
    }
    form.extend(message.media_urls.iter().map(|url| ("MediaUrl", url.clone())));
    form.extend(message.status_url.iter().map(|url| ("StatusCallback", url.clone())));
    form.extend(message.valid_for_secs.map(|secs| ("ValidityPeriod", secs.clamp(1, LONGEST_VALIDITY).to_string())));
    form
}

impl Twilio {
    pub fn open(account: &TwilioCredentials, settings: &Settings, http: &HttpClient) -> Self {
        let (user, password) = match (&account.api_key, &account.api_secret) {
            (Some(key), Some(secret)) => (key, secret),
            _ => (&account.account_sid, &account.auth_token),
        };
        Self {
            host: http.host(&settings.twilio_base_url),
            lookup_host: http.host(&settings.twilio_lookup_base_url),
            media: [settings.twilio_base_url.to_string().as_str(), "https://api.twilio.com"]
                .map(|base| format!("{base}/2010-04-01/Accounts/{}/", account.account_sid)),
            path: format!("/2010-04-01/Accounts/{}", account.account_sid),
            user: user.clone(),
            password: password.clone(),
            auth_token: account.auth_token.clone(),
            is_twilios: settings.twilio_base_url.is_at("twilio.com"),
        }
    }

    /// Makes a message or a call; `unnamed` is the reason where the answer does not say which.
    async fn post(
        &self,
        resource: &str,
        form: &[(&'static str, String)],
        until: Instant,
        unnamed: &str,
    ) -> SendOutcome {
        let request = self.host.request(Method::POST, &format!("{}/{resource}", self.path)).form(form);
        let request = request.basic_auth(&self.user, Some(self.password.expose()));
        self.host.outcome(request, until, explain, made, unnamed).await
    }

    /// `GET /v2/PhoneNumbers/{n}` of Lookup: the free part of it.
    async fn ask_about(&self, number: &str) -> Result<NumberLookup, AskError> {
        let number = percent_encoding::utf8_percent_encode(number, percent_encoding::NON_ALPHANUMERIC);
        let request = self.lookup_host.request(Method::GET, &format!("/v2/PhoneNumbers/{number}"));
        let answer = self.ask(&self.lookup_host, request).await?;
        let read: TwilioLookupIn = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
        let is_valid = read.valid.unwrap_or(false);
        Ok(NumberLookup { is_valid, country: read.country_code, national_format: read.national_format })
    }

    async fn ask(&self, host: &ProviderHost, request: reqwest::RequestBuilder) -> Result<ProviderAnswer, AskError> {
        host.ask(request.basic_auth(&self.user, Some(self.password.expose())), explain).await
    }
}

impl Provider for Twilio {
    type Credentials = TwilioCredentials;
    const PROFILE: &'static CarrierProfile = profile::PROFILE;

    fn connect(credentials: &TwilioCredentials, with: &CarrierConnectorFactory) -> Self {
        Self::open(credentials, &with.settings, &with.http)
    }

    /// What signs its posts.
    fn proof(&self) -> Option<&Secret> {
        Some(&self.auth_token)
    }

    /// Twilio asks for it where the account says so.
    fn media_login(&self, url: &str) -> Option<(&str, &Secret)> {
        let [named, twilios] = &self.media;
        let is_own = url.starts_with(named) || (self.is_twilios && url.starts_with(twilios));
        is_own.then_some((&*self.user, &self.password))
    }

    /// `POST …/Messages.json`, or `…/Calls.json`.
    async fn send(&self, message: &OutgoingMessage) -> SendOutcome {
        if message.channel == Channel::Voice {
            return self.place(message).await;
        }
        self.post("Messages.json", &form(message), message.until, "Twilio's answer names no message").await
    }

    async fn end_call(&self, provider_id: &str, end: CallHangupMode) -> Result<(), AskError> {
        self.end(provider_id, end).await
    }

    /// What Twilio has with the same sender, recipient and body, created since then.
    async fn find(&self, message: &OutgoingMessage, since_ms: Millis) -> SentMessagesResult {
        if message.channel == Channel::Voice {
            return self.find_calls(message, since_ms).await;
        }
        self.find_messages(message, since_ms).await
    }

    async fn lookup(&self, phone: &Phone) -> Result<NumberLookup, AskError> {
        self.ask_about(phone.as_str()).await
    }

    async fn numbers(&self) -> Result<Vec<CarrierNumber>, AskError> {
        self.list_numbers().await
    }

    /// `GET …/Messages.json?PageSize=1`: whether the credentials are good. API keys may not read the account itself.
    async fn check(&self) -> Result<(), AskError> {
        let request = self.host.request(Method::GET, &format!("{}/Messages.json", self.path));
        self.ask(&self.host, request.query(&[("PageSize", "1")])).await.map(|_| ())
    }

    fn has_proof(post: &ProviderPost) -> bool {
        proof::has_signature(post)
    }

    /// That of its `AccountSid`.
    fn claim(post: &ProviderPost) -> Result<AccountClaim, BadPost> {
        account_sid(&post.body).map(AccountClaim::Account)
    }

    fn verify(&self, post: &ProviderPost, trial: &PostVerificationContext<'_>) -> Result<VerifiedPost, BadPost> {
        let (fields, fingerprint) = self.signed(post, trial)?;
        // as they are read again out of the payload
        let fields = kept(fields);
        let mut payload = storable(&post.body);
        let parsed = match post.what {
            PostKind::Text => ParsedPost::Text(parse_inbound(&fields)?),
            PostKind::Receipt | PostKind::Dial => match leg_of(post) {
                Some(leg) => {
                    payload = with_leg(&payload, leg);
                    ParsedPost::Receipt(Self::read_receipt(&payload)?)
                }
                None => ParsedPost::Receipt(parse_receipt(&fields)?),
            },
            PostKind::Call => ParsedPost::Call(parse_call(&fields)?),
        };
        let is_receipt = matches!(parsed, ParsedPost::Receipt(_));
        let payload = if is_receipt { without_words(payload) } else { payload };
        Ok(VerifiedPost { parsed, payload, fingerprint: Some(fingerprint) })
    }

    fn signed_fields(
        &self,
        post: &ProviderPost,
        trial: &PostVerificationContext<'_>,
    ) -> Result<Vec<FormField>, BadPost> {
        self.signed(post, trial).map(|(fields, _)| fields)
    }

    fn read_text(payload: &str) -> Result<InboundMessage, UnreadableWebhook> {
        parse_inbound(&fields(payload).ok_or(UnreadableWebhook("form"))?)
    }

    fn read_receipt(payload: &str) -> Result<DeliveryReceipt, UnreadableWebhook> {
        parse_receipt(&fields(payload).ok_or(UnreadableWebhook("form"))?)
    }
}

fn unreadable() -> AskError {
    AskError::Unreachable { reason: "Twilio's answer cannot be read".into() }
}

#[cfg(test)]
#[path = "twilio/twilio_test.rs"]
mod tests;
