//! What a running node reads again: its certificate and its identity, both or neither.

use super::Gateway;
use super::keyring::{KeyringError, identity_path};
use crate::config::Config;
use crate::http::{ReloadableTls, TlsError};
use crate::service::sync::ServerPrivateKeys;
use crate::store::meta;

/// What stops a reload: everything stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Key(#[from] KeyringError),
}

/// What a reload reads, and what it replaces.
pub(super) struct ReloadTargets {
    pub config: Config,
    pub tls: Option<ReloadableTls>,
    pub identities: ServerPrivateKeys,
}

impl Gateway {
    /// Reads certificate and identity again from where they were when it started. An identity that the store does not
    /// know is refused as at a start; one that it does takes over, and the old one still decrypts for
    /// `sync.session_ttl`. Whether the identity is another one.
    pub async fn reload(&self) -> Result<bool, ReloadError> {
        let ReloadTargets { config, tls, identities } = &self.reloading;
        let acceptor = config.tls.acceptor()?;
        if config.tls.is_on() {
            config.tls.check_date()?;
        }
        let ttl = config.sync.session_ttl;
        let read = ServerPrivateKeys::load(&identity_path(config), None, ttl).map_err(KeyringError::from)?;
        let here = read.current().fingerprint().to_owned();
        let stored = meta::value_of(&self.databases.store, "identity").await.map_err(KeyringError::from)?;
        if let Some(stored) = stored.filter(|stored| *stored != here) {
            return Err(KeyringError::OtherIdentity { stored, here }.into());
        }
        // read, checked and accepted: nothing below can fail
        if let (Some(tls), Some(acceptor)) = (tls, acceptor) {
            tls.replace(acceptor);
        }
        Ok(identities.replace(&read, ttl))
    }
}
