//! Looks whether the clock has gone back.

use std::time::Duration;

use crate::service::wait::Waits;

const EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(mut waits: Waits) {
    loop {
        if let Err(error) = waits.look().await {
            tracing::debug!(%error, "could not look for waits of a clock that has gone back");
        }
        tokio::time::sleep(EVERY).await;
    }
}
