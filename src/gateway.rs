//! The composition root: from a configuration to a running node. The only file that knows everything.

pub mod admin;
mod database;
mod error;
mod events;
mod inbound;
pub mod keyring;
mod messaging;
mod pairing;
mod publisher;
mod reload;
pub mod rights;
mod secret;
mod sending;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::crypto::Sid;
use crate::http::{self, App, Bodies, Guesses, Listeners, Pulse, Tls};
use crate::model::{Clock, Origin, Span, UserId};
use crate::service::audit::Audit;
use crate::service::dispatch::Dispatch;
use crate::service::inbound::form_check;
use crate::service::keep::Keep;
use crate::service::sync::{Link, Links, Sync};
use crate::service::wait::Waits;
use crate::store::lease::Owner;
use crate::store::{self, Store, seed};
use crate::worker::{self, Served};
pub use database::{Backend, Databases, open, open_store};
pub use error::StartError;
use inbound::{Received, Receiving};
use keyring::Keyring;
use messaging::Messaging;
use pairing::Pairing;
pub use reload::ReloadError;
use reload::Reloading;
pub use secret::DEV_TOKEN;
pub(crate) use secret::salt;

/// A node that serves.
pub struct Gateway {
    pub addresses: Vec<SocketAddr>,
    pub origin: Origin,
    databases: Databases,
    sync: Arc<Sync>,
    /// Sends what is accepted until the last request is answered, and says that this node serves the store.
    _dispatch: Arc<Dispatch>,
    tasks: TaskTracker,
    stop: CancellationToken,
    stopping: CancellationToken,
    reloading: Reloading,
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
        let named = origin(&config)?;
        // before SQLite opens: what it makes beside the file gets the file's rights
        rights::close(&config);
        let tls = config.tls.acceptor()?.map(Tls::new);
        let keys = Keyring::open(&config)?;
        let identities = keys.identities.clone();
        let mut registry = Registry::with_prefix("switchboard");
        let store_metrics = store::Metrics::default();
        store_metrics.register(&mut registry);
        let databases = databases(&config, &keys, &store_metrics).await?;

        let (tasks, stop, stopping) = (TaskTracker::new(), CancellationToken::new(), CancellationToken::new());
        let (listeners, metrics_listeners) = bind(&config)?;
        let addresses = listeners.addresses();
        let origin = origin_at(&config, &addresses).unwrap_or(named);
        let (clock, owner) = (Clock::default(), Owner::generate());
        let events = Arc::new(events::open(&config, &databases.store, &owner, &keys, &mut registry).await?);
        let messaging = Messaging {
            config: &config,
            store: &databases.store,
            master: &keys.master,
            clock: &clock,
            owner: &owner,
            events: &events,
            origin: &origin,
            tasks: &tasks,
            stop: &stop,
        };
        let (messaging, loopback_events) = messaging.build(&mut registry).await?;
        let publish = publisher::build(&config, &databases, &owner, keys.master.clone(), &tasks, &mut registry).await?;
        let signature_key = inbound::signature_key(&config, &databases.store, &keys.master).await?;
        let pairing =
            Pairing { config: &config, databases: &databases, keys, events: &events, tasks: &tasks, stop: &stop };
        let (sync, devices, bus) = pairing.build(&mut registry).await?;
        let receiving = Receiving {
            config: &config,
            signature_key,
            owner,
            publish: &publish,
            events: &events,
            tasks: &tasks,
            stop: &stop,
        };
        let Received { inbox, loopback } = receiving.start(&messaging, loopback_events, &mut registry);
        let is_shared = databases.store.is_shared() || bus.is_connected().is_some();
        worker::start(&sync, &events, is_shared, &tasks, &stop);
        messaging.start(&inbox, &publish, &tasks, &stop);
        let (store, lanes) = (databases.store.clone(), messaging.lanes.clone());
        let served = Served {
            keep: Arc::new(Keep { settings: config.keep.clone(), store, lanes, clock }),
            sync: sync.clone(),
            publish: publish.clone(),
            inbox: inbox.clone(),
            events: events.clone(),
        };
        worker::start_sweeping(served, &tasks, &stop);

        let http_metrics = http::Metrics::default();
        http_metrics.register(&mut registry);
        let health = Arc::new(databases.health(bus, &stopping));
        let waits = Waits::new(databases.store.clone(), Clock::default(), config.outbox.lease.as_ms());
        worker::start_watching(&health, waits, &tasks, &stop);
        let app = Arc::new(App {
            settings: config.http.clone(),
            bodies: Bodies::of_requests(&config.http),
            imports: Bodies::of_imports(&config.http),
            admin_token: secret::admin_token(&config),
            origin: origin.clone(),
            is_dev: config.is_dev,
            pulse: Pulse::start(config.sync.ping_every, config.sync.silent_for, &tasks, &stop),
            country: config.number.country,
            sync: sync.clone(),
            devices,
            messages: messaging.messages,
            opt_outs: messaging.opt_outs,
            relay: messaging.relay,
            tariff: messaging.tariff,
            ledger: messaging.ledger,
            accounts: messaging.accounts,
            numbers: messaging.numbers,
            admins: messaging.admins,
            clients: messaging.clients,
            audit: Audit { store: databases.store.clone() },
            publish,
            form_check: form_check(&inbox),
            guesses: Guesses::new(config.http.requests_per_address),
            inbox,
            loopback,
            events,
            health,
            metrics_text: metrics_text(registry),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        if let Some(own) = metrics_listeners {
            let routes = http::metrics_routes(&app);
            http::serve(own, None, routes, &app, http_metrics.clone());
        }
        http::serve(listeners, tls.clone(), http::routes(&app), &app, http_metrics);
        let [grace, drain_delay] = [config.http.shutdown_grace, config.http.drain_delay].map(Span::as_duration);
        let reloading = Reloading { config, tls, identities };
        let _dispatch = messaging.dispatch;
        Ok(Self { addresses, origin, databases, sync, _dispatch, tasks, stop, stopping, reloading, grace, drain_delay })
    }

    /// A link to pair with: the one that never ends under `--dev`, else a fresh one.
    pub fn pairing_link(&self, user: &UserId) -> Link {
        let sid = if self.sync.holds(user, Sid::DEV) { Sid::DEV } else { self.sync.issue(user) };
        Links { origin: self.origin.clone() }.session(user, sid)
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

/// Writes down all that was registered.
fn metrics_text(registry: Registry) -> Box<dyn Fn() -> String + Send + std::marker::Sync> {
    Box::new(move || {
        let mut text = String::new();
        // writing into a String cannot fail
        let _ = encode(&mut text, &registry);
        text
    })
}

/// Opens both databases, the store brought up to date and checked against the keys.
async fn databases(config: &Config, keys: &Keyring, metrics: &store::Metrics) -> Result<Databases, StartError> {
    let backend = if config.is_dev { Backend::Fill } else { Backend::Read };
    let databases = open(config, backend, metrics)?;
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
fn bind(config: &Config) -> Result<(Listeners, Option<Listeners>), StartError> {
    let metrics = match config.http.metrics_listen.parse() {
        Ok(address) => Some(Listeners::bind(&[address])?),
        Err(_) => None,
    };
    Ok((Listeners::bind(&config.http.listen)?, metrics))
}

/// Port 0 was asked for: where clients reach this node is the one that was given.
fn origin_at(config: &Config, addresses: &[SocketAddr]) -> Option<Origin> {
    let first = addresses.first().filter(|_| config.http.public_url.is_empty())?;
    Origin::from_host(config.tls.is_on(), &first.to_string()).ok()
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
