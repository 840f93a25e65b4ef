//! Looks every two seconds for what other nodes did to the sessions of our sockets.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Clock;
use crate::service::sync::Sync;

const EVERY: Duration = Duration::from_secs(2);

pub(super) async fn run(sync: Arc<Sync>) {
    let mut since_ms = Clock::default().now_ms();
    loop {
        tokio::time::sleep(EVERY).await;
        match sync.look_around(since_ms).await {
            Ok(seen_ms) => since_ms = seen_ms,
            Err(error) => tracing::debug!(%error, "could not look for other nodes' changes"),
        }
    }
}
