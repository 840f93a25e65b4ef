//! What an account at Telnyx is opened with.

use serde::Deserialize;

use super::proof::is_key;
use crate::crypto::hash;
use crate::model::Secret;
use crate::provider::{AccountCredentials, BadCredentials};

/// The API key logs in; by the public key Telnyx's posts are believed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct TelnyxCredentials {
    pub api_key: Secret,
    /// Base64.
    pub public_key: Secret,
    /// Which profile sends for senders that are no numbers.
    #[serde(default)]
    pub messaging_profile_id: Option<String>,
}

impl AccountCredentials for TelnyxCredentials {
    fn values(&self) -> Vec<(&'static str, &str)> {
        let own = [("api_key", self.api_key.expose()), ("public_key", self.public_key.expose())];
        let profile = self.messaging_profile_id.as_deref().map(|id| ("messaging_profile_id", id));
        own.into_iter().chain(profile).collect()
    }

    fn check(&self) -> Result<(), BadCredentials> {
        let wrong = |what| Err(BadCredentials::Field(what));
        // it stands in a header
        if self.api_key.is_empty() || !self.api_key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong("api_key must be as Telnyx shows it, without blanks");
        }
        if !is_key(&self.public_key) {
            return wrong("public_key must be the base64 of 32 bytes, as Telnyx shows it");
        }
        if self.messaging_profile_id.as_deref().is_some_and(str::is_empty) {
            return wrong("messaging_profile_id must not be empty: leave it out");
        }
        Ok(())
    }

    fn proof(&self) -> Option<&Secret> {
        Some(&self.public_key)
    }

    fn set_proof(&mut self, token: Secret) {
        self.public_key = token;
    }

    /// Telnyx has one public key for each of its customers.
    fn external_id(&self) -> String {
        hash::sha256_hex(self.public_key.expose().as_bytes())
    }
}
