//! Clients and keys in force, in memory: every request asks, and the store is asked only when they have changed.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::{ActiveKey, ApiConsumer, Clients};
use crate::model::{ClientId, Country, KeyId, Millis, Secret};
use crate::service::snapshot;
use crate::store::version::CachedDataset;
use crate::store::{Error, Result, client, key, version};

/// A client as it stands.
#[derive(Debug)]
pub struct InMemoryClient {
    pub id: ClientId,
    pub name: String,
    pub is_active: bool,
    /// Where numbers are that it writes without a country code.
    pub country: Option<Country>,
    /// What signs the posts to it, and is its password; `None`: the operator.
    pub auth_token: Option<Secret>,
    sealed: Option<Vec<u8>>,
}

/// What is known at one moment.
#[derive(Default)]
pub struct ClientsAndKeys {
    clients: HashMap<ClientId, Arc<InMemoryClient>>,
    /// By their hashes.
    keys: HashMap<[u8; 32], Arc<ActiveKey>>,
}

impl ClientsAndKeys {
    /// A client, active or not.
    pub fn client(&self, id: ClientId) -> Option<&Arc<InMemoryClient>> {
        self.clients.get(&id)
    }

    /// The oldest client of this name.
    pub(super) fn named(&self, name: &str) -> Option<ClientId> {
        self.clients.values().filter(|client| client.name == name).map(|client| client.id).min()
    }

    /// A key by its id, expired or not.
    pub fn key(&self, id: KeyId) -> Option<&Arc<ActiveKey>> {
        self.keys.values().find(|key| key.id == id)
    }
}

impl Clients {
    /// The key's name in the store.
    pub(super) fn hash(&self, sha256: &[u8]) -> [u8; 32] {
        self.hash_key.mac(&[sha256])
    }

    /// Whose this key is, if it is in force.
    pub fn by_key(&self, given: &str) -> Option<ApiConsumer> {
        let known = self.current();
        // what is hashed under a secret key gives nothing away by how it compares
        let key = known.keys.get(&self.hash(&Sha256::digest(given.as_bytes())))?;
        let is_active = known.client(key.client).is_some_and(|client| client.is_active);
        let in_force = is_active && !key.is_expired(self.clock.now_ms());
        in_force.then(|| ApiConsumer { client: key.client, key: Some(key.clone()) })
    }

    /// Whether a client is known by a password: its auth token, with which it may do all, or a key of its.
    pub fn by_client(&self, id: ClientId, password: &str) -> Option<ApiConsumer> {
        let known = self.current();
        let older = self.demo.filter(|demo| demo.id == id && demo.older == password);
        let password = older.map_or(password, |demo| demo.secret);
        let token = known.client(id).filter(|client| client.is_active).and_then(|client| client.auth_token.as_ref());
        let fits = token.is_some_and(|token| bool::from(token.expose().as_bytes().ct_eq(password.as_bytes())));
        if fits {
            return Some(ApiConsumer::of(id));
        }
        self.by_key(password).filter(|consumer| consumer.client == id)
    }

    /// The same of a key by its id.
    pub fn by_key_id(&self, id: KeyId, password: &str) -> Option<ApiConsumer> {
        self.by_key(password).filter(|consumer| consumer.key.as_ref().is_some_and(|key| key.id == id))
    }

    /// A client by each of its keys in force; where it has no keys, by its auth token, with which it may do all.
    pub fn by_keys_of(&self, id: ClientId) -> Vec<ApiConsumer> {
        let known = self.current();
        if known.client(id).is_none_or(|client| !client.is_active) {
            return Vec::new();
        }
        let mut keys = known.keys.values().filter(|key| key.client == id).peekable();
        if keys.peek().is_none() {
            return vec![ApiConsumer::of(id)];
        }
        let now_ms = self.clock.now_ms();
        let mut in_force: Vec<&Arc<ActiveKey>> = keys.filter(|key| !key.is_expired(now_ms)).collect();
        // the oldest first, on every node
        in_force.sort_by_key(|key| key.id);
        in_force.into_iter().map(|key| ApiConsumer { client: id, key: Some(key.clone()) }).collect()
    }

    /// What signs the posts to a client; `None`: it has none.
    pub fn auth_token(&self, id: ClientId) -> Option<Secret> {
        self.current().client(id).and_then(|client| client.auth_token.clone())
    }

    /// Reads what has changed since they were read last.
    pub async fn refresh(&self) -> Result<()> {
        self.known.refresh(version::current(&self.store, CachedDataset::Clients), |old| self.read(old)).await
    }

    async fn read(&self, old: Arc<ClientsAndKeys>) -> Result<ClientsAndKeys> {
        let mut fresh = ClientsAndKeys::default();
        for known in client::known(&self.store).await? {
            let party = self.party(old.clients.get(&known.id), known);
            fresh.clients.insert(party.id, party);
        }
        self.patterns.tidy();
        for (hash, row) in key::in_force(&self.store).await? {
            let (id, known) = (row.id, old.keys.get(&hash));
            let opened = match known.filter(|known| known.says(&row)) {
                Some(kept) => Ok(kept.clone()),
                None => ActiveKey::open(row, known.map(Arc::as_ref), &self.patterns).map(Arc::new),
            };
            match opened {
                Ok(key) => drop(fresh.keys.insert(hash, key)),
                Err(reason) => tracing::error!(key = %id, reason, "a key cannot be used"),
            }
        }
        Ok(fresh)
    }

    /// The same behind a change that is committed.
    pub(super) async fn renew(&self) {
        snapshot::renewed("clients or keys", self.refresh().await);
    }

    fn party(&self, old: Option<&Arc<InMemoryClient>>, known: client::CachedClient) -> Arc<InMemoryClient> {
        let client::CachedClient { id, name, auth_token: sealed, is_active, country } = known;
        let kept = old.filter(|old| old.sealed == sealed).map(|old| old.auth_token.clone());
        let failed = |error: &Error| tracing::error!(client = %id, %error, "a client's auth token does not open");
        let auth_token = kept.unwrap_or_else(|| self.open_token(id, sealed.as_deref()?).inspect_err(failed).ok());
        // its secrets are known to everybody
        let is_active = is_active && self.shut != Some(id);
        Arc::new(InMemoryClient { id, name, is_active, country, auth_token, sealed })
    }

    fn open_token(&self, id: ClientId, sealed: &[u8]) -> Result<Secret> {
        let plain = self.master.open(client::place(&id.hex()), sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| Error::Data("auth token is no text".into()))?;
        Ok(Secret::new(text.to_owned()))
    }

    /// Writes down when keys were used last, for those that were since this was done before.
    pub async fn write_uses(&self) -> Result<()> {
        let known = self.current();
        let used: Vec<(&Arc<ActiveKey>, Millis)> =
            known.keys.values().filter_map(|key| Some((key, key.unwritten_ms()?))).collect();
        let Some(last_ms) = used.iter().map(|(_, at_ms)| *at_ms).max() else { return Ok(()) };
        let ids: Vec<KeyId> = used.iter().map(|(key, _)| key.id).collect();
        key::used(&self.store, &ids, last_ms).await?;
        for (key, at_ms) in used {
            key.written(at_ms);
        }
        Ok(())
    }
}
