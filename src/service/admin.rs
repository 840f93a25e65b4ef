//! Administrators' keys: made once, shown once, stored as keyed hashes.

use std::sync::Arc;

use super::audit::AuditContext;
use super::directory::Directory;
use super::race::won;
use crate::crypto::{HashKey, random};
use crate::model::{AdminKeyId, Clock, Secret};
use crate::store::admin;
use crate::store::{self};

pub use crate::store::admin::AdminKey;

/// What every administrator's key begins with, so that scanners know it.
const PREFIX: &str = "sbadm_";
/// Characters of a key that may be shown again.
const SHOWN: usize = 12;

pub struct Administrators {
    pub directory: Arc<Directory>,
    pub key: HashKey,
    pub clock: Clock,
}

impl Administrators {
    /// Whether this is an administrator's key in force, as of the last look at the store, and which: its id and its
    /// name.
    pub fn who(&self, given: &str) -> Option<String> {
        if !given.starts_with(PREFIX) {
            return None;
        }
        // what is hashed under a secret key gives nothing away by how it compares
        self.directory.current().admin(&self.key.mac(&[given.as_bytes()])).map(str::to_owned)
    }

    /// Makes a key; this is the only time that it is seen.
    pub async fn make(&self, name: &str, audit: &AuditContext<'_, AdminKey>) -> store::Result<(AdminKey, Secret)> {
        let text = format!("{PREFIX}{}", hex::encode(random::<24>()));
        let now_ms = self.clock.now_ms();
        let key = AdminKey {
            id: AdminKeyId::new(now_ms),
            prefix: text.chars().take(SHOWN).collect(),
            name: name.to_owned(),
            created_ms: now_ms,
            revoked_ms: None,
        };
        let entry = audit.entry(now_ms, key.id, None, Some(&key));
        admin::insert(&self.directory.store, &key, &self.key.mac(&[text.as_bytes()]), entry).await?;
        Ok((key, Secret::new(text)))
    }

    pub async fn list(&self) -> store::Result<Vec<AdminKey>> {
        admin::list(&self.directory.store).await
    }

    /// Whether there was such a key in force.
    pub async fn revoke(&self, id: AdminKeyId, audit: &AuditContext<'_, AdminKey>) -> store::Result<bool> {
        let Some(before) = self.list().await?.into_iter().find(|key| key.id == id) else { return Ok(false) };
        let now_ms = self.clock.now_ms();
        let after = AdminKey { revoked_ms: Some(now_ms), ..before.clone() };
        let entry = audit.entry(now_ms, id, Some(&before), Some(&after));
        Ok(won(admin::revoke(&self.directory.store, id, now_ms, entry).await)?.is_some())
    }
}
