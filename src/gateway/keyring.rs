//! The server's own keys on disk: made on first start, mode 0600, never overwritten.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::config::Config;
use crate::crypto::{MasterKey, ServerPrivateKey};
use crate::model::Secret;
use crate::service::sync::{KeyError, ServerPrivateKeys};
use crate::store::{self, Store, meta};

const IDENTITY: &str = "identity.pem";
const PREVIOUS: &str = "identity.previous.pem";
const MASTER: &str = "master.key";

#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
    #[error("{origin} is not 32 bytes in hex or base64")]
    BadMasterKey { origin: String },
    #[error(
        "the store was written under another master key ({stored}; this one is {here}): \
         copy keys/master.key from the node that made it, or set SWITCHBOARD_MASTER_KEY to that key"
    )]
    OtherMasterKey { stored: String, here: String },
    #[error(
        "the store knows another RSA identity ({stored}; this one is {here}): copy keys/identity.pem from the \
         node that made it, or run `switchboard keys accept` where the key was replaced on purpose"
    )]
    OtherIdentity { stored: String, here: String },
    #[error(transparent)]
    Identity(#[from] KeyError),
    #[error("cannot make a key: {0}")]
    Crypto(#[from] crate::crypto::Error),
    #[error("store: {0}")]
    Store(#[from] store::Error),
}

/// Which keys a node runs under.
pub struct ServerKeyring {
    pub master: Arc<MasterKey>,
    pub identities: ServerPrivateKeys,
    pub identity_path: PathBuf,
    /// The file, or the environment variable.
    pub master_origin: String,
}

fn failed(path: &Path, error: &std::io::Error) -> KeyringError {
    KeyringError::File { path: path.display().to_string(), reason: error.to_string() }
}

impl ServerKeyring {
    /// Reads the keys that the configuration names, making those of `keys.dir` where they are missing.
    pub fn open(config: &Config) -> Result<Self, KeyringError> {
        let identity_path = identity_path(config);
        if uses_own_identity(config) {
            make_identity(&identity_path)?;
        }
        let previous = match config.sync.previous_private_key.as_str() {
            "" => config.keys.dir.join(PREVIOUS),
            path => PathBuf::from(path),
        };
        let identities = ServerPrivateKeys::load(&identity_path, Some(&previous), config.sync.session_ttl)?;
        let (text, master_origin) = match &config.master_key {
            Some((name, key)) => (key.clone(), (*name).to_owned()),
            None => {
                let path = config.keys.dir.join(MASTER);
                make_master(&path)?;
                let text = std::fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
                (Secret::new(text), path.display().to_string())
            }
        };
        let master = MasterKey::parse(text.expose())
            .map_err(|_| KeyringError::BadMasterKey { origin: master_origin.clone() })?;
        Ok(Self { master: Arc::new(master), identities, identity_path, master_origin })
    }

    /// Whether every key that the configuration names is there, so that opening makes none.
    pub fn exists(config: &Config) -> bool {
        identity_path(config).exists() && (config.master_key.is_some() || config.keys.dir.join(MASTER).exists())
    }

    /// Refuses a store that other keys wrote; a new store remembers these.
    pub async fn check_store(&self, store: &Store) -> Result<(), KeyringError> {
        let master = meta::value_or_insert(store, "master_key", self.master.fingerprint()).await?;
        self.compare_master(master)?;
        let identity = meta::value_or_insert(store, "identity", self.identities.current().fingerprint()).await?;
        self.compare_identity(identity)
    }

    /// The same, and a new store stays new.
    pub async fn compare_store(&self, store: &Store) -> Result<(), KeyringError> {
        meta::value_of(store, "master_key").await?.map_or(Ok(()), |stored| self.compare_master(stored))?;
        meta::value_of(store, "identity").await?.map_or(Ok(()), |stored| self.compare_identity(stored))
    }

    fn compare_master(&self, stored: String) -> Result<(), KeyringError> {
        let here = self.master.fingerprint().to_owned();
        if stored == here { Ok(()) } else { Err(KeyringError::OtherMasterKey { stored, here }) }
    }

    fn compare_identity(&self, stored: String) -> Result<(), KeyringError> {
        let here = self.identities.current().fingerprint().to_owned();
        if stored == here { Ok(()) } else { Err(KeyringError::OtherIdentity { stored, here }) }
    }

    /// Makes this identity the store's, for whoever replaced it on purpose.
    pub async fn accept_identity(&self, store: &Store) -> Result<(), KeyringError> {
        Ok(meta::replace(store, "identity", self.identities.current().fingerprint()).await?)
    }
}

/// Whether the identity is ours to make: neither `sync.private_key` nor `tls.key` names one.
pub fn uses_own_identity(config: &Config) -> bool {
    config.sync.private_key.is_empty() && config.tls.key.is_empty()
}

pub(super) fn identity_path(config: &Config) -> PathBuf {
    match (config.sync.private_key.as_str(), config.tls.key.as_str()) {
        ("", "") => config.keys.dir.join(IDENTITY),
        ("", tls) => tls.into(),
        (own, _) => own.into(),
    }
}

fn make_identity(path: &Path) -> Result<(), KeyringError> {
    if path.exists() {
        return Ok(());
    }
    tracing::info!(path = %path.display(), "making the server's RSA identity");
    write_new(path, ServerPrivateKey::generate()?.expose())
}

fn make_master(path: &Path) -> Result<(), KeyringError> {
    if path.exists() {
        return Ok(());
    }
    tracing::info!(path = %path.display(), "making the master key; back it up, sealed secrets are lost without it");
    write_new(path, &format!("{}\n", MasterKey::generate().expose()))
}

/// Writes a file of mode 0600 that did not exist, whole or not at all: a link to an existing
/// name fails, so another process that was first wins.
fn write_new(path: &Path, text: &str) -> Result<(), KeyringError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let private = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    private.map_err(|error| failed(folder, &error))?;
    let draft = folder.join(format!(".new-{:016x}", rand::random::<u64>()));
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match std::fs::hard_link(&draft, path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    };
    let result = write().map_err(|error| failed(path, &error));
    let _ = std::fs::remove_file(&draft);
    result
}

/// Puts a new identity in the place of the old one, which stays beside it as the previous key.
pub fn replace_identity(config: &Config) -> Result<(), KeyringError> {
    let (path, previous) = (config.keys.dir.join(IDENTITY), config.keys.dir.join(PREVIOUS));
    let new = ServerPrivateKey::generate()?;
    let old = std::fs::read_to_string(&path).map(Zeroizing::new).map_err(|error| failed(&path, &error))?;
    // written anew, not moved: the file's time says since when it is the previous one
    let _ = std::fs::remove_file(&previous);
    write_new(&previous, &old)?;
    let next = config.keys.dir.join(".identity.next.pem");
    let _ = std::fs::remove_file(&next);
    write_new(&next, new.expose())?;
    std::fs::rename(&next, &path).map_err(|error| failed(&path, &error))
}

/// Whether others than the owner may read a file; `None` where there is no file.
pub fn is_open_to_others(path: &Path) -> Option<bool> {
    Some(std::fs::metadata(path).ok()?.permissions().mode() & 0o077 != 0)
}
