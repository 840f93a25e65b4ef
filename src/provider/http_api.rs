//! Any carrier with an HTTP API: its account says in JSON how it is asked, how its answers are read, and by what its
//! posts are proved. The guide describes descriptions.

mod answer;
mod body;
mod credentials;
mod description;
mod echo;
mod escape;
mod login;
mod matcher;
mod post;
mod profile;
mod proof;
mod reading;
mod request;
mod template;

use std::sync::Arc;

use super::client::{HttpClient, ProviderHost};
use super::{
    AskError, BadPost, CarrierConnectorFactory, CarrierProfile, DeliveryReceipt, InboundMessage, OutgoingMessage,
    ParsedPost, PostKind, PostVerificationContext, Provider, ProviderPost, SendOutcome, UnreadableWebhook,
    VerifiedPost, path_token,
};
use crate::model::Secret;

use self::description::ApiDescription;
use self::echo::SecretEchoes;
use self::proof::PostProof;
use self::reading::ReadDocument;
use self::template::{FillSource, NamedSecrets};

pub use credentials::HttpCredentials;

/// One account at a carrier that is described.
#[derive(Clone)]
pub struct HttpApiProvider {
    webhook_token: Secret,
    /// What is wrong with what was sealed: a later version may read descriptions more strictly.
    opened: Result<Arc<ApiDescriptionWithSecrets>, String>,
}

/// A description with an account's secrets.
struct ApiDescriptionWithSecrets {
    described: ApiDescription,
    secrets: NamedSecrets,
    echoes: SecretEchoes,
    proof: Option<PostProof>,
    send: ProviderHost,
    check: Option<ProviderHost>,
}

impl ApiDescriptionWithSecrets {
    fn open(account: &HttpCredentials, http: &HttpClient) -> Result<Self, String> {
        let described = account.described().map_err(|error| error.to_string())?;
        let secrets = account.check_secrets(&described).map_err(|error| error.to_string())?;
        let source = FillSource::secrets(&secrets);
        let proof = described.proof.as_ref().map(|proof| proof.open(&source)).transpose()?;
        let mut logins = Vec::new();
        for request in std::iter::once(&described.send).chain(&described.check) {
            logins.extend(request.login(&source)?);
        }
        let echoes = SecretEchoes::of(&secrets, logins);
        let send = http.host(&described.send.base);
        let check = described.check.as_ref().map(|check| http.host(&check.base));
        Ok(Self { described, secrets, echoes, proof, send, check })
    }

    async fn send(&self, message: &OutgoingMessage) -> SendOutcome {
        let refused = |reason: String| SendOutcome::Refused { code: None, reason };
        if !message.media_urls.is_empty() && !self.described.carries_media() {
            return refused("the carrier's description says nothing of media".to_owned());
        }
        let template = &self.described.send;
        let hears_receipts = self.described.hears_receipts();
        let source = FillSource { message: Some(message), hears_receipts, secrets: &self.secrets };
        let request = match template.build(&self.send, &source) {
            Ok(request) => request,
            Err(reason) => return refused(reason),
        };
        let answer = if template.has_body() {
            self.send.send(request, message.until).await
        } else {
            self.send.send_head(request, message.until).await
        };
        match answer {
            Ok(answer) => self.described.answer.outcome(&answer, &self.echoes),
            Err(failure) => failure.into(),
        }
    }

    /// Without a request for that there is nothing to ask.
    async fn check(&self) -> Result<(), AskError> {
        let Some((template, host)) = self.described.check.as_ref().zip(self.check.as_ref()) else { return Ok(()) };
        let wrong = |reason| AskError::Refused { code: None, reason };
        let request = template.build(host, &FillSource::secrets(&self.secrets)).map_err(wrong)?;
        let answer = host.call(request).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(answer.ask_error(|body| self.described.answer.explain(body, &self.echoes)))
    }

