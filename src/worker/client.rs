//! Writes down now and then when clients' keys were used last.

use std::sync::Arc;
use std::time::Duration;

use crate::service::client::Clients;

const EVERY: Duration = Duration::from_secs(10);

pub(super) async fn run(clients: Arc<Clients>) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(error) = clients.write_uses().await {
            tracing::debug!(%error, "could not write down which keys were used");
        }
    }
}
