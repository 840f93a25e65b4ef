//! What stops a start.

use std::net::SocketAddr;

use super::keyring;
use crate::config::Config;
use crate::store::{self, seed};
use crate::{http, provider, service, signal};

/// Everything that can stop a start, told so that it can be mended.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("--dev opens doors that must stay closed: it serves loopback addresses only, not {0}")]
    NotLoopback(SocketAddr),
    #[error("http.public_url must be set: phones cannot reach {0}")]
    NoPublicUrl(SocketAddr),
    #[error("cannot listen: {0}")]
    Listen(#[from] std::io::Error),
    #[error("store {url}: {error}")]
    Store { url: String, error: store::Error },
    #[error("backend.url = {0}: no such file; point it at the user database, or let `switchboard seed` make a sample")]
    NoBackend(String),
    #[error("backend.url = {url}: {error}")]
    Backend { url: String, error: store::Error },
    #[error(transparent)]
    Key(#[from] keyring::KeyringError),
    #[error(transparent)]
    Tls(#[from] http::TlsError),
    #[error(transparent)]
    Redis(#[from] signal::BadRedisUrl),
    #[error("cannot read {key} = {path:?}: {reason}")]
    File { key: &'static str, path: String, reason: String },
    #[error(transparent)]
    Client(#[from] provider::HttpClientBuildError),
    #[error("publishing: {0}")]
    Publish(#[source] service::Error),
    #[error("events: {0}")]
    Events(#[source] service::Error),
    #[error("event.allow: {0}")]
    Allow(String),
    #[error("development data: {0}")]
    Seed(#[from] seed::SeedError),
    #[error("development data: {0}")]
    Development(String),
    #[error("{0}: {1}")]
    Door(&'static str, String),
}

impl StartError {
    /// Names the store that an error came from.
    pub(super) fn storing(config: &Config) -> impl Fn(store::Error) -> Self + Copy {
        |error| Self::Store { url: config.store.url.to_string(), error }
    }
}
