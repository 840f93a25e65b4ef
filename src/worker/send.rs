//! Takes up what nobody sends: lanes that a dead node left behind, retries and schedules that are due.

use std::sync::Arc;
use std::time::Duration;

use crate::service::dispatch::Dispatch;

pub(super) async fn run(dispatch: Arc<Dispatch>) {
    loop {
        match dispatch.take_up().await {
            // a backlog: go on at once, when what was taken up has moved a little
            Ok(256..) => tokio::time::sleep(Duration::from_millis(10)).await,
            Ok(_) => tokio::time::sleep(dispatch.poll_every()).await,
            Err(error) => {
                tracing::warn!(%error, "could not look for messages to send");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
