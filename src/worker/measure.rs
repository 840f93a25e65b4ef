//! Counts every few seconds what waits, for the metrics.

use std::sync::Arc;
use std::time::Duration;

use crate::service::dispatch::Dispatch;
use crate::service::inbound::Inbox;

const EVERY: Duration = Duration::from_secs(5);

pub(super) async fn run(dispatch: Arc<Dispatch>, inbox: Arc<Inbox>) {
    loop {
        for result in [dispatch.measure().await, inbox.measure().await] {
            if let Err(error) = result {
                tracing::debug!(%error, "could not count what waits");
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}
