//! The composition root: from a configuration to a running node. The only file that knows everything.

pub mod admin;
mod base;
mod codes;
mod database;
mod doors;
mod error;
mod events;
mod guard;
mod inbound;
pub mod keyring;
mod messaging;
mod number_proxy;
mod pairing;
mod publish;
mod reload;
pub mod rights;
mod rules;
mod secret;
mod sending;
mod services;
mod verification;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::crypto::SyncSessionId;
use crate::http::{self, ReloadableTls, TcpListeners};
use crate::model::{Clock, DurationSetting, PublicOrigin, UserId};
use crate::service::dispatch::Dispatch;
use crate::service::sync::{PairingLink, PairingLinkBuilder, SyncSessionIdIssuer};
use crate::store::lease::LeaseOwner;
use crate::store::{self, Store, seed};
use base::StartContext;
pub use database::{StoreAndUserDatabase, UserDatabaseAccess, open, open_store};
pub use error::StartError;
use keyring::ServerKeyring;
pub use reload::ReloadError;
use reload::ReloadTargets;
pub use secret::DEV_TOKEN;
pub(crate) use secret::salt;
use services::Services;

/// A node that serves.
pub struct Gateway {
    pub addresses: Vec<SocketAddr>,
    pub origin: PublicOrigin,
    databases: StoreAndUserDatabase,
    session_ids: Arc<SyncSessionIdIssuer>,
    /// Sends what is accepted until the last request is answered, and says that this node serves the store.
    _dispatch: Arc<Dispatch>,
    tasks: TaskTracker,
    stop: CancellationToken,
    stopping: CancellationToken,
    reloading: ReloadTargets,
    grace: Duration,
    drain_delay: Duration,
}

/// `--dev` serves this machine alone.
fn check_closed(config: &Config) -> Result<(), StartError> {
    let metrics = config.http.metrics_listen.parse().ok();
    match config.http.listen.iter().copied().chain(metrics).find(|at| !at.ip().is_loopback()) {
        Some(open) if config.is_dev => Err(StartError::NotLoopback(open)),
        _ => Ok(()),
    }
}

/// Where clients reach this node, by configuration.
pub fn origin(config: &Config) -> Result<PublicOrigin, StartError> {
    let first = config.http.listen.first().copied().unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 6996)));
    if let Ok(origin) = config.http.public_url.parse() {
        return Ok(origin);
    }
    if first.ip().is_unspecified() {
        return Err(StartError::NoPublicUrl(first));
    }
    PublicOrigin::from_host(config.tls.is_on(), &first.to_string()).map_err(|_| StartError::NoPublicUrl(first))
}

impl Gateway {
    /// Opens, checks, migrates and listens. When this returns, the node serves.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        check_closed(&config)?;
        let named = origin(&config)?;
        // before SQLite opens: what it makes beside the file gets the file's rights
        rights::close(&config);
        let tls = config.tls.acceptor()?.map(ReloadableTls::new);
        let keys = ServerKeyring::open(&config)?;
        let mut registry = Registry::with_prefix("switchboard");
        let databases = databases(&config, &keys, &mut registry).await?;
        let (tasks, stop, stopping) = (TaskTracker::new(), CancellationToken::new(), CancellationToken::new());
        let (listeners, metrics_listeners) = bind(&config)?;
        let addresses = listeners.addresses();
        let origin = origin_at(&config, &addresses).unwrap_or(named);
        let (clock, owner) = (Clock::default(), LeaseOwner::generate());
        let events = Arc::new(events::open(&config, &databases.store, &owner, &keys, &origin, &mut registry).await?);

        let base = StartContext {
            config: &config,
            databases: &databases,
            keys: &keys,
            clock: &clock,
            owner: &owner,
            events: &events,
            origin: &origin,
            tasks: &tasks,
            stop: &stop,
        };
        let (messaging, loopback_events) = base.messaging(&mut registry).await?;
        let publish = base.publishing(&mut registry).await?;
        let pairing = base.pairing(&mut registry).await?;
        let received = base.receiving(&messaging, &publish, loopback_events, &mut registry).await?;
        let is_shared = databases.store.is_shared() || pairing.bus.is_connected().is_some();
        let health = Arc::new(databases.health(pairing.bus.clone(), &stopping));
        let guard = base.guard().await?;
        let verifications = base.verifications(&messaging, &guard).await?;
        let (dispatch, session_ids) = (messaging.sending.dispatch.clone(), pairing.session_ids.clone());
        let services = Services { messaging, publish, pairing, received, health, guard, verifications };
        base.start_workers(&services, is_shared);

