//! What an account at Flowroute is opened with.

use serde::Deserialize;

use crate::crypto::hash;
use crate::model::Secret;
use crate::provider::{AccountCredentials, BadCredentials};

/// Whoever guesses a token can make messages up.
const SHORTEST_TOKEN: usize = 16;

/// `webhook_token` is the secret part of the path under which Flowroute reaches us.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct FlowrouteCredentials {
    pub access_key: String,
    pub secret_key: Secret,
    pub webhook_token: Secret,
}

impl AccountCredentials for FlowrouteCredentials {
    fn values(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("access_key", self.access_key.as_str()),
            ("secret_key", self.secret_key.expose()),
            ("webhook_token", self.webhook_token.expose()),
        ]
    }

    fn check(&self) -> Result<(), BadCredentials> {
        let wrong = |what| Err(BadCredentials::Field(what));
        if self.access_key.is_empty() || self.secret_key.is_empty() {
            return wrong("access_key and secret_key must not be empty");
        }
        if self.webhook_token.expose().len() < SHORTEST_TOKEN {
            return wrong("webhook_token must be 16 characters or more");
        }
        if !is_segment(self.webhook_token.expose()) {
            return wrong("webhook_token must be of letters, digits, - and _");
        }
        Ok(())
    }

    fn proof(&self) -> Option<&Secret> {
        Some(&self.webhook_token)
    }

    fn set_proof(&mut self, token: Secret) {
        self.webhook_token = token;
    }

    fn external_id(&self) -> String {
        hash::sha256_hex(self.webhook_token.expose().as_bytes())
    }
}

/// Whether a part of a path can be a token of ours.
pub(super) fn is_token(text: &str) -> bool {
    text.len() >= SHORTEST_TOKEN && is_segment(text)
}

fn is_segment(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
