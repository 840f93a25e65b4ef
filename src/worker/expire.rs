//! Removes what has served: every ten minutes.

use std::sync::Arc;
use std::time::Duration;

use crate::service::sync::Sync;

pub(super) async fn run(sync: Arc<Sync>) {
    loop {
        // a start is busy enough: the first sweep waits, and nodes do not sweep in step
        tokio::time::sleep(Duration::from_secs(600 + rand::random::<u64>() % 60)).await;
        if let Err(error) = sync.sweep().await {
            tracing::warn!(%error, "could not remove expired sessions; trying again in ten minutes");
        }
    }
}
