//! The small loops as one table: what each does, how often, and by which function.

use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use super::WorkerServices;
use crate::model::Clock;
use crate::service::wait::ClockRollbackGuard;

/// One call of a function of the table.
type RoutineRun<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

type PeriodicRoutine = fn(&WorkerServices) -> RoutineRun<'_>;

/// When a loop begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoopStart {
    AtOnce,
    /// After its first pause.
    Later,
    /// The same; its pauses are up to a tenth longer than they need be, so that nodes do not go in step.
    Scattered,
}

/// Who hears of it where it did not go well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoopFailureLogLevel {
    Warned,
    /// Only who looks closely: it says nothing that is not said elsewhere.
    Quiet,
}

/// A row of the table.
pub(super) struct PeriodicLoop {
    /// What it does, as its failure is told.
    name: &'static str,
    every: Duration,
    begin: LoopStart,
    failure: LoopFailureLogLevel,
    run: PeriodicRoutine,
}

/// What loops remember from one time to the next.
pub struct LoopMemory {
    waits: Mutex<ClockRollbackGuard>,
    /// Up to when other nodes' changes have been looked for.
    seen_ms: AtomicI64,
    /// Both databases could be used.
    were_up: AtomicBool,
}

impl LoopMemory {
    pub fn new(waits: ClockRollbackGuard) -> Self {
        let seen_ms = AtomicI64::new(Clock::default().now_ms());
        Self { waits: Mutex::new(waits), seen_ms, were_up: AtomicBool::new(true) }
    }
}

/// All of them.
pub(super) fn table(node: &WorkerServices) -> Vec<PeriodicLoop> {
    use LoopFailureLogLevel::{Quiet, Warned};
    use LoopStart::{AtOnce, Later, Scattered};
    let mut rows = vec![
        // each by itself: a key that was revoked does not wait for a card of rates
        row("look for changed accounts and numbers", 1, Later, Warned, |node| work(node.directory.refresh())),
        row("look for changed routes and rates", 1, Later, Warned, |node| work(node.tariff.refresh())),
        row("look for changed clients and keys", 1, Later, Warned, |node| work(node.clients.refresh())),
        row("look for changed permissions", 1, Later, Warned, |node| work(node.permissions.refresh())),
        row("look for changed rate limits", 1, Later, Warned, |node| work(node.verification_limits.refresh())),
        row("look for changes of the guard", 1, Later, Quiet, |node| work(node.guard.refresh())),
        row("write down what the guard decided", 1, Later, Warned, |node| work(node.guard.write_decisions())),
        row("look for changed endpoints", 1, Later, Quiet, |node| work(node.events.refresh())),
        row("end sessions whose time is over", 1, AtOnce, Warned, |node| work(node.sessions.expire())),
        row("end verifications whose time is over", 1, AtOnce, Warned, |node| work(node.verifications.expire())),
        row("send codes on their next channel", 1, AtOnce, Warned, |node| work(node.verifications.fall_back())),
        row("let sessions rest in which nobody speaks", 1, AtOnce, Warned, |node| work(node.sessions.rest())),
        row("tell whose sessions have ended", 1, AtOnce, Warned, |node| work(node.sessions.tell_ended())),
        row("look for waits of a clock that has gone back", 1, AtOnce, Quiet, waits),
        row("look after the databases", 1, AtOnce, Quiet, health),
        row("clear up after imports of numbers", 2, Scattered, Warned, |node| work(node.number_imports.clear_up())),
        row("sort messages by their numbers", 2, Scattered, Warned, |node| work(node.retention.sort_numbers())),
        row("count the messages that wait", 5, AtOnce, Quiet, |node| work(node.dispatch.measure())),
        row("count the webhooks that wait", 5, AtOnce, Quiet, |node| work(node.inbox.measure())),
        row("count the deliveries that wait", 5, AtOnce, Quiet, |node| work(node.events.measure())),
        row("write down which keys were used", 10, Later, Quiet, |node| work(node.clients.write_uses())),
        row("write down the guard's levels", 10, Later, Quiet, |node| work(node.guard.write_levels())),
        row("read what was verified, for the guard", 30, Later, Quiet, |node| work(node.guard.read_facts())),
        row("look for deliveries whose turn was overlooked", 60, AtOnce, Warned, |node| work(node.events.release())),
        // whom a crash has left untold
        row("look for low balances", 60, AtOnce, Warned, |node| work(node.ledger.tell_all_low())),
    ];
    // a start is busy enough: the first sweep waits
    let sweep = row("remove what has served", 0, Scattered, Warned, sweep);
    rows.push(PeriodicLoop { every: node.retention.remove_every(), ..sweep });
    if node.is_shared {
        rows.push(row("look for other nodes' changes", 2, Later, Quiet, sockets));
    }
    rows
}

