//! What an account at Flowroute is opened with.

use serde::Deserialize;

use crate::crypto::hash;
use crate::model::Secret;
use crate::provider::{AccountCredentials, BadCredentials, path_token};

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
        if self.access_key.is_empty() || self.secret_key.is_empty() {
            return Err(BadCredentials::Field("access_key and secret_key must not be empty"));
        }
        path_token::check(&self.webhook_token)
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
