//! What an account at Twilio is opened with.

use serde::Deserialize;

use crate::model::Secret;
use crate::provider::{AccountCredentials, BadCredentials};

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

impl AccountCredentials for TwilioCredentials {
    fn values(&self) -> Vec<(&'static str, &str)> {
        let own = [("account_sid", self.account_sid.as_str()), ("auth_token", self.auth_token.expose())];
        let key = self.api_key.as_deref().map(|key| ("api_key", key));
        let secret = self.api_secret.as_ref().map(|secret| ("api_secret", secret.expose()));
        own.into_iter().chain(key).chain(secret).collect()
    }

    fn check(&self) -> Result<(), BadCredentials> {
        let wrong = |what| Err(BadCredentials::Field(what));
        // it stands in the path of every call
        if !is_word(&self.account_sid) {
            return wrong("account_sid must be letters and digits");
        }
        if self.auth_token.is_empty() {
            return wrong("auth_token must not be empty");
        }
        if self.api_key.is_some() != self.api_secret.is_some() {
            return wrong("api_key and api_secret go together");
        }
        Ok(())
    }

    fn proof(&self) -> Option<&Secret> {
        Some(&self.auth_token)
    }

    fn set_proof(&mut self, token: Secret) {
        self.auth_token = token;
    }

    fn external_id(&self) -> String {
        self.account_sid.clone()
    }
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}