fn row(
    name: &'static str,
    seconds: u64,
    begin: LoopStart,
    failure: LoopFailureLogLevel,
    run: PeriodicRoutine,
) -> PeriodicLoop {
    PeriodicLoop { name, every: Duration::from_secs(seconds), begin, failure, run }
}

/// What a function of the services does, as a row calls it.
fn work<'a, E: Display + 'a>(call: impl Future<Output = Result<(), E>> + Send + 'a) -> RoutineRun<'a> {
    Box::pin(async move { call.await.map_err(|error| error.to_string()) })
}

fn waits(node: &WorkerServices) -> RoutineRun<'_> {
    work(async move { node.memory.waits.lock().await.look().await })
}

fn health(node: &WorkerServices) -> RoutineRun<'_> {
    Box::pin(async move {
        let were_up = node.memory.were_up.load(Ordering::Relaxed);
        node.memory.were_up.store(node.health.watch(were_up).await, Ordering::Relaxed);
        Ok(())
    })
}

/// What other nodes did to the sessions of our sockets.
fn sockets(node: &WorkerServices) -> RoutineRun<'_> {
    Box::pin(async move {
        let since_ms = node.memory.seen_ms.load(Ordering::Relaxed);
        let seen_ms = node.sockets.look_around(since_ms).await.map_err(|error| error.to_string())?;
        node.memory.seen_ms.store(seen_ms, Ordering::Relaxed);
        Ok(())
    })
}

/// What serves for a while only; one after the other, since the store is for what is sent.
const SERVED: [(&str, PeriodicRoutine); 16] = [
    ("expired sessions", |node| work(node.handshakes.sweep())),
    ("idempotency keys", |node| work(node.retention.remove_idempotency_keys())),
    ("published texts", |node| work(node.publish.sweep())),
    ("tokens of accounts", |node| work(node.retention.remove_tokens())),
    ("old webhooks", |node| work(node.inbox.sweep())),
    ("what the guard decided, and knew", |node| work(node.guard.sweep())),
    ("old events", |node| work(node.events.sweep())),
    ("logins of callbacks", |node| work(node.events.sweep_logins())),
    ("calls that nobody placed", |node| work(node.asked_texts.messages.end_unheard_calls())),
    ("what was said in sessions", |node| work(node.session_bodies.empty())),
    ("old messages", |node| work(node.retention.remove_messages())),
    ("what came of it", |node| work(node.retention.remove_interactions())),
    ("old sessions", |node| work(node.retention.remove_sessions())),
    ("old verifications", |node| work(node.retention.remove_verifications())),
    ("wrong codes that count no more", |node| work(node.verifications.forget_failures())),
    ("which numbers people had", |node| work(node.retention.forget_numbers())),
];

fn sweep(node: &WorkerServices) -> RoutineRun<'_> {
    Box::pin(async move {
        for (what, run) in SERVED {
            if let Err(error) = run(node).await {
                tracing::warn!(%error, "could not remove {what}; trying again at the next sweep");
            }
        }
        Ok(())
    })
}

impl PeriodicLoop {
    /// Runs it for as long as the node does.
    pub(super) async fn repeat(self, node: Arc<WorkerServices>) {
        if self.begin != LoopStart::AtOnce {
            self.pause().await;
        }
        loop {
            if let Err(error) = (self.run)(&node).await {
                match self.failure {
                    LoopFailureLogLevel::Warned => tracing::warn!(%error, "could not {}; trying again", self.name),
                    LoopFailureLogLevel::Quiet => tracing::debug!(%error, "could not {}; trying again", self.name),
                }
            }
            self.pause().await;
        }
    }

    async fn pause(&self) {
        let longer = if self.begin == LoopStart::Scattered { rand::random::<f64>() / 10.0 } else { 0.0 };
        tokio::time::sleep(self.every.mul_f64(1.0 + longer)).await;
    }
}
