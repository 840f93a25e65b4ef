//! Reads accounts, numbers, routes, rates, clients and keys again when another node, or a command, has changed them.
//! Each by itself: a key that was revoked does not wait for a card of rates.

use std::sync::Arc;
use std::time::Duration;

use crate::service::StoreError;
use crate::service::client::Clients;
use crate::service::directory::Directory;
use crate::service::tariff::Tariff;

const EVERY: Duration = Duration::from_secs(1);

pub(super) async fn accounts(directory: Arc<Directory>) {
    loop {
        tokio::time::sleep(EVERY).await;
        told("accounts and numbers", directory.refresh().await);
    }
}

pub(super) async fn tariff(tariff: Arc<Tariff>) {
    loop {
        tokio::time::sleep(EVERY).await;
        told("routes and rates", tariff.refresh().await);
    }
}

pub(super) async fn clients(clients: Arc<Clients>) {
    loop {
        tokio::time::sleep(EVERY).await;
        told("clients and keys", clients.refresh().await);
    }
}

fn told(what: &str, refreshed: Result<(), StoreError>) {
    if let Err(error) = refreshed {
        tracing::warn!(%error, "could not look for changed {what}");
    }
}
