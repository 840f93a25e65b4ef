//! Puts the publishing service together: settings, keys, and what posts to the sinks.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio_util::task::TaskTracker;

use super::{Databases, StartError, secret};
use crate::config::Config;
use crate::crypto::MasterKey;
use crate::model::Clock;
use crate::service::publish::{self, LoopbackSink, Parts, Publish, sink, with_loopback};
use crate::store::lease::Owner;
use crate::store::meta;

pub(super) async fn build(
    config: &Config,
    databases: &Databases,
    owner: &Owner,
    master: Arc<MasterKey>,
    tasks: &TaskTracker,
    registry: &mut Registry,
) -> Result<Arc<Publish>, StartError> {
    let metrics = publish::Metrics::default();
    metrics.register(registry);
    let clock = Clock::default();
    let storing = StartError::storing(config);
    let text_key = meta::hash_key(&databases.store, &master, "publication", clock.now_ms()).await.map_err(storing)?;
    let parts = Parts {
        settings: config.publisher.clone(),
        refusal_delay: config.sync.sms_refusal_delay,
        platforms: if config.is_dev { with_loopback(&config.platforms) } else { config.platforms.clone() },
        store: databases.store.clone(),
        backend: databases.backend.clone(),
        master,
        text_key,
        salt: secret::salt(config)?,
        backend_key: secret::backend_key(config)?,
        webhooks: sink::webhooks(config.webhook.timeout, &config.platforms)?,
        loopback: config.is_dev.then(LoopbackSink::default),
        clock,
        owner: owner.clone(),
        metrics,
        tasks: tasks.clone(),
    };
    Ok(Arc::new(Publish::new(parts)?))
}
