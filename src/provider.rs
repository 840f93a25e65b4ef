//! The outside we call: carriers, each a folder here and a row of one table, and the endpoints of our own webhooks.
//!
//! A carrier is added by a folder whose account implements [`Provider`], and by its row in `carriers!` below.

pub mod client;
pub mod credential;
mod flowroute;
mod http_api;
pub mod loopback;
pub mod message;
mod outcome;
mod path_token;
mod post;
mod profile;
mod roots;
pub mod settings;
mod table;
mod telnyx;
mod twilio;
pub mod web;
pub mod webhook;
mod word;

#[cfg(test)]
mod mock;

use std::fmt::Debug;
use std::future::ready;

use serde::de::DeserializeOwned;

use crate::model::{Millis, Phone, Secret};

use self::table::carriers;

pub use client::{HttpClient, HttpClientBuildError};
pub use credential::{AccountCredentials, BadCredentials};
pub use loopback::{Loopback, LoopbackEvent};
pub use message::{
    CallHangupMode, CallNotes, CallStep, CarrierNumber, DeliveryReceipt, InboundCall, InboundMessage, NumberLookup,
    OutgoingMessage, OutgoingSecret, ProviderListedMessage, UnreadableWebhook,
};
pub use outcome::{AskError, CredentialCheckError, SendOutcome};
pub use post::{
    AccountClaim, BadPost, ParsedPost, PostVerificationContext, ProviderPost, SignatureFingerprint, VerifiedPost,
};
pub use profile::{
    CarrierFeature, CarrierProfile, CarrierWebhookPath, CredentialField, OPTED_OUT, PostKind, WebhookReply,
};
pub use settings::{BaseUrl, Settings};
pub use webhook::{WebhookClient, WebhookPostOutcome};

/// What a carrier answers that is asked for what it has sent.
pub type SentMessagesResult = Result<Vec<ProviderListedMessage>, AskError>;

// The table of carriers: what is not said here is in their folders.
carriers! {
    Twilio(twilio::Twilio),
    Flowroute(flowroute::Flowroute),
    Telnyx(telnyx::Telnyx),
    Http(http_api::HttpApiProvider),
    Loopback(Loopback),
}

/// An account at a carrier, and what is known of the kind. What a carrier cannot do it need not say.
pub trait Provider: Clone + Send + Sync {
    type Credentials: AccountCredentials + Clone + Debug + DeserializeOwned + Eq;
    const PROFILE: &'static CarrierProfile;

    /// Opens an account; nothing is called yet.
    fn connect(credentials: &Self::Credentials, with: &CarrierConnectorFactory) -> Self;

    /// By what its posts are believed, where it posts.
    fn proof(&self) -> Option<&Secret> {
        None
    }

    /// The login that media at this URL of its own need, if it is one.
    fn media_login(&self, _url: &str) -> Option<(&str, &Secret)> {
        None
    }

    /// Sends a message, or places a call.
    fn send(&self, message: &OutgoingMessage) -> impl Future<Output = SendOutcome> + Send;

    /// Ends a call that it has taken: [`CarrierFeature::Calls`].
    fn end_call(&self, _provider_id: &str, _end: CallHangupMode) -> impl Future<Output = Result<(), AskError>> + Send {
        ready(Err(AskError::Unsupported))
    }

    /// What it has with the same sender, recipient and body, created since then, newest first:
    /// [`CarrierFeature::List`].
    fn find(&self, _message: &OutgoingMessage, _since_ms: Millis) -> impl Future<Output = SentMessagesResult> + Send {
        ready(Err(AskError::Unsupported))
    }

    /// What it knows of anybody's number: [`CarrierFeature::LookUp`].
    fn lookup(&self, _phone: &Phone) -> impl Future<Output = Result<NumberLookup, AskError>> + Send {
        ready(Err(AskError::Unsupported))
    }

    /// Which numbers the account has.
    fn numbers(&self) -> impl Future<Output = Result<Vec<CarrierNumber>, AskError>> + Send {
        ready(Err(AskError::Unsupported))
    }

