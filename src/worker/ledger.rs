//! Tells clients of low balances whom a crash has left untold.

use std::sync::Arc;
use std::time::Duration;

use crate::service::ledger::Ledger;

const EVERY: Duration = Duration::from_secs(60);

pub(super) async fn run(ledger: Arc<Ledger>) {
    loop {
        if let Err(error) = ledger.tell_all_low().await {
            tracing::warn!(%error, "could not look for low balances; trying again in a minute");
        }
        tokio::time::sleep(EVERY).await;
    }
}
