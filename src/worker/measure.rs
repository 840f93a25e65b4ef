//! Counts every few seconds what waits, for the metrics.

use std::sync::Arc;
use std::time::Duration;

use crate::service::inbound::Inbound;
use crate::service::outbound::Outbound;

const EVERY: Duration = Duration::from_secs(5);

pub(super) async fn run(outbound: Arc<Outbound>, inbound: Arc<Inbound>) {
    loop {
        for result in [outbound.measure().await, inbound.measure().await] {
            if let Err(error) = result {
                tracing::debug!(%error, "could not count what waits");
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}
