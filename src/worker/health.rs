//! Looks after the databases: whether they can be used, and that what was erased is.

use std::sync::Arc;

use crate::service::health::Health;

pub(super) async fn run(health: Arc<Health>) {
    health.watch().await;
}
