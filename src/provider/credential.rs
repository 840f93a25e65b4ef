//! What an account is opened with, as it is sealed in the store: JSON, one shape per provider.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Kind;
use crate::model::Secret;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    Twilio(TwilioCredentials),
    Flowroute(FlowrouteCredentials),
    Loopback(LoopbackCredentials),
}

/// The auth token signs webhooks; where there is an API key, that logs in instead of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct TwilioCredentials {
    pub account_sid: String,
    pub auth_token: Secret,
    #[serde(default)]
    pub api_key: Option<String>,
    #[serde(default)]
    pub api_secret: Option<Secret>,
}

/// `webhook_token` is the secret part of the path under which Flowroute reaches us.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct FlowrouteCredentials {
    pub access_key: String,
    pub secret_key: Secret,
    pub webhook_token: Secret,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct LoopbackCredentials {}

/// Which field is wrong, in our own words: the values are secret.
#[derive(Debug, thiserror::Error)]
pub enum BadCredentials {
    #[error("{kind} credentials are {expected}")]
    Shape { kind: &'static str, expected: &'static str },
    #[error("{0}")]
    Field(&'static str),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Out<'a> {
    Twilio {
        account_sid: &'a str,
        auth_token: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        api_key: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        api_secret: Option<&'a str>,
    },
    Flowroute {
        access_key: &'a str,
        secret_key: &'a str,
        webhook_token: &'a str,
    },
    Loopback {},
}

impl Credentials {
    /// Reads and checks what a client or the store gives.
    pub fn from_json(kind: Kind, json: &[u8]) -> Result<Self, BadCredentials> {
        let shape = |expected| BadCredentials::Shape { kind: kind.name(), expected };
        let read = match kind {
            Kind::Twilio => serde_json::from_slice(json)
                .map(Self::Twilio)
                .map_err(|_| shape("account_sid, auth_token and, for an API key, api_key and api_secret"))?,
            Kind::Flowroute => serde_json::from_slice(json)
                .map(Self::Flowroute)
                .map_err(|_| shape("access_key, secret_key and webhook_token"))?,
            Kind::Loopback => {
                serde_json::from_slice(json).map(Self::Loopback).map_err(|_| shape("empty: an object without keys"))?
            }
        };
        read.check().map(|()| read)
    }

    /// The JSON to seal.
    pub fn to_json(&self) -> Zeroizing<String> {
        let out = match self {
            Self::Twilio(account) => Out::Twilio {
                account_sid: &account.account_sid,
                auth_token: account.auth_token.expose(),
                api_key: account.api_key.as_deref(),
                api_secret: account.api_secret.as_ref().map(Secret::expose),
            },
            Self::Flowroute(account) => Out::Flowroute {
                access_key: &account.access_key,
                secret_key: account.secret_key.expose(),
                webhook_token: account.webhook_token.expose(),
            },
            Self::Loopback(_) => Out::Loopback {},
        };
        // text under fixed keys always serialises
        Zeroizing::new(serde_json::to_string(&out).unwrap_or_default())
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Twilio(_) => Kind::Twilio,
            Self::Flowroute(_) => Kind::Flowroute,
            Self::Loopback(_) => Kind::Loopback,
        }
    }

    /// By what the provider's posts are believed: the token that signs them, or the secret part of their path.
    pub fn proof(&self) -> Option<&Secret> {
        match self {
            Self::Twilio(account) => Some(&account.auth_token),
            Self::Flowroute(account) => Some(&account.webhook_token),
            Self::Loopback(_) => None,
        }
    }

    /// The same with another such token.
    pub fn with_proof(mut self, token: Secret) -> Result<Self, BadCredentials> {
        match &mut self {
            Self::Twilio(account) => account.auth_token = token,
            Self::Flowroute(account) => account.webhook_token = token,
            Self::Loopback(_) => {}
        }
        self.check().map(|()| self)
    }

    fn check(&self) -> Result<(), BadCredentials> {
        let wrong = |what| Err(BadCredentials::Field(what));
        match self {
            // it stands in the path of every call
            Self::Twilio(account) if !is_word(&account.account_sid) => wrong("account_sid must be letters and digits"),
            Self::Twilio(account) if account.auth_token.is_empty() => wrong("auth_token must not be empty"),
            Self::Twilio(account) if account.api_key.is_some() != account.api_secret.is_some() => {
                wrong("api_key and api_secret go together")
            }
            Self::Flowroute(account) if account.access_key.is_empty() || account.secret_key.is_empty() => {
                wrong("access_key and secret_key must not be empty")
            }
            // whoever guesses it can make messages up
            Self::Flowroute(account) if account.webhook_token.expose().len() < 16 => {
                wrong("webhook_token must be 16 characters or more")
            }
            Self::Flowroute(account) if !is_segment(account.webhook_token.expose()) => {
                wrong("webhook_token must be of letters, digits, - and _")
            }
            Self::Twilio(_) | Self::Flowroute(_) | Self::Loopback(_) => Ok(()),
        }
    }
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_segment(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_survive_being_sealed_and_are_not_printed() -> Result<(), BadCredentials> {
        for (kind, json) in [
            (Kind::Twilio, r#"{"account_sid":"AC1","auth_token":"hush"}"#),
            (Kind::Twilio, r#"{"account_sid":"AC1","auth_token":"hush","api_key":"SK1","api_secret":"hush"}"#),
            (Kind::Flowroute, r#"{"access_key":"1","secret_key":"hush","webhook_token":"hush-hush-hush-hush"}"#),
            (Kind::Loopback, "{}"),
        ] {
            let credentials = Credentials::from_json(kind, json.as_bytes())?;
            assert_eq!(credentials.to_json().as_str(), json);
            assert_eq!(credentials.kind(), kind);
            assert!(!format!("{credentials:?}").contains("hush"));
        }
        Ok(())
    }

    #[test]
    fn what_posts_are_believed_by_can_be_another() -> Result<(), BadCredentials> {
        for (kind, json, good, bad) in [
            (Kind::Twilio, r#"{"account_sid":"AC1","auth_token":"hush"}"#, "other", ""),
            (
                Kind::Flowroute,
                r#"{"access_key":"1","secret_key":"2","webhook_token":"hush-hush-hush-hush"}"#,
                "another-path-segment",
                "short",
            ),
        ] {
            let credentials = Credentials::from_json(kind, json.as_bytes())?;
            assert!(credentials.clone().with_proof(Secret::new(bad.into())).is_err(), "{bad}");
            let other = credentials.clone().with_proof(Secret::new(good.into()))?;
            assert_eq!(other.proof().map(Secret::expose), Some(good));
            assert_eq!(other.with_proof(credentials.proof().cloned().unwrap_or_default())?, credentials);
        }
        assert!(Credentials::from_json(Kind::Loopback, b"{}")?.proof().is_none());
        Ok(())
    }

    #[test]
    fn what_cannot_work_is_refused_without_being_repeated() {
        for (kind, json) in [
            (Kind::Twilio, r#"{"account_sid":"AC/../1","auth_token":"hush"}"#),
            (Kind::Twilio, r#"{"account_sid":"AC1","auth_token":""}"#),
            (Kind::Twilio, r#"{"account_sid":"AC1","auth_token":"hush","api_key":"SK1"}"#),
            (Kind::Twilio, r#"{"account_sid":"AC1","auth_token":"hush","hush":1}"#),
            (Kind::Flowroute, r#"{"access_key":"1","secret_key":"hush","webhook_token":"hush"}"#),
            (Kind::Flowroute, r#"{"access_key":"1","secret_key":"","webhook_token":"hush-hush-hush-hush"}"#),
            (Kind::Flowroute, r#"{"access_key":"1","secret_key":"hush","webhook_token":"hush/hush/hush/hush"}"#),
            (Kind::Loopback, r#"{"hush":1}"#),
            (Kind::Loopback, "hush"),
        ] {
            let said = Credentials::from_json(kind, json.as_bytes()).err().map(|error| error.to_string());
            assert!(said.as_ref().is_some_and(|said| !said.contains("hush")), "{json}: {said:?}");
        }
    }
}
