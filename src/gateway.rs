//! The composition root: from a configuration to a running node. The only file that knows everything.

pub mod admin;
mod database;
mod events;
mod inbound;
pub mod keyring;
mod messaging;
mod publisher;

use std::net::SocketAddr;
use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::crypto::{HashKey, MasterKey, Sid};
use crate::http::{self, App, Listeners};
use crate::model::{Clock, Origin, Secret, UserId};
use crate::service::device::Devices;
use crate::service::event::{self, Events};
use crate::service::health::Health;
use crate::service::inbound::form_check;
use crate::service::keep::Keep;
use crate::service::publish;
use crate::service::sync::{self, Board, Link, Links, Parts, Passwords, Sync};
use crate::signal::{Bus, Listener};
use crate::store::{self, Store, meta, seed};
use crate::worker::{self, Served};
pub use database::{Backend, Databases, open, open_store};
use inbound::Receiving;
use keyring::Keyring;
use messaging::Messaging;

/// The administrator's key under `--dev`, where only this machine can use it.
pub const DEV_TOKEN: &str = "dev-admin";

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
    Redis(#[from] crate::signal::BadRedisUrl),
    #[error("cannot read {key} = {path:?}: {reason}")]
    File { key: &'static str, path: String, reason: String },
    #[error(transparent)]
    Client(#[from] crate::provider::BadClient),
    #[error("publisher: {0}")]
    Publish(#[from] publish::Error),
    #[error("events: {0}")]
    Events(#[from] event::Error),
    #[error("webhook.allow: {0}")]
    Allow(String),
    #[error("development data: {0}")]
    Seed(#[from] seed::SeedError),
    #[error("development data: {0}")]
    Development(String),
}

/// A node that serves.
pub struct Gateway {
    pub addresses: Vec<SocketAddr>,
    pub origin: Origin,
    databases: Databases,
    sync: Arc<Sync>,
    tasks: TaskTracker,
    stop: CancellationToken,
    grace: std::time::Duration,
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
pub fn origin(config: &Config) -> Result<Origin, StartError> {
    let first = config.http.listen.first().copied().unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 6996)));
    if let Ok(origin) = config.http.public_url.parse() {
        return Ok(origin);
    }
    if first.ip().is_unspecified() {
        return Err(StartError::NoPublicUrl(first));
    }
    Origin::from_host(config.tls.is_on(), &first.to_string()).map_err(|_| StartError::NoPublicUrl(first))
}

impl Gateway {
    /// Opens, checks, migrates and listens. When this returns, the node serves.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        check_closed(&config)?;
        let mut origin = origin(&config)?;
        let acceptor = config.tls.acceptor()?;
        let keys = Keyring::open(&config)?;
        let mut registry = Registry::with_prefix("switchboard");
        let store_metrics = store::Metrics::default();
        store_metrics.register(&mut registry);
        let backend = if config.is_dev { Backend::Fill } else { Backend::Read };
        let databases = open(&config, backend, &store_metrics)?;
        let storing = |error| StartError::Store { url: config.store.url.to_string(), error };
        let report = databases.store.migrate().await.map_err(storing)?;
        if !report.applied.is_empty() {
            tracing::info!(migrations = report.applied.len(), "brought the store up to date");
        }
        keys.check_store(&databases.store).await?;
        if config.is_dev {
            development_data(&databases.backend).await?;
        }

        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        // all addresses at once, the main one last: whoever finds it open finds the other open too
        let metrics_listeners = match config.http.metrics_listen.parse() {
            Ok(address) => Some(Listeners::bind(&[address]).await?),
            Err(_) => None,
        };
        let listeners = Listeners::bind(&config.http.listen).await?;
        let addresses = listeners.addresses();
        // port 0 was asked for: say the one that was given
        if config.http.public_url.is_empty()
            && let Some(first) = addresses.first()
            && let Ok(bound) = Origin::from_host(config.tls.is_on(), &first.to_string())
        {
            origin = bound;
        }
        let clock = Clock::default();
        let events = Arc::new(events::open(&config, &databases.store, &keys, &mut registry).await?);
        let messaging = Messaging {
            config: &config,
            store: &databases.store,
            master: &keys.master,
            clock: &clock,
            events: &events,
            origin: &origin,
            tasks: &tasks,
            stop: &stop,
        };
        let (messaging, loopback_events) = messaging.build(&mut registry).await?;
        let publish = publisher::build(&config, &databases, keys.master.clone(), &tasks, &mut registry).await?;
        let pairing =
            Pairing { config: &config, databases: &databases, keys, events: &events, tasks: &tasks, stop: &stop };
        let (sync, devices, bus) = pairing.build(&mut registry).await?;
        let receiving = Receiving { config: &config, publish: &publish, events: &events, tasks: &tasks, stop: &stop };
        let inbound = receiving.start(&messaging, loopback_events, &mut registry);
        let is_shared = databases.store.is_shared() || bus.is_connected().is_some();
        worker::start(&sync, &events, is_shared, &tasks, &stop);
        worker::start_sending(&messaging.outbound, &messaging.book, &tasks, &stop);
        worker::start_measuring(&messaging.outbound, &inbound, &tasks, &stop);
        worker::publish::start(&publish, &tasks, &stop);
        let served = Served {
            keep: Keep { settings: config.keep.clone(), store: databases.store.clone(), clock },
            sync: sync.clone(),
            publish: publish.clone(),
            inbound: inbound.clone(),
            events: events.clone(),
        };
        worker::start_sweeping(served, &tasks, &stop);

        let http_metrics = http::Metrics::default();
        http_metrics.register(&mut registry);
        let registry = Arc::new(registry);
        let app = Arc::new(App {
            settings: config.http.clone(),
            admin_token: admin_token(&config),
            origin: origin.clone(),
            is_dev: config.is_dev,
            sync: sync.clone(),
            devices,
            outbound: messaging.outbound,
            accounts: messaging.accounts,
            numbers: messaging.numbers,
            admins: messaging.admins,
            publish,
            form_check: form_check(&messaging.book),
            inbound,
            events,
            health: Health { store: databases.store.clone(), backend: databases.backend.clone(), bus },
            metrics_text: Box::new(move || {
                let mut text = String::new();
                // writing into a String cannot fail
                let _ = encode(&mut text, &registry);
                text
            }),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        if let Some(own) = metrics_listeners {
            let routes = http::metrics_routes(&app);
            http::serve(own, None, routes, &app, http_metrics.clone());
        }
        http::serve(listeners, acceptor, http::routes(&app), &app, http_metrics);
        let grace = config.http.shutdown_grace.as_duration();
        Ok(Self { addresses, origin, databases, sync, tasks, stop, grace })
    }

    /// A link to pair with: the one that never ends under `--dev`, else a fresh one.
    pub fn pairing_link(&self, user: &UserId) -> Link {
        let sid = if self.sync.holds(user, Sid::DEV) { Sid::DEV } else { self.sync.issue(user) };
        Links { origin: self.origin.clone() }.session(user, sid)
    }

    /// Tells open sockets, finishes what was accepted, and lets go of the databases.
    /// Whether all of it ended within `http.shutdown_grace`.
    pub async fn shut_down(self) -> bool {
        self.stop.cancel();
        self.tasks.close();
        let finished = tokio::time::timeout(self.grace, self.tasks.wait()).await.is_ok();
        self.databases.store.close().await;
        self.databases.backend.close().await;
        finished
    }
}

fn admin_token(config: &Config) -> Secret {
    if config.is_dev && config.admin.token.is_empty() {
        return Secret::new(DEV_TOKEN.to_owned());
    }
    config.admin.token.clone()
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

/// What pairing is built from.
struct Pairing<'a> {
    config: &'a Config,
    databases: &'a Databases,
    keys: Keyring,
    events: &'a Arc<Events>,
    tasks: &'a TaskTracker,
    stop: &'a CancellationToken,
}

impl Pairing<'_> {
    async fn build(self, registry: &mut Registry) -> Result<(Arc<Sync>, Devices, Bus), StartError> {
        let Self { config, databases, keys, events, tasks, stop } = self;
        let clock = Clock::default();
        let metrics = sync::Metrics::default();
        metrics.register(registry);
        let settings = config.sync.clone();
        let board = Arc::new(Board::new(settings.sockets_per_user, settings.sockets_per_address, metrics.clone()));
        let bus = if config.redis.url.is_empty() {
            Bus::memory()
        } else {
            let remote = board.clone();
            let listener: Listener = Arc::new(move |signal| remote.deliver(&signal));
            Bus::redis(config.redis.url.expose(), listener, tasks, stop)?
        };
        let (sid_key, lockout_key) = hash_keys(&databases.store, &keys.master, &clock, config).await?;
        let passwords = Passwords::new(databases.backend.clone(), salt(config)?, settings.places(), metrics.clone());
        let sync = Arc::new(Sync::new(Parts {
            settings,
            platforms: config.platforms.clone(),
            store: databases.store.clone(),
            backend: databases.backend.clone(),
            identities: keys.identities,
            master: keys.master,
            sid_key,
            lockout_key,
            passwords,
            board: board.clone(),
            bus: bus.clone(),
            events: events.clone(),
            clock: clock.clone(),
            metrics,
            tasks: tasks.clone(),
            dev_user: seed::DEV_USER.parse().ok().filter(|_| config.is_dev),
        }));
        let devices =
            Devices { store: databases.store.clone(), clock, board, bus: bus.clone(), events: events.clone() };
        Ok((sync, devices, bus))
    }
}

async fn hash_keys(
    store: &Store,
    master: &MasterKey,
    clock: &Clock,
    config: &Config,
) -> Result<(HashKey, HashKey), StartError> {
    let storing = |error| StartError::Store { url: config.store.url.to_string(), error };
    let sid_key = meta::hash_key(store, master, "sync_session", clock.now_ms()).await.map_err(storing)?;
    let lockout_key = meta::hash_key(store, master, "lockout", clock.now_ms()).await.map_err(storing)?;
    Ok((sid_key, lockout_key))
}

/// The backend's hashing salt where the configuration has it; empty: it is in the backend database.
pub(crate) fn salt(config: &Config) -> Result<Secret, StartError> {
    let path = &config.backend.hashing_salt_file;
    if !config.backend.hashing_salt.is_empty() || path.is_empty() {
        return Ok(config.backend.hashing_salt.clone());
    }
    secret_file("backend.hashing_salt_file", path)
}

/// The secret in a file that a setting names.
fn secret_file(key: &'static str, path: &str) -> Result<Secret, StartError> {
    let read = std::fs::read_to_string(path).map_err(|error| StartError::File {
        key,
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(Secret::new(read.trim().to_owned()))
}
