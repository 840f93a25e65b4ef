//! Consumers of the API: clients, their keys, and what these may do.

mod consumer;
mod issue;
mod key;
mod manage;
mod pace;
mod page;
mod profile;

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

pub use consumer::{Consumer, Scope};
pub use issue::{KeyChange, KeyOrigin, KeyTerms};
pub use key::Key;
pub use manage::{ClientChange, DemoClient, NewClient};
pub use pace::Exhausted;
pub use page::{Page, Party};
pub use profile::{Profile, ProfileChange};

pub use crate::store::client::Client;
pub use crate::store::key::Key as KeyRow;

use crate::crypto::{HashKey, MasterKey};
use crate::model::{ClientId, Clock};
use crate::service::book::Book;
use crate::store::{self, Store};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such client")]
    NotFound,
    #[error("no such key")]
    NoKey,
    #[error("this key is known already")]
    KnownKey,
    #[error("the client is not active")]
    Inactive,
    #[error("the client owes more than that")]
    Overdrawn,
    #[error("{field}: {reason}")]
    Invalid { field: &'static str, reason: String },
    #[error(transparent)]
    Crypto(#[from] crate::crypto::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Races with others before a client, or a key, is called busy.
const RACES: usize = 20;

fn invalid(field: &'static str, reason: impl Into<String>) -> Error {
    Error::Invalid { field, reason: reason.into() }
}

/// All clients and their keys: managed in the store, asked in memory.
pub struct Clients {
    pub store: Store,
    pub master: Arc<MasterKey>,
    /// What keys are hashed under.
    pub hash_key: HashKey,
    pub clock: Clock,
    /// Which accounts there are to force a key to.
    pub book: Arc<Book>,
    /// A client that is not served, whatever its row says.
    shut: Option<ClientId>,
    page: RwLock<Arc<Page>>,
    /// One reload at a time: an older page must not replace a newer.
    reloading: Mutex<()>,
}

impl Clients {
    pub fn new(store: Store, master: Arc<MasterKey>, hash_key: HashKey, clock: Clock, book: Arc<Book>) -> Self {
        let (page, reloading) = (RwLock::default(), Mutex::default());
        Self { store, master, hash_key, clock, book, shut: None, page, reloading }
    }

    /// Serves all but one, whose secrets are known to everybody.
    #[must_use]
    pub fn without(self, shut: ClientId) -> Self {
        Self { shut: Some(shut), ..self }
    }

    pub fn page(&self) -> Arc<Page> {
        self.page.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
