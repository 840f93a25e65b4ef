//! Consumers of the API: clients, their keys, and what these may do.

mod consumer;
mod demo;
mod issue;
mod key;
mod known;
mod manage;
mod named;
mod pattern;
mod profile;
mod request_limiter;

use std::sync::Arc;
use std::time::Instant;

pub use consumer::{ApiConsumer, KeyScope};
pub use demo::DemoClient;
pub use issue::{KeyChange, KeyTerms, NewApiKeyOrigin};
pub use key::ActiveKey;
pub use known::{ClientsAndKeys, InMemoryClient};
pub use manage::{ClientChange, NewClient};
pub use pattern::KeyAddressPattern;
pub use profile::{ClientProfile, ClientProfileChange};
pub use request_limiter::KeyRateExhausted;

pub use crate::store::client::Client;
pub use crate::store::key::ApiKey;

use self::pattern::KeyPatternCache;
use crate::crypto::{HashKey, MasterKey};
use crate::model::{ClientId, Clock};
use crate::service::directory::Directory;
use crate::service::snapshot::Snapshot;
use crate::signal::SharedCounter;
use crate::store::Store;

/// All clients and their keys: managed in the store, asked in memory.
pub struct Clients {
    pub store: Store,
    pub master: Arc<MasterKey>,
    /// What keys are hashed under.
    pub hash_key: HashKey,
    pub clock: Clock,
    /// Which accounts there are to force a key to.
    pub directory: Arc<Directory>,
    /// What all nodes count together of what keys ask for.
    counter: SharedCounter,
    /// A client that is not served, whatever its row says.
    shut: Option<ClientId>,
    demo: Option<DemoClient>,
    patterns: KeyPatternCache,
    known: Snapshot<ClientsAndKeys>,
}

impl Clients {
    pub fn new(directory: Arc<Directory>, hash_key: HashKey, clock: Clock) -> Self {
        let (store, master) = (directory.store.clone(), directory.master.clone());
        let (counter, patterns, known) = (SharedCounter::alone(), KeyPatternCache::default(), Snapshot::default());
        Self { store, master, hash_key, clock, directory, counter, shut: None, demo: None, patterns, known }
    }

    /// Counts with the other nodes what keys ask for.
    #[must_use]
    pub fn counting(self, counter: SharedCounter) -> Self {
        Self { counter, ..self }
    }

    /// Serves all but one, whose secrets are known to everybody.
    #[must_use]
    pub fn without(self, shut: ClientId) -> Self {
        Self { shut: Some(shut), ..self }
    }

    /// Takes one request off what a key may ask for: of all nodes together, or while Redis is away of this one.
    pub async fn admit(&self, key: &ActiveKey) -> Result<(), KeyRateExhausted> {
        let Some(per_minute) = key.limiter.per_minute() else { return Ok(()) };
        // it counts by itself too, so that it knows where it was when Redis goes
        let own = key.limiter.take(Instant::now());
        match self.counter.take(&key.id.hex(), per_minute).await {
            Some(shared) => shared.map_err(|wait| key.limiter.exhausted(wait)),
            None => own,
        }
    }

    pub fn current(&self) -> Arc<ClientsAndKeys> {
        self.known.current()
    }
}
