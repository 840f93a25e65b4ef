//! Time speaks: what is done without anybody asking.

mod client;
mod directory;
mod expire;
mod health;
mod job;
mod ledger;
mod measure;
mod notify;
mod publish;
mod receive;
mod runner;
mod send;
mod sort;
mod wait;
mod watch;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::service::client::Clients;
use crate::service::directory::Directory;
use crate::service::dispatch::Dispatch;
use crate::service::event::Events;
use crate::service::health::Health;
use crate::service::inbound::{Handlers, Inbox, Jobs};
use crate::service::ledger::Ledger;
use crate::service::publish::Publish;
use crate::service::sync::Sockets;
use crate::service::tariff::Tariff;
use crate::service::wait::Waits;
pub use expire::Served;

/// Starts the workers of a node. `is_shared`: other nodes may write to the same store.
pub fn start(
    sockets: &Arc<Sockets>,
    events: &Arc<Events>,
    is_shared: bool,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    spawn(tasks, stop, notify::listen(events.clone()));
    // stops by itself: what is under way ends first
    tasks.spawn(notify::runner(events.clone()).run(stop.clone()));
    if is_shared {
        spawn(tasks, stop, watch::run(sockets.clone()));
    }
}

/// Starts what sends.
pub fn start_sending(
    dispatch: &Arc<Dispatch>,
    directory: &Arc<Directory>,
    tariff: &Arc<Tariff>,
    clients: &Arc<Clients>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    spawn(tasks, stop, send::run(dispatch.clone()));
    spawn(tasks, stop, directory::accounts(directory.clone()));
    spawn(tasks, stop, directory::tariff(tariff.clone()));
    spawn(tasks, stop, directory::clients(clients.clone()));
    spawn(tasks, stop, client::run(clients.clone()));
}

/// Starts what handles what came in. It stops by itself: what it holds is handled first.
pub fn start_receiving(handlers: Handlers, jobs: Jobs, tasks: &TaskTracker, stop: &CancellationToken) {
    tasks.spawn(receive::runner(handlers, jobs).run(stop.clone()));
}

/// Starts what hands texts to their platforms' sinks.
pub fn start_publishing(publish: &Arc<Publish>, tasks: &TaskTracker, stop: &CancellationToken) {
    for runner in publish::runners(publish) {
        tasks.spawn(runner.run(stop.clone()));
    }
}

/// Starts what looks after clients' money.
pub fn start_accounting(ledger: &Arc<Ledger>, tasks: &TaskTracker, stop: &CancellationToken) {
    spawn(tasks, stop, ledger::run(ledger.clone()));
}

/// Starts what looks after the databases and the clock.
pub fn start_watching(health: &Arc<Health>, waits: Waits, tasks: &TaskTracker, stop: &CancellationToken) {
    spawn(tasks, stop, wait::run(waits));
    spawn(tasks, stop, health::run(health.clone()));
}

/// Starts what counts.
pub fn start_measuring(dispatch: &Arc<Dispatch>, inbox: &Arc<Inbox>, tasks: &TaskTracker, stop: &CancellationToken) {
    spawn(tasks, stop, measure::run(dispatch.clone(), inbox.clone()));
}

/// Starts what keeps the store in order: what has served is removed.
pub fn start_sweeping(served: Served, tasks: &TaskTracker, stop: &CancellationToken) {
    spawn(tasks, stop, sort::run(served.keep.clone()));
    spawn(tasks, stop, expire::run(served));
}

fn spawn(tasks: &TaskTracker, stop: &CancellationToken, work: impl Future<Output = ()> + Send + 'static) {
    let stop = stop.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    });
}
