//! Nodes tell each other: a phone's POST may land on another node than its user's socket.
//!
//! Signals only hasten what the store says anyway: when Redis is away nothing is lost,
//! as each node also looks up what changed every two seconds.

mod counter;
mod guard;
mod redis;

pub use counter::{FullWindow, SharedCounter, SharedWindow};
pub use guard::{SharedJudgement, SharedLevels};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::crypto::SyncSessionId;
use crate::model::{Millis, UserId};

/// What happened to a sync session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPairingEvent {
    /// A phone has scanned and is about to send, or has sent, its password.
    Paused(SyncSessionId),
    /// Its password did not fit: show another code.
    Resumed(SyncSessionId),
    /// A device was paired, and that has committed.
    Acknowledged(SyncSessionId),
    /// A device of the user was revoked.
    Revoked,
}

impl SyncPairingEvent {
    /// What ends a socket that hears of it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Acknowledged(_) | Self::Revoked)
    }

    /// Whether it concerns a socket of its user that has shown these sessions.
    pub fn is_about(self, shown: &[SyncSessionId]) -> bool {
        match self {
            Self::Revoked => true,
            // the development session signals all sockets of its user
            Self::Paused(sid) | Self::Resumed(sid) | Self::Acknowledged(sid) => {
                sid == SyncSessionId::DEV || shown.contains(&sid)
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncSignal {
    pub user: UserId,
    pub event: SyncPairingEvent,
    pub at_ms: Millis,
}

/// A signal between nodes.
#[derive(Deserialize, Serialize)]
struct InterNodeSignal {
    node: String,
    user: String,
    event: String,
    sid: Option<String>,
    at_ms: Millis,
}

impl InterNodeSignal {
    fn new(node: &str, signal: &SyncSignal) -> Self {
        let (event, sid) = match signal.event {
            SyncPairingEvent::Paused(sid) => ("paused", Some(sid)),
            SyncPairingEvent::Resumed(sid) => ("resumed", Some(sid)),
            SyncPairingEvent::Acknowledged(sid) => ("acknowledged", Some(sid)),
            SyncPairingEvent::Revoked => ("revoked", None),
        };
        Self {
            node: node.to_owned(),
            user: signal.user.to_string(),
            event: event.to_owned(),
            sid: sid.map(|sid| sid.to_string()),
            at_ms: signal.at_ms,
        }
    }

    /// A signal that another version sent and we do not know is passed over.
    fn read(self) -> Option<SyncSignal> {
        let sid = self.sid.and_then(|sid| sid.parse::<SyncSessionId>().ok());
        let event = match (self.event.as_str(), sid) {
            ("paused", Some(sid)) => SyncPairingEvent::Paused(sid),
            ("resumed", Some(sid)) => SyncPairingEvent::Resumed(sid),
            ("acknowledged", Some(sid)) => SyncPairingEvent::Acknowledged(sid),
            ("revoked", _) => SyncPairingEvent::Revoked,
            _ => return None,
        };
        Some(SyncSignal { user: self.user.parse().ok()?, event, at_ms: self.at_ms })
    }
}

/// What to do with a signal of another node.
pub type InterNodeSignalHandler = Arc<dyn Fn(SyncSignal) + Send + Sync>;

/// Carries our signals to the other nodes, if there are any.
#[derive(Clone, Default)]
pub struct InterNodeSignalBus {
    /// Each with the time at which it was said.
    outbound: Option<mpsc::Sender<(Instant, SyncSignal)>>,
    is_connected: Arc<AtomicBool>,
}

/// Signals waiting for Redis; more are dropped, as the store knows them too.
const QUEUE: usize = 1024;

impl InterNodeSignalBus {
    /// A node on its own.
    pub fn memory() -> Self {
        Self::default()
    }

    /// Joins the nodes at a Redis server; keeps trying while that is away.
    pub fn redis(
        url: &str,
        listener: InterNodeSignalHandler,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self, BadRedisUrl> {
        let (outbound, queue) = mpsc::channel(QUEUE);
        let is_connected = Arc::new(AtomicBool::new(false));
        redis::join(url, queue, listener, is_connected.clone(), tasks, stop)?;
        Ok(Self { outbound: Some(outbound), is_connected })
    }

    pub fn publish(&self, signal: &SyncSignal) {
        if let Some(outbound) = &self.outbound
            && outbound.try_send((Instant::now(), signal.clone())).is_err()
        {
            tracing::warn!("too many signals wait for Redis; other nodes will find this one in the store");
        }
    }

    /// Whether Redis listens; `None` where there is none to listen.
    pub fn is_connected(&self) -> Option<bool> {
        self.outbound.as_ref().map(|_| self.is_connected.load(Ordering::Relaxed))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("redis.url is not a Redis URL: {0}")]
pub struct BadRedisUrl(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_survives_the_wire() -> Result<(), Box<dyn std::error::Error>> {
        let sid: SyncSessionId = "00112233445566778899aabbccddeeff".parse()?;
        for event in [
            SyncPairingEvent::Paused(sid),
            SyncPairingEvent::Resumed(sid),
            SyncPairingEvent::Acknowledged(sid),
            SyncPairingEvent::Revoked,
        ] {
            let signal = SyncSignal { user: "111".parse()?, event, at_ms: 5 };
            let wire: InterNodeSignal =
                serde_json::from_str(&serde_json::to_string(&InterNodeSignal::new("n", &signal))?)?;
            assert_eq!(wire.read(), Some(signal));
        }
        Ok(())
    }
}
