//! What an account is opened with, as it is sealed in the store: JSON, one shape per carrier, which its folder knows.

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use super::{CarrierKind, Credentials};
use crate::model::Secret;

/// The credentials of one carrier.
pub trait AccountCredentials {
    /// The values that are there by the names of their fields, as they are sealed.
    fn values(&self) -> Vec<(&'static str, &str)>;

    /// Whether they can be good, as far as their shape tells.
    fn check(&self) -> Result<(), BadCredentials>;

    /// The same of what was sealed, by an older build it may be. What an account says itself once it is opened, it need
    /// not say here.
    fn check_sealed(&self) -> Result<(), BadCredentials> {
        self.check()
    }

    /// By what the carrier's posts are believed: the token that signs them, or the secret part of their path.
    fn proof(&self) -> Option<&Secret> {
        None
    }

    /// Puts another in its place.
    fn set_proof(&mut self, _token: Secret) {}

    /// By what the carrier's webhooks name the account; a secret only as a hash. Where they name none, what no other
    /// account has.
    fn external_id(&self) -> String;
}

/// Which field is wrong, in our own words: the values are secret.
#[derive(Debug, thiserror::Error)]
pub enum BadCredentials {
    #[error("{kind} credentials are {expected}")]
    Shape { kind: &'static str, expected: &'static str },
    #[error("{0}")]
    Field(&'static str),
    /// The same of what is inside a field: where that is, and what is wrong there.
    #[error("{field}: {reason}")]
    Inside { field: &'static str, reason: String },
}

fn parse<C: DeserializeOwned>(kind: CarrierKind, json: &[u8]) -> Result<C, BadCredentials> {
    let expected = kind.profile().credentials_words;
    serde_json::from_slice(json).map_err(|_| BadCredentials::Shape { kind: kind.name(), expected })
}

/// Reads and checks those of one carrier.
pub(super) fn read<C: AccountCredentials + DeserializeOwned>(
    kind: CarrierKind,
    json: &[u8],
) -> Result<C, BadCredentials> {
    let read: C = parse(kind, json)?;
    read.check().map(|()| read)
}

/// The same of those that were sealed.
pub(super) fn reread<C: AccountCredentials + DeserializeOwned>(
    kind: CarrierKind,
    json: &[u8],
) -> Result<C, BadCredentials> {
    let read: C = parse(kind, json)?;
    read.check_sealed().map(|()| read)
}

/// Values under their names.
struct CredentialValues<'a>(Vec<(&'static str, &'a str)>);

impl Serialize for CredentialValues<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().copied())
    }
}

impl Credentials {
    /// The JSON to seal.
    pub fn to_json(&self) -> Zeroizing<String> {
        // text under fixed keys always serialises
        Zeroizing::new(serde_json::to_string(&CredentialValues(self.inside().values())).unwrap_or_default())
    }

    /// By what the provider's posts are believed: the token that signs them, or the secret part of their path.
    pub fn proof(&self) -> Option<&Secret> {
        self.inside().proof()
    }

    /// The secret part of the path that the provider posts to, where that is all the proof there is.
    pub fn secret_path(&self) -> Option<&Secret> {
        self.proof().filter(|_| self.kind().profile().has_secret_path)
    }

    /// The same with another such token.
    pub fn with_proof(mut self, token: Secret) -> Result<Self, BadCredentials> {
        self.inside_mut().set_proof(token);
        self.inside().check().map(|()| self)
    }

    /// By what the provider's webhooks name the account; a secret path only as a hash.
    pub fn external_id(&self) -> String {
        self.inside().external_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_survive_being_sealed_and_are_not_printed() -> Result<(), BadCredentials> {
        for (kind, json) in [
            (CarrierKind::Twilio, r#"{"account_sid":"AC1","auth_token":"hush"}"#),
            (CarrierKind::Twilio, r#"{"account_sid":"AC1","auth_token":"hush","api_key":"SK1","api_secret":"hush"}"#),
            (CarrierKind::Flowroute, r#"{"access_key":"1","secret_key":"hush","webhook_token":"hush-hush-hush-hush"}"#),
            (CarrierKind::Loopback, "{}"),
        ] {
            let credentials = Credentials::from_json(kind, json.as_bytes())?;
            assert_eq!(credentials.to_json().as_str(), json);
            assert_eq!(credentials.kind(), kind);
            let is_known = |name: &str| kind.profile().credentials.iter().any(|field| field.name == name);
            assert!(credentials.inside().values().iter().all(|(name, _)| is_known(name)), "{json}");
            assert!(!format!("{credentials:?}").contains("hush"));
        }
        Ok(())
    }

    #[test]
    fn what_posts_are_believed_by_can_be_another() -> Result<(), BadCredentials> {
        for (kind, json, good, bad) in [
            (CarrierKind::Twilio, r#"{"account_sid":"AC1","auth_token":"hush"}"#, "other", ""),
            (
                CarrierKind::Flowroute,
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
        assert!(Credentials::from_json(CarrierKind::Loopback, b"{}")?.proof().is_none());
        Ok(())
    }

    #[test]
    fn what_cannot_work_is_refused_without_being_repeated() {
        for (kind, json) in [
            (CarrierKind::Twilio, r#"{"account_sid":"AC/../1","auth_token":"hush"}"#),
            (CarrierKind::Twilio, r#"{"account_sid":"AC1","auth_token":""}"#),
            (CarrierKind::Twilio, r#"{"account_sid":"AC1","auth_token":"hush","api_key":"SK1"}"#),
            (CarrierKind::Twilio, r#"{"account_sid":"AC1","auth_token":"hush","hush":1}"#),
            (CarrierKind::Flowroute, r#"{"access_key":"1","secret_key":"hush","webhook_token":"hush"}"#),
            (CarrierKind::Flowroute, r#"{"access_key":"1","secret_key":"","webhook_token":"hush-hush-hush-hush"}"#),
            (CarrierKind::Flowroute, r#"{"access_key":"1","secret_key":"hush","webhook_token":"hush/hush/hush/hush"}"#),
            (CarrierKind::Loopback, r#"{"hush":1}"#),
            (CarrierKind::Loopback, "hush"),
        ] {
            let said = Credentials::from_json(kind, json.as_bytes()).err().map(|error| error.to_string());
            assert!(said.as_ref().is_some_and(|said| !said.contains("hush")), "{json}: {said:?}");
        }
    }
}
