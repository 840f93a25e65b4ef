//! Puts events together: who may be called, and with what.

use prometheus_client::registry::Registry;

use super::StartError;
use super::keyring::ServerKeyring;
use crate::config::Config;
use crate::model::{Clock, PublicOrigin};
use crate::provider::webhook::{self, PrivateAddressExceptions, WebhookClient};
use crate::service::event::{Events, Metrics, Parts};
use crate::store::Store;
use crate::store::lease::LeaseOwner;

pub(super) async fn open(
    config: &Config,
    store: &Store,
    owner: &LeaseOwner,
    keys: &ServerKeyring,
    origin: &PublicOrigin,
    registry: &mut Registry,
) -> Result<Events, StartError> {
    let metrics = Metrics::default();
    metrics.register(registry);
    let mut allow = config.event.allow.clone();
    if config.is_dev {
        // a receiver under development is on this machine
        allow.extend(["127.0.0.0/8", "::1/128", "localhost"].map(str::to_owned));
    }
    let allow = PrivateAddressExceptions::parse(&allow).map_err(StartError::Allow)?;
    let parts = Parts {
        settings: config.event.clone(),
        store: store.clone(),
        master: keys.master.clone(),
        webhooks: WebhookClient::new(&webhook::Settings { allow, timeout: config.event.timeout })?,
        origin: origin.clone(),
        clock: Clock::default(),
        owner: owner.clone(),
        metrics,
    };
    Events::open(parts).await.map_err(StartError::Events)
}
