//! Whether this node can serve.

use crate::signal::Bus;
use crate::store::Store;

pub struct Health {
    pub store: Store,
    pub backend: Store,
    pub bus: Bus,
}

/// What is up; `None` where there is nothing to be up.
#[derive(Clone, Copy, Debug)]
pub struct Readiness {
    pub store: bool,
    pub backend: bool,
    pub redis: Option<bool>,
}

impl Readiness {
    /// Redis only hastens what the store says anyway: without it a node still serves.
    pub fn is_ready(self) -> bool {
        self.store && self.backend
    }
}

impl Health {
    pub async fn readiness(&self) -> Readiness {
        let (store, backend) = tokio::join!(self.store.ping(), self.backend.ping());
        Readiness { store: store.is_ok(), backend: backend.is_ok(), redis: self.bus.is_connected() }
    }
}
