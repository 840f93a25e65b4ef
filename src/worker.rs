//! Time speaks: what is done without anybody asking.
//!
//! A queued job is a file with a source, a handler and limits, run by the loop of `runner`; a small loop is a row of `periodic`.

mod ask;
mod job;
mod notify;
mod periodic;
mod publish;
mod receive;
mod runner;
mod send;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::service::client::Clients;
use crate::service::directory::Directory;
use crate::service::dispatch::Dispatch;
use crate::service::event::Events;
use crate::service::guard::Guard;
use crate::service::health::ReadinessChecker;
use crate::service::inbound::{InboundHandlers, WebhookInbox, WebhookQueue};
use crate::service::ledger::Ledger;
use crate::service::number::import::NumberImports;
use crate::service::permission::Permissions;
use crate::service::publish::PhoneTextPublisher;
use crate::service::retention::Retention;
use crate::service::session::{AskedTexts, SessionBodies, Sessions};
use crate::service::sync::{PairingService, SyncSockets};
use crate::service::tariff::Tariff;
use crate::service::verification::Verifications;
use crate::service::verification::limit::NamedLimits;
pub use periodic::LoopMemory;

/// What the workers of a node work on.
pub struct WorkerServices {
    /// Other nodes may write to the same store.
    pub is_shared: bool,
    pub sockets: Arc<SyncSockets>,
    pub handshakes: Arc<PairingService>,
    pub events: Arc<Events>,
    pub dispatch: Arc<Dispatch>,
    pub inbox: Arc<WebhookInbox>,
    pub publish: Arc<PhoneTextPublisher>,
    pub directory: Arc<Directory>,
    pub number_imports: Arc<NumberImports>,
    pub tariff: Arc<Tariff>,
    pub clients: Arc<Clients>,
    pub permissions: Arc<Permissions>,
    pub verification_limits: Arc<NamedLimits>,
    pub ledger: Arc<Ledger>,
    pub sessions: Arc<Sessions>,
    pub session_bodies: SessionBodies,
    pub asked_texts: Arc<AskedTexts>,
    pub verifications: Arc<Verifications>,
    pub retention: Retention,
    pub health: Arc<ReadinessChecker>,
    pub guard: Arc<Guard>,
    pub memory: LoopMemory,
}

/// Starts the workers of a node, but for those that handle what came in.
pub fn start(node: WorkerServices, tasks: &TaskTracker, stop: &CancellationToken) {
    let node = Arc::new(node);
    for row in periodic::table(&node) {
        tasks.spawn(stop.clone().run_until_cancelled_owned(row.repeat(node.clone())));
    }
    tasks.spawn(stop.clone().run_until_cancelled_owned(send::run(node.dispatch.clone())));
    // runners stop by themselves: what is under way ends first
    tasks.spawn(notify::runner(node.events.clone()).run(stop.clone()));
    tasks.spawn(ask::runner(&node.asked_texts).run(stop.clone()));
    for runner in publish::runners(&node.publish) {
        tasks.spawn(runner.run(stop.clone()));
    }
}

/// Starts what handles what came in. It stops by itself: what it holds is handled first.
pub fn start_receiving(handlers: InboundHandlers, jobs: WebhookQueue, tasks: &TaskTracker, stop: &CancellationToken) {
    tasks.spawn(receive::runner(handlers, jobs).run(stop.clone()));
}