    /// What a post to the account's own path says.
    fn verify(&self, post: &ProviderPost) -> Result<VerifiedPost, BadPost> {
        let proof = self.proof.as_ref().ok_or(BadPost::Unwanted)?;
        if !proof.holds(post) {
            return Err(BadPost::Forged);
        }
        let (texts, receipts) = (self.described.inbound.as_ref(), self.described.receipts.as_ref());
        let written = matcher::written(post);
        let read = |format| ReadDocument::parse(format, &written);
        let of_text = texts.and_then(|reader| read(reader.format));
        // most carriers write both alike, which is read once
        let are_alike = texts.map(|reader| reader.format) == receipts.map(|reader| reader.format);
        let of_receipt = receipts.filter(|_| !are_alike).and_then(|reader| read(reader.format));
        let (of_text, of_receipt) = (of_text.as_ref(), if are_alike { of_text.as_ref() } else { of_receipt.as_ref() });
        let is_text = texts.and_then(|reader| reader.when.takes(post.what, of_text));
        let is_receipt = receipts.and_then(|reader| reader.when.takes(post.what, of_receipt));
        let text = texts.filter(|_| is_text == Some(Ok(true)));
        let receipt = receipts.filter(|_| is_receipt == Some(Ok(true)));
        let (parsed, payload) = match (post.what, text, receipt) {
            (PostKind::Text, Some(reader), _) | (PostKind::Receipt, Some(reader), None) => {
                let text = reader.read(of_text)?;
                let payload = post::keep_text(&text);
                (ParsedPost::Text(text), payload)
            }
            (PostKind::Receipt, _, Some(reader)) | (PostKind::Text, None, Some(reader)) => {
                let receipt = reader.read(of_receipt)?;
                let payload = post::keep_receipt(&receipt);
                (ParsedPost::Receipt(receipt), payload)
            }
            (PostKind::Call | PostKind::Dial, ..) => return Err(BadPost::Unwanted),
            (what @ (PostKind::Text | PostKind::Receipt), None, None) => {
                let here_first = if what == PostKind::Text { is_text.or(is_receipt) } else { is_receipt.or(is_text) };
                // an event that is none of ours; but what is of no form that is described may be a text cut short
                here_first.ok_or(BadPost::Unwanted)?.map(|_| (ParsedPost::Nothing, String::new()))?
            }
        };
        Ok(VerifiedPost { parsed, payload, fingerprint: None })
    }
}

impl HttpApiProvider {
    pub fn open(account: &HttpCredentials, http: &HttpClient) -> Self {
        let opened = ApiDescriptionWithSecrets::open(account, http).map(Arc::new);
        if let Err(reason) = &opened {
            tracing::error!(reason, "an account of a described carrier cannot be used");
        }
        Self { webhook_token: account.webhook_token.clone(), opened }
    }
}

impl Provider for HttpApiProvider {
    type Credentials = HttpCredentials;
    const PROFILE: &'static CarrierProfile = profile::PROFILE;

    fn connect(credentials: &HttpCredentials, with: &CarrierConnectorFactory) -> Self {
        Self::open(credentials, &with.http)
    }

    /// The segment of the path that it posts to.
    fn proof(&self) -> Option<&Secret> {
        Some(&self.webhook_token).filter(|token| !token.is_empty())
    }

    async fn send(&self, message: &OutgoingMessage) -> SendOutcome {
        match &self.opened {
            Ok(api) => api.send(message).await,
            Err(reason) => SendOutcome::Denied { code: None, reason: reason.clone() },
        }
    }

    async fn check(&self) -> Result<(), AskError> {
        match &self.opened {
            Ok(api) => api.check().await,
            Err(reason) => Err(AskError::Denied { reason: reason.clone() }),
        }
    }

    fn has_proof(post: &ProviderPost) -> bool {
        path_token::has_token(post)
    }

    /// The path says whose it is; the description, by what else it is proved.
    fn verify(&self, post: &ProviderPost, trial: &PostVerificationContext<'_>) -> Result<VerifiedPost, BadPost> {
        path_token::prove(post, trial)?;
        match &self.opened {
            Ok(api) => api.verify(post),
            Err(_) => Err(BadPost::Unopened),
        }
    }

    fn read_text(payload: &str) -> Result<InboundMessage, UnreadableWebhook> {
        post::kept_text(payload)
    }

    fn read_receipt(payload: &str) -> Result<DeliveryReceipt, UnreadableWebhook> {
        post::kept_receipt(payload)
    }
}

#[cfg(test)]
#[path = "http_api/http_api_test.rs"]
mod tests;

#[cfg(test)]
#[path = "http_api/shipped_test.rs"]
mod shipped_tests;
