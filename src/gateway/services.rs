//! The services of a node: what works on them, and what serves them.

use std::sync::{Arc, Mutex};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::base::StartContext;
use super::inbound::InboundServices;
use super::messaging::MessagingParts;
use super::pairing::PairingParts;
use super::secret;
use crate::http::{App, BodyMemory, GuessLimit, MaskedDoor, SocketPulse};
use crate::model::{Clock, InteractionId};
use crate::service::audit::AuditLog;
use crate::service::health::ReadinessChecker;
use crate::service::publish::PhoneTextPublisher;
use crate::service::retention::Retention;
use crate::service::session::SessionBodies;
use crate::service::wait::ClockRollbackGuard;
use crate::worker::{self, LoopMemory, WorkerServices};

pub(super) struct Services {
    pub(super) messaging: MessagingParts,
    pub(super) publish: Arc<PhoneTextPublisher>,
    pub(super) pairing: PairingParts,
    pub(super) received: InboundServices,
    pub(super) health: Arc<ReadinessChecker>,
}

impl StartContext<'_> {
    /// Starts what nobody asks for. `is_shared`: other nodes may write to the same store.
    pub(super) fn start_workers(&self, services: &Services, is_shared: bool) {
        let Services { messaging, publish, pairing, received, health } = services;
        let MessagingParts {
            sending, directory, tariff, clients, rules, ledger, number_imports, sessions, asked_texts, ..
        } = messaging;
        let (config, store) = (self.config, &self.databases.store);
        let (settings, clock) = (config.retention.clone(), self.clock.clone());
        let node = WorkerServices {
            is_shared,
            sockets: pairing.sockets.clone(),
            handshakes: pairing.handshakes.clone(),
            events: self.events.clone(),
            dispatch: sending.dispatch.clone(),
            inbox: received.inbox.clone(),
            publish: publish.clone(),
            directory: directory.clone(),
            number_imports: number_imports.clone(),
            tariff: tariff.clone(),
            clients: clients.clone(),
            permissions: rules.permissions.clone(),
            verification_limits: rules.verification_limits.clone(),
            ledger: ledger.clone(),
            sessions: sessions.clone(),
            asked_texts: asked_texts.clone(),
            session_bodies: SessionBodies {
                keep: settings.session_bodies,
                store: store.clone(),
                clock: self.clock.clone(),
                passed: Mutex::new(InteractionId::first_of(0)),
            },
            retention: Retention { settings, store: store.clone(), lanes: sending.lanes.clone(), clock },
            health: health.clone(),
            memory: LoopMemory::new(ClockRollbackGuard::new(
                store.clone(),
                Clock::default(),
                config.outbox.lease.as_ms(),
            )),
        };
        worker::start(node, self.tasks, self.stop);
    }

    /// What the doors need.
    pub(super) fn app(&self, services: Services, registry: Registry) -> App {
        let Services { messaging, publish, pairing, received, health } = services;
        let config = self.config;
        App {
            settings: config.http.clone(),
            bodies: BodyMemory::of_requests(&config.http),
            imports: BodyMemory::of_imports(&config.http),
            admin_token: secret::admin_token(config),
            origin: self.origin.clone(),
            is_dev: config.is_dev,
            pulse: SocketPulse::start(config.sync.ping_every, config.sync.silent_for, self.tasks, self.stop),
            country: config.number.country,
            sync: config.sync.clone(),
            session_ids: pairing.session_ids,
            sockets: pairing.sockets,
            handshakes: pairing.handshakes,
            devices: pairing.devices,
            messages: messaging.sending.messages,
            opt_outs: messaging.sending.opt_outs,
            relay: messaging.relay,
            sessions: messaging.sessions,
            session_messages: messaging.session_messages,
            media: messaging.media,
            session_calls: messaging.session_calls,
            tariff: messaging.tariff,
            ledger: messaging.ledger,
            accounts: messaging.accounts,
            numbers: messaging.numbers,
            number_proxy: config.compat.number_proxy.clone(),
            number_proxy_account: messaging.number_proxy_account,
            number_imports: messaging.number_imports,
            admins: messaging.admins,
            clients: messaging.clients,
            permissions: messaging.rules.permissions,
            verification_limits: messaging.rules.verification_limits,
            audit: AuditLog { store: self.databases.store.clone() },
            masked: MaskedDoor { settings: config.compat.masked.clone(), client: messaging.masked_client },
            publish,
            guesses: GuessLimit::new(config.http.requests_per_address),
            inbox: received.inbox,
            loopback: received.loopback,
            events: self.events.clone(),
            health,
            metrics_text: metrics_text(registry),
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
        }
    }
}

/// Writes down all that was registered.
fn metrics_text(registry: Registry) -> Box<dyn Fn() -> String + Send + Sync> {
    Box::new(move || {
        let mut text = String::new();
        // writing into a String cannot fail
        let _ = encode(&mut text, &registry);
        text
    })
}
