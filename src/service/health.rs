//! Whether this node can serve.

use tokio_util::sync::CancellationToken;

use crate::signal::Bus;
use crate::store::Store;

pub struct Health {
    pub store: Store,
    pub backend: Store,
    pub bus: Bus,
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

impl Health {
    pub async fn readiness(&self) -> Readiness {
        let (store, backend) = tokio::join!(self.store.ping(), self.backend.ping());
        Readiness {
            store: store.is_ok(),
            backend: backend.is_ok(),
            redis: self.bus.is_connected(),
            is_stopping: self.stopping.is_cancelled(),
        }
    }
}
