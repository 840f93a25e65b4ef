//! Sorts what has been accepted into the index of numbers.

use std::sync::Arc;
use std::time::Duration;

use crate::service::keep::Keep;

/// How often there may be enough of it.
const EVERY: Duration = Duration::from_secs(2);

pub(super) async fn run(keep: Arc<Keep>) {
    loop {
        // nodes do not look in step
        tokio::time::sleep(EVERY.mul_f64(1.0 + rand::random::<f64>() / 10.0)).await;
        if let Err(error) = keep.sort_numbers().await {
            tracing::warn!(%error, "could not sort messages by their numbers; trying again");
        }
    }
}
