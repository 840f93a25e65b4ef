//! The outside we call: carriers behind one interface, and the endpoints of our own webhooks.

pub mod client;
pub mod credential;
pub mod flowroute;
pub mod loopback;
pub mod message;
mod roots;
pub mod settings;
pub mod twilio;
pub mod web;
pub mod webhook;
mod word;

#[cfg(test)]
mod mock;

use std::time::Duration;

use crate::model::{Millis, Phone, Secret};

pub use crate::model::ProviderKind as Kind;

pub use client::{BadClient, Client};
pub use credential::{BadCredentials, Credentials};
pub use flowroute::Flowroute;
pub use loopback::{Loopback, LoopbackEvent};
pub use message::{
    CallNotes, CallStep, End, Inbound, Instructions, Lookup, Outgoing, Receipt, ReceiptState, Sent, Unreadable,
};
pub use settings::{BaseUrl, Settings};
pub use twilio::Twilio;
pub use webhook::{Delivery, Webhooks};

/// What became of one send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted {
        provider_id: String,
        segments: Option<i64>,
    },
    /// Final: the same message would be refused again.
    Refused {
        code: Option<i64>,
        reason: String,
    },
    /// Final too, but the provider gave it a name: it will report on that.
    Failed {
        provider_id: String,
        code: Option<i64>,
        reason: String,
    },
    /// The account is refused, whatever it sends: its credentials are no longer good, or it is suspended, or has no
    /// money left. Nothing was sent.
    Denied {
        code: Option<i64>,
        reason: String,
    },
    /// 403, and nothing says whose fault it is: the message's, or the account's.
    Forbidden {
        code: Option<i64>,
        reason: String,
    },
    /// Nothing was sent: retry after so long.
    Throttled {
        after: Option<Duration>,
        reason: String,
    },
    /// Nothing was sent: retry.
    Unreachable {
        after: Option<Duration>,
        reason: String,
    },
    /// The request went out and no readable answer came: it may have been sent.
    Uncertain {
        reason: String,
    },
}

impl Outcome {
    /// A refusal as what it is, by the codes that its provider gives where the account is at fault.
    fn blaming(self, codes: &[i64]) -> Self {
        match self {
            Self::Refused { code: Some(code), reason }
            | Self::Failed { code: Some(code), reason, .. }
            | Self::Forbidden { code: Some(code), reason }
                if codes.contains(&code) =>
            {
                Self::Denied { code: Some(code), reason }
            }
            other => other,
        }
    }
}

/// Why a question to a provider was not answered. Asking again does no harm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// 401, 402 or 403: whatever is asked.
    #[error("the provider refuses the account: {reason}")]
    Denied { reason: String },
    #[error("the provider refused: {reason}")]
    Refused { code: Option<i64>, reason: String },
    #[error("the provider asks for patience: {reason}")]
    Throttled { after: Option<Duration>, reason: String },
    #[error("the provider did not answer: {reason}")]
    Unreachable { reason: String },
    #[error("this provider cannot be asked that")]
    Unsupported,
}

/// What a live check of credentials found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    #[error("the provider does not take these credentials: {0}")]
    Denied(String),
    #[error("the credentials could not be checked: {0}")]
    Unanswered(String),
}

impl From<AskError> for CheckError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Denied { reason } => Self::Denied(reason),
            other => Self::Unanswered(other.to_string()),
        }
    }
}

impl Kind {
    /// UTF-16 units of a text that it takes at most on any channel, where it names a limit of its own.
    pub fn longest_text(self) -> Option<usize> {
        match self {
            Self::Twilio => Some(twilio::LONGEST_TEXT),
            Self::Flowroute | Self::Loopback => None,
        }
    }
}

/// Whether a refusal says that the recipient opted out at the provider.
pub fn opted_out(kind: Kind, code: Option<i64>) -> bool {
    match kind {
        Kind::Twilio | Kind::Loopback => code == Some(21_610),
        Kind::Flowroute => false,
    }
}

/// One account, ready to be called.
#[derive(Clone)]
pub enum Connector {
    Twilio(Twilio),
    Flowroute(Flowroute),
    Loopback(Loopback),
}

