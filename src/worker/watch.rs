//! Looks every two seconds for what other nodes did to the sessions of our sockets.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Clock;
use crate::service::sync::Sockets;

const EVERY: Duration = Duration::from_secs(2);

pub(super) async fn run(sockets: Arc<Sockets>) {
    let mut since_ms = Clock::default().now_ms();
    loop {
        tokio::time::sleep(EVERY).await;
        match sockets.look_around(since_ms).await {
            Ok(seen_ms) => since_ms = seen_ms,
            Err(error) => tracing::debug!(%error, "could not look for other nodes' changes"),
        }
    }
}
