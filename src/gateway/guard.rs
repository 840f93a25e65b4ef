//! Puts the guard against pumping together, and lets it write down its last decisions when the node stops.

use std::sync::Arc;

use super::StartError;
use super::base::StartContext;
use super::rules::counter;
use crate::service::guard::{Guard, Parts};
use crate::signal::SharedLevels;

impl StartContext<'_> {
    pub(super) async fn guard(&self) -> Result<Arc<Guard>, StartError> {
        let parts = Parts {
            settings: self.config.guard.clone(),
            store: self.databases.store.clone(),
            clock: self.clock.clone(),
            shared: SharedLevels::new(counter(self.config, self.tasks, self.stop).await?),
        };
        let guard = Arc::new(Guard::open(parts).await.map_err(StartError::storing(self.config))?);
        let (last, stop) = (guard.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            stop.cancelled_owned().await;
            last.close().await;
        });
        Ok(guard)
    }
}
