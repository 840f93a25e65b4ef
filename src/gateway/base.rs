//! What the parts of a node are built from.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::keyring::ServerKeyring;
use super::{StartError, StoreAndUserDatabase};
use crate::config::Config;
use crate::crypto::HashKey;
use crate::model::{Clock, PublicOrigin};
use crate::service::event::Events;
use crate::store::lease::LeaseOwner;
use crate::store::meta;

/// Each part takes of it what it needs.
pub(super) struct StartContext<'a> {
    pub(super) config: &'a Config,
    pub(super) databases: &'a StoreAndUserDatabase,
    pub(super) keys: &'a ServerKeyring,
    pub(super) clock: &'a Clock,
    /// This process among all that lease rows.
    pub(super) owner: &'a LeaseOwner,
    pub(super) events: &'a Arc<Events>,
    pub(super) origin: &'a PublicOrigin,
    pub(super) tasks: &'a TaskTracker,
    pub(super) stop: &'a CancellationToken,
}

impl StartContext<'_> {
    /// The store's key of that name to hash with; where there is none, a new one from now on.
    pub(super) async fn key(&self, name: &'static str) -> Result<HashKey, StartError> {
        let key = meta::hash_key(&self.databases.store, &self.keys.master, name, self.clock.now_ms()).await;
        key.map_err(StartError::storing(self.config))
    }
}