    /// Whether the credentials are good. Sends nothing to anyone.
    fn check(&self) -> impl Future<Output = Result<(), AskError>> + Send;

    /// Whether a post has what its proof needs, as far as that is seen without reading it.
    fn has_proof(_post: &ProviderPost) -> bool {
        true
    }

    /// Whose a post says that it is, found without reading all of it.
    fn claim(_post: &ProviderPost) -> Result<AccountClaim, BadPost> {
        Ok(AccountClaim::Any)
    }

    /// Whether this account has sent a post, and what that says: its proof is looked at and its body read here, once.
    fn verify(&self, _post: &ProviderPost, _trial: &PostVerificationContext<'_>) -> Result<VerifiedPost, BadPost> {
        Err(BadPost::Forged)
    }

    /// The fields of a form that this account has signed, as they came, where it posts such forms.
    fn signed_fields(
        &self,
        _post: &ProviderPost,
        _trial: &PostVerificationContext<'_>,
    ) -> Result<Vec<(String, String)>, BadPost> {
        Err(BadPost::Forged)
    }

    /// A text of its accounts, read again from what was kept of the post.
    fn read_text(payload: &str) -> Result<InboundMessage, UnreadableWebhook>;

    /// The same of a receipt.
    fn read_receipt(payload: &str) -> Result<DeliveryReceipt, UnreadableWebhook>;
}

/// What connections to carriers share: settings, the HTTP client, and this process's loopback.
#[derive(Clone)]
pub struct CarrierConnectorFactory {
    pub settings: Settings,
    pub http: HttpClient,
    pub loopback: Loopback,
}

impl CarrierConnectorFactory {
    /// A connection with credentials as they were sealed.
    pub fn open(&self, kind: CarrierKind, credentials: &[u8]) -> Result<Connector, BadCredentials> {
        Ok(Connector::open(&Credentials::from_sealed(kind, credentials)?, self))
    }
}

impl CarrierKind {
    pub fn name(self) -> &'static str {
        self.profile().name
    }

    /// The kind of this name. `None`: this version knows no such carrier.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Whether a refusal says that the recipient opted out at the provider.
pub fn opted_out(kind: CarrierKind, code: Option<i64>) -> bool {
    code.is_some_and(|code| kind.profile().opt_out_codes.contains(&code))
}

/// Whether a refusal says that the account does not have the sender, or not for this.
pub fn has_no_such_sender(kind: CarrierKind, code: Option<i64>) -> bool {
    code.is_some_and(|code| kind.profile().sender_codes.contains(&code))
}

impl Connector {
    /// Under which path of ours the provider reports what became of a message, where it does.
    pub fn status_path(&self) -> Option<String> {
        self.path_of(PostKind::Receipt)
    }

    /// Under which path of ours it posts such things, where it does.
    pub fn path_of(&self, what: PostKind) -> Option<String> {
        let profile = self.kind().profile();
        let webhook = profile.webhooks.iter().find(|webhook| webhook.what == what)?;
        if !profile.has_secret_path {
            return Some(["/webhooks/", profile.name, "/", webhook.path].concat());
        }
        // an account without one is posted nothing
        Some(["/webhooks/", profile.name, "/", self.proof()?.expose(), "/", webhook.path].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_carrier_has_a_name_of_its_own_and_what_it_posts_has_a_path() {
        for kind in CarrierKind::ALL {
            let profile = kind.profile();
            assert_eq!(CarrierKind::parse(kind.name()), Some(kind));
            assert_eq!(profile.proof_field().map(|field| field.name), profile.proof_field, "{}", profile.name);
            for webhook in profile.webhooks {
                assert_eq!(profile.webhook(webhook.path).map(|found| found.what), Some(webhook.what));
            }
            assert_eq!(profile.webhook("nothing").map(|found| found.what), None);
        }
        assert_eq!(CarrierKind::parse("carrier-of-tomorrow"), None);
    }
}