        let http_metrics = http::Metrics::default();
        http_metrics.register(&mut registry);
        let app = Arc::new(base.app(services, registry));
        if let Some(own) = metrics_listeners {
            http::serve(own, None, http::metrics_routes(&app), &app, http_metrics.clone());
        }
        http::serve(listeners, tls.clone(), http::routes(&app), &app, http_metrics);
        let [grace, drain_delay] =
            [config.http.shutdown_grace, config.http.drain_delay].map(DurationSetting::as_duration);
        let reloading = ReloadTargets { config, tls, identities: keys.identities };
        Ok(Self {
            addresses,
            origin,
            databases,
            session_ids,
            _dispatch: dispatch,
            tasks,
            stop,
            stopping,
            reloading,
            grace,
            drain_delay,
        })
    }

    /// A link to pair with: the one that never ends under `--dev`, else a fresh one.
    pub fn pairing_link(&self, user: &UserId) -> PairingLink {
        let ids = &self.session_ids;
        let sid = if ids.holds(user, SyncSessionId::DEV) { SyncSessionId::DEV } else { ids.issue(user) };
        PairingLinkBuilder { origin: self.origin.clone() }.session(user, sid)
    }

    /// Says on `/readyz` that it stops, and waits `http.drain_delay` for balancers to see that.
    pub async fn drain(&self) {
        self.stopping.cancel();
        tokio::time::sleep(self.drain_delay).await;
    }

    /// Tells open sockets, finishes what was accepted, and lets go of the databases.
    /// Whether all of it ended within `http.shutdown_grace` of the first signal.
    pub async fn shut_down(self, signaled: Instant) -> bool {
        self.stopping.cancel();
        self.stop.cancel();
        self.tasks.close();
        let left = self.grace.saturating_sub(signaled.elapsed());
        let finished = tokio::time::timeout(left, self.tasks.wait()).await.is_ok();
        self.databases.store.close().await;
        self.databases.backend.close().await;
        finished
    }
}

/// Opens both databases, the store brought up to date and checked against the keys.
async fn databases(
    config: &Config,
    keys: &ServerKeyring,
    registry: &mut Registry,
) -> Result<StoreAndUserDatabase, StartError> {
    let metrics = store::Metrics::default();
    metrics.register(registry);
    let backend = if config.is_dev { UserDatabaseAccess::Fill } else { UserDatabaseAccess::Read };
    let databases = open(config, backend, &metrics)?;
    let report = databases.store.migrate().await.map_err(StartError::storing(config))?;
    if !report.applied.is_empty() {
        tracing::info!(migrations = report.applied.len(), "brought the store up to date");
    }
    keys.check_store(&databases.store).await?;
    if config.is_dev {
        development_data(&databases.backend).await?;
    }
    Ok(databases)
}

/// All addresses at once, the main one last: whoever finds it open finds that of the metrics open too.
fn bind(config: &Config) -> Result<(TcpListeners, Option<TcpListeners>), StartError> {
    let metrics = config.http.metrics_listen.parse::<SocketAddr>().ok();
    let metrics = metrics.map(|address| TcpListeners::bind(&[address])).transpose()?;
    Ok((TcpListeners::bind(&config.http.listen)?, metrics))
}

/// Port 0 was asked for: where clients reach this node is the one that was given.
fn origin_at(config: &Config, addresses: &[SocketAddr]) -> Option<PublicOrigin> {
    let first = addresses.first().filter(|_| config.http.public_url.is_empty())?;
    PublicOrigin::from_host(config.tls.is_on(), &first.to_string()).ok()
}

async fn development_data(backend: &Store) -> Result<(), StartError> {
    match seed::seed(backend, 0, &|_| {}).await {
        Err(seed::SeedError::NotOurs) => {
            tracing::warn!("the users table is not ours: the development user 111 is not in it");
            Ok(())
        }
        other => Ok(other?),
    }
}
