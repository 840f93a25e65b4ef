//! Whether this node can serve.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::signal::InterNodeSignalBus;
use crate::store::Store;

/// How often is looked for what nobody has asked for.
const EVERY: Duration = Duration::from_secs(1);

pub struct ReadinessChecker {
    pub store: Store,
    pub backend: Store,
    /// Whether these are two databases.
    pub is_apart: bool,
    pub bus: InterNodeSignalBus,
    /// Cancelled when the node has been told to stop: balancers are to send it nothing more.
    pub stopping: CancellationToken,
}

/// What is up; `None` where there is nothing to be up.
#[derive(Clone, Copy, Debug)]
pub struct Readiness {
    pub store: bool,
    pub backend: bool,
    pub redis: Option<bool>,
    /// The node has been told to stop.
    pub is_stopping: bool,
}

impl Readiness {
    /// Redis only hastens what the store says anyway: without it a node still serves.
    pub fn is_ready(self) -> bool {
        self.store && self.backend && !self.is_stopping
    }
}

impl ReadinessChecker {
    /// As of the last write, or the last look: however often it is asked, nobody is asked for it.
    pub fn readiness(&self) -> Readiness {
        Readiness {
            store: self.store.is_up(),
            backend: self.backend.is_up(),
            redis: self.bus.is_connected(),
            is_stopping: self.stopping.is_cancelled(),
        }
    }

    /// To be called every second, with what it said the last time: looks after both databases, and says whether they
    /// can be used. What is written tells how the store does; it is asked where nothing was.
    pub async fn watch(&self, were_up: bool) -> bool {
        let (store, backend) = tokio::join!(self.look(), self.look_at_users());
        let are_up = self.store.is_up() && self.backend.is_up();
        if are_up != were_up {
            match store.and(backend) {
                Err(error) => tracing::warn!(%error, "a database cannot be used: this node is not ready"),
                Ok(()) if are_up => tracing::info!("this node is ready again"),
                Ok(()) => tracing::warn!("the store takes no writes: this node is not ready"),
            }
        }
        if let Err(error) = self.store.tidy().await {
            tracing::debug!(%error, "could not empty the journal");
        }
        are_up
    }

    async fn look(&self) -> Result<(), crate::store::Error> {
        if self.store.is_up() && !self.store.is_quiet(EVERY) { Ok(()) } else { self.store.check_writes().await }
    }

    async fn look_at_users(&self) -> Result<(), crate::store::Error> {
        if self.is_apart { self.backend.check_reads().await } else { Ok(()) }
    }
}
