//! Keys: made once, shown once, stored as keyed hashes; or taken over by their SHA-256 from where they were made.

use ipnet::IpNet;
use rand::distributions::{Alphanumeric, DistString as _};
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha256};

use super::{ApiKey, Clients, KeyScope};
use crate::model::{AccountId, AllowedTwiml, ClientId, KeyId, Millis, Secret};
use crate::service::audit::AuditContext;
use crate::service::race::{WriteResultExt as _, settled};
use crate::service::{Error, Result, page, tariff};
use crate::store::key;

/// What every client's key begins with, so that scanners know it. Programs that look at the alphabet of Twilio's tokens
/// refuse what is neither a letter nor a digit. Keys of before have an underscore behind it, and 48 hex digits.
const PREFIX: &str = "sbkey";
/// Characters behind it.
const LENGTH: usize = 40;
/// Characters of a key that may be shown again.
const SHOWN: usize = 12;
/// What a pattern may be long.
const PATTERN: usize = 1000;
/// Networks that a key may come from, at most.
const SOURCES: usize = 100;

/// Where a new key comes from.
#[derive(Clone, Debug)]
pub enum NewApiKeyOrigin {
    Made,
    /// It was made elsewhere; 64 hex digits.
    Sha256(String),
}

/// What a key may do.
#[derive(Clone, Debug)]
pub struct KeyTerms {
    pub name: String,
    pub scopes: Vec<KeyScope>,
    pub account: Option<AccountId>,
    pub sources: Vec<IpNet>,
    pub senders: Option<String>,
    pub destinations: Option<String>,
    /// Requests a minute; 0: no limit.
    pub rate: i64,
    pub expires_ms: Option<Millis>,
    /// What its calls may say; `None`: only what speaks where it is bound, else as the settings have it.
    pub twiml: Option<AllowedTwiml>,
}

/// What is to change; `Some(None)` takes a bound away.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    pub name: Option<String>,
    pub scopes: Option<Vec<KeyScope>>,
    pub account: Option<Option<AccountId>>,
    pub sources: Option<Vec<IpNet>>,
    pub senders: Option<Option<String>>,
    pub destinations: Option<Option<String>>,
    pub rate: Option<i64>,
    pub expires_ms: Option<Option<Millis>>,
    pub twiml: Option<Option<AllowedTwiml>>,
}

fn check_pattern(field: &'static str, pattern: Option<&String>) -> Result<()> {
    let Some(pattern) = pattern else { return Ok(()) };
    if pattern.len() > PATTERN {
        return Err(Error::invalid(field, format!("is longer than {PATTERN}")));
    }
    tariff::compile(pattern).map(drop).map_err(|error| Error::invalid(field, error.to_string()))
}

fn sources(networks: &[IpNet]) -> Result<Option<String>> {
    if networks.len() > SOURCES {
        return Err(Error::invalid("sources", format!("holds {SOURCES} at most")));
    }
    // a network is its first address: 10.1.2.3/8 means 10.0.0.0/8
    let networks: Vec<IpNet> = networks.iter().map(IpNet::trunc).collect();
    Ok(if networks.is_empty() { None } else { serde_json::to_string(&networks).ok() })
}

impl Clients {
    /// A client's keys, newest first; whether there are more.
    pub async fn keys(&self, client: ClientId, after: Option<KeyId>, limit: usize) -> Result<(Vec<ApiKey>, bool)> {
        self.find(client).await?;
        Ok(page(key::list(&self.store, client, after, limit + 1).await?, limit))
    }

    pub async fn key(&self, client: ClientId, id: KeyId) -> Result<ApiKey> {
        key::find(&self.store, client, id).await?.ok_or_else(|| Error::not_found("key"))
    }

    fn check(&self, row: &ApiKey) -> Result<()> {
        if row.name.chars().count() > 128 {
            return Err(Error::invalid("name", "is longer than 128"));
        }
        if row.scopes.is_empty() {
            return Err(Error::invalid("scopes", "are sms, voice, whatsapp, verify, sessions and read, one at least"));
        }
        check_pattern("senders", row.senders.as_ref())?;
        check_pattern("destinations", row.destinations.as_ref())?;
        match row.account {
            Some(account) if self.directory.current().handle(account).is_none() => Err(Error::no_account()),
            _ => Ok(()),
        }
    }