impl Connector {
    /// `loopback` is the process's one; other kinds do not touch it.
    pub fn open(credentials: &Credentials, settings: &Settings, http: &Client, loopback: &Loopback) -> Self {
        match credentials {
            Credentials::Twilio(account) => Self::Twilio(Twilio::open(account, settings, http)),
            Credentials::Flowroute(account) => Self::Flowroute(Flowroute::open(account, settings, http)),
            Credentials::Loopback(_) => Self::Loopback(loopback.clone()),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Twilio(_) => Kind::Twilio,
            Self::Flowroute(_) => Kind::Flowroute,
            Self::Loopback(_) => Kind::Loopback,
        }
    }

    /// By what its posts are believed: the token that signs them, or the secret part of their path; the loopback posts
    /// nothing.
    pub fn proof(&self) -> Option<&Secret> {
        match self {
            Self::Twilio(twilio) => Some(twilio.proof()),
            Self::Flowroute(flowroute) => Some(flowroute.proof()),
            Self::Loopback(_) => None,
        }
    }

    /// Whether the ids that a signed post names agree, and are such as this provider gives.
    pub fn check_ids(&self, params: &[(String, String)]) -> Result<(), Unreadable> {
        match self {
            Self::Twilio(twilio) => twilio.check_ids(params),
            Self::Flowroute(_) | Self::Loopback(_) => Ok(()),
        }
    }

    /// Whether the account that a post is for is known by its path alone.
    pub fn is_known_by_path(&self) -> bool {
        matches!(self, Self::Flowroute(_))
    }

    /// Under which path of ours the provider reports what became of a message; the loopback needs none.
    pub fn status_path(&self) -> Option<String> {
        match self {
            Self::Twilio(_) => Some("/webhooks/twilio/status".to_owned()),
            Self::Flowroute(flowroute) => Some(flowroute.status_path()),
            Self::Loopback(_) => None,
        }
    }

    pub async fn send(&self, message: &Outgoing) -> Outcome {
        match self {
            Self::Twilio(twilio) => twilio.send(message).await.blaming(twilio::ACCOUNT_CODES),
            Self::Flowroute(flowroute) => flowroute.send(message).await.blaming(flowroute::ACCOUNT_CODES),
            Self::Loopback(loopback) => loopback.send(message).await.blaming(twilio::ACCOUNT_CODES),
        }
    }

    /// Ends a call that the provider has taken; what became of it, its receipt says.
    pub async fn end_call(&self, provider_id: &str, end: End) -> Result<(), AskError> {
        match self {
            Self::Twilio(twilio) => twilio.end_call(provider_id, end).await,
            Self::Flowroute(_) => Err(AskError::Unsupported),
            Self::Loopback(loopback) => loopback.end_call(provider_id, end),
        }
    }

    /// Whether [`Connector::find`] can settle an uncertain send.
    pub fn can_list(&self) -> bool {
        !matches!(self, Self::Flowroute(_))
    }

    /// What the provider has with the same sender, recipient and body, created since then; newest first.
    /// `since_ms` is compared with the provider's clock: allow for a difference.
    pub async fn find(&self, message: &Outgoing, since_ms: Millis) -> Result<Vec<Sent>, AskError> {
        match self {
            Self::Twilio(twilio) => twilio.find(message, since_ms).await,
            Self::Flowroute(_) => Err(AskError::Unsupported),
            Self::Loopback(loopback) => Ok(loopback.find(message, since_ms)),
        }
    }

    /// Whether [`Connector::lookup`] is answered.
    pub fn can_look_up(&self) -> bool {
        !matches!(self, Self::Flowroute(_))
    }

    /// What the provider knows of anybody's number. Sends nothing to it.
    pub async fn lookup(&self, phone: &Phone) -> Result<Lookup, AskError> {
        match self {
            Self::Twilio(twilio) => twilio.lookup(phone.as_str()).await,
            Self::Flowroute(_) => Err(AskError::Unsupported),
            Self::Loopback(_) => Ok(loopback::lookup(phone)),
        }
    }

    /// Asks the provider whether the credentials are good. Sends nothing to anyone.
    pub async fn check(&self) -> Result<(), CheckError> {
        match self {
            Self::Twilio(twilio) => twilio.check().await.map_err(CheckError::from),
            Self::Flowroute(flowroute) => flowroute.check().await.map_err(CheckError::from),
            Self::Loopback(_) => Ok(()),
        }
    }
}
