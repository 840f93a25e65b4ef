//! Removes what has served: every ten minutes.

use std::sync::Arc;
use std::time::Duration;

use crate::service::event::Events;
use crate::service::sync::Sync;

pub(super) async fn run(sync: Arc<Sync>, events: Arc<Events>) {
    loop {
        // a start is busy enough: the first sweep waits, and nodes do not sweep in step
        tokio::time::sleep(Duration::from_secs(600 + rand::random::<u64>() % 60)).await;
        if let Err(error) = sync.sweep().await {
            tracing::warn!(%error, "could not remove expired sessions; trying again in ten minutes");
        }
        if let Err(error) = events.sweep().await {
            tracing::warn!(%error, "could not remove old events; trying again in ten minutes");
        }
    }
}