    /// Makes a key, or takes one over; what was made is not shown again.
    pub async fn issue(
        &self,
        client: ClientId,
        terms: KeyTerms,
        origin: NewApiKeyOrigin,
        audit: &AuditContext<'_, ApiKey>,
    ) -> Result<(ApiKey, Option<Secret>)> {
        // the operator is no client, and has no keys
        self.find(client).await?;
        let now_ms = self.clock.now_ms();
        let (digest, prefix, secret) = match origin {
            NewApiKeyOrigin::Made => {
                let text = new_key();
                let prefix = text.expose().chars().take(SHOWN).collect();
                (Sha256::digest(text.expose().as_bytes()).to_vec(), prefix, Some(text))
            }
            NewApiKeyOrigin::Sha256(text) => {
                let digest = hex::decode(&text).ok().filter(|bytes| bytes.len() == 32);
                (digest.ok_or_else(|| Error::invalid("sha256", "is 64 hex digits"))?, String::new(), None)
            }
        };
        let row = ApiKey {
            id: KeyId::new(now_ms),
            client,
            prefix,
            name: terms.name,
            scopes: KeyScope::joined(&terms.scopes),
            account: terms.account,
            sources: sources(&terms.sources)?,
            senders: terms.senders,
            destinations: terms.destinations,
            rate: terms.rate,
            created_ms: now_ms,
            expires_ms: terms.expires_ms,
            last_used_ms: None,
            revoked_ms: None,
            twiml: terms.twiml,
        };
        self.directory.refresh().await?;
        self.check(&row)?;
        let entry = audit.entry(now_ms, row.id, None, Some(&row));
        let inserted = key::insert(&self.store, &row, &self.hash(&digest), entry).await;
        let inserted = inserted.on_conflict(|| Error::conflict("this key is known already"));
        inserted.on_guard(|| Error::conflict("the client is not active"))?;
        self.renew().await;
        Ok((row, secret))
    }

    /// The key as it now is.
    pub async fn change_key(
        &self,
        client: ClientId,
        id: KeyId,
        change: KeyChange,
        audit: &AuditContext<'_, ApiKey>,
    ) -> Result<ApiKey> {
        if change.account.is_some() {
            self.directory.refresh().await?;
        }
        settled("this key", || async {
            let before = self.key(client, id).await?;
            if before.revoked_ms.is_some() {
                return Err(Error::not_found("key"));
            }
            let row = changed(&before, &change)?;
            // an account that was deleted since is nobody's fault here
            let checked = ApiKey { account: row.account.filter(|_| change.account.is_some()), ..row.clone() };
            self.check(&checked)?;
            let entry = audit.entry(self.clock.now_ms(), id, Some(&before), Some(&row));
            // only what is named: somebody else may be changing the rest
            let set = key::ApiKeyUpdate {
                name: change.name.as_ref().map(|_| row.name),
                scopes: change.scopes.as_ref().map(|_| row.scopes),
                account: change.account,
                sources: change.sources.as_ref().map(|_| row.sources),
                senders: change.senders.clone(),
                destinations: change.destinations.clone(),
                rate: change.rate,
                expires_ms: change.expires_ms,
                twiml: change.twiml,
            };
            Ok(key::update(&self.store, &before, set, entry).await?)
        })
        .await?;
        self.renew().await;
        self.key(client, id).await
    }

    /// Revokes a key: from now on here, and within two seconds elsewhere.
    pub async fn revoke(&self, client: ClientId, id: KeyId, audit: &AuditContext<'_, ApiKey>) -> Result<()> {
        // a key that is gone from memory is not written down any more
        if let Err(error) = self.write_uses().await {
            tracing::warn!(%error, "last uses of keys were not written down before one is revoked");
        }
        let before = self.key(client, id).await?;
        let now_ms = self.clock.now_ms();
        let after = ApiKey { revoked_ms: Some(now_ms), ..before.clone() };
        let entry = audit.entry(now_ms, id, Some(&before), Some(&after));
        let revoked = key::revoke(&self.store, client, id, now_ms, entry).await;
        revoked.on_race(|| Error::not_found("key"))?;
        self.renew().await;
        Ok(())
    }
}

/// The key as it is to be.
fn changed(before: &ApiKey, change: &KeyChange) -> Result<ApiKey> {
    let mut row = before.clone();
    row.name = change.name.clone().unwrap_or(row.name);
    row.scopes = change.scopes.as_ref().map_or(row.scopes, |scopes| KeyScope::joined(scopes));
    row.account = change.account.unwrap_or(row.account);
    row.sources = change.sources.as_ref().map_or(Ok(row.sources), |networks| sources(networks))?;
    row.senders = change.senders.clone().unwrap_or(row.senders);
    row.destinations = change.destinations.clone().unwrap_or(row.destinations);
    row.rate = change.rate.unwrap_or(row.rate);
    row.expires_ms = change.expires_ms.unwrap_or(row.expires_ms);
    row.twiml = change.twiml.unwrap_or(row.twiml);
    Ok(row)
}

fn new_key() -> Secret {
    Secret::new([PREFIX, &Alphanumeric.sample_string(&mut OsRng, LENGTH)].concat())
}
