//! What an account at a described carrier is opened with.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::description::{ApiDescription, text_of};
use super::template::NamedSecrets;
use crate::crypto::{hash, random};
use crate::model::Secret;
use crate::model::json::twice;
use crate::provider::{AccountCredentials, BadCredentials, path_token};

/// A description, the secrets that it names, and the segment of the path that its carrier posts to. They are sealed
/// together.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct HttpCredentials {
    /// JSON; given by the name of one that comes with this program, its text.
    #[serde(deserialize_with = "description")]
    pub(super) description: String,
    /// JSON: texts by their names.
    #[serde(default, deserialize_with = "secrets")]
    pub(super) secrets: Secret,
    /// Empty where the carrier posts nothing.
    #[serde(default)]
    pub(super) webhook_token: Secret,
}

/// A description is to hold no secret, and may all the same.
impl fmt::Debug for HttpCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpCredentials(hidden)")
    }
}

/// A text as it is; anything else as the JSON that it is.
fn text_or_json<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

fn description<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    text_or_json(from).map(text_of)
}

fn secrets<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    text_or_json(from).map(Secret::new)
}

fn inside(field: &'static str, reason: impl Into<String>) -> BadCredentials {
    BadCredentials::Inside { field, reason: reason.into() }
}

impl HttpCredentials {
    pub(super) fn described(&self) -> Result<ApiDescription, BadCredentials> {
        ApiDescription::read(&self.description).map_err(|reason| inside("description", reason))
    }

    fn named(&self) -> Result<NamedSecrets, BadCredentials> {
        let written = self.secrets.expose().trim();
        if written.is_empty() {
            return Ok(NamedSecrets::new());
        }
        if twice(written.as_bytes()).is_some() {
            return Err(inside("secrets", "must say each name once"));
        }
        // the reader's own words may quote a secret
        serde_json::from_str(written).map_err(|_| inside("secrets", "must be a JSON object of texts"))
    }

    /// The secrets, if they are those that the description names.
    pub(super) fn check_secrets(&self, described: &ApiDescription) -> Result<NamedSecrets, BadCredentials> {
        let (wanted, given) = (described.secrets(), self.named()?);
        let missing: Vec<&str> = wanted.iter().map(String::as_str).filter(|name| !given.contains_key(*name)).collect();
        if !missing.is_empty() {
            return Err(inside("secrets", format!("must say {}, which the description names", missing.join(", "))));
        }
        for (name, secret) in &given {
            if !wanted.contains(name) {
                return Err(inside("secrets", "says what the description does not name: leave it out"));
            }
            if secret.is_empty() || secret.expose().chars().any(char::is_control) {
                return Err(inside("secrets", format!("{name} must not be empty, nor hold a line end")));
            }
        }
        Ok(given)
    }

    /// Who hears nothing needs no path.
    fn check_token(&self, described: &ApiDescription) -> Result<(), BadCredentials> {
        if self.webhook_token.is_empty() && !described.hears() {
            return Ok(());
        }
        path_token::check(&self.webhook_token)
    }
}

impl AccountCredentials for HttpCredentials {
    fn values(&self) -> Vec<(&'static str, &str)> {
        let own = [("description", self.description.as_str())];
        let secret = [("secrets", &self.secrets), ("webhook_token", &self.webhook_token)];
        let given = secret.into_iter().filter(|(_, secret)| !secret.is_empty());
        own.into_iter().chain(given.map(|(name, secret)| (name, secret.expose()))).collect()
    }

    fn check(&self) -> Result<(), BadCredentials> {
        let described = self.described()?;
        self.check_secrets(&described)?;
        self.check_token(&described)
    }

    /// The account says itself what is wrong, and has what is posted to it posted again.
    fn check_sealed(&self) -> Result<(), BadCredentials> {
        Ok(())
    }

    fn proof(&self) -> Option<&Secret> {
        Some(&self.webhook_token).filter(|token| !token.is_empty())
    }

    fn set_proof(&mut self, token: Secret) {
        self.webhook_token = token;
    }

    /// The path; where nothing is posted, nothing has to be found by it, and what is stored beside the sealed secrets is
    /// not to be a hash of them, by which they could be guessed.
    fn external_id(&self) -> String {
        match self.proof() {
            Some(token) => hash::sha256_hex(token.expose().as_bytes()),
            None => hex::encode(random::<32>()),
        }
    }
}

#[cfg(test)]
#[path = "credentials_test.rs"]
mod tests;
