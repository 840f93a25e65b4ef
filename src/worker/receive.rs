//! Handles what came in, and forgets what has been kept long enough.

use std::sync::Arc;
use std::time::Duration;

use crate::service::inbound::Inbound;

pub(super) async fn sweep(inbound: Arc<Inbound>) {
    loop {
        // nodes do not sweep in step
        tokio::time::sleep(Duration::from_secs(600 + rand::random::<u64>() % 60)).await;
        if let Err(error) = inbound.sweep().await {
            tracing::warn!(%error, "could not remove old webhooks; trying again in ten minutes");
        }
    }
}
