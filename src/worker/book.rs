//! Reads accounts, numbers, routes, rates, clients and keys again when another node, or a command, has changed them.

use std::sync::Arc;
use std::time::Duration;

use crate::service::book::Book;
use crate::service::client::Clients;
use crate::service::tariff::Tariff;

const EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(book: Arc<Book>, tariff: Arc<Tariff>, clients: Arc<Clients>) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(error) = book.refresh().await {
            tracing::debug!(%error, "could not look for changed accounts and numbers");
        }
        if let Err(error) = tariff.refresh().await {
            tracing::debug!(%error, "could not look for changed routes and rates");
        }
        if let Err(error) = clients.refresh().await {
            tracing::debug!(%error, "could not look for changed clients and keys");
        }
    }
}
