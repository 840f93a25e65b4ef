//! Puts the publishing service together: settings, keys, and what posts to the sinks.

use std::sync::Arc;

use prometheus_client::registry::Registry;

use super::base::StartContext;
use super::{StartError, secret};
use crate::service::publish::{self, LoopbackPublicationSink, Parts, PhoneTextPublisher, sink, with_loopback};

impl StartContext<'_> {
    pub(super) async fn publishing(&self, registry: &mut Registry) -> Result<Arc<PhoneTextPublisher>, StartError> {
        let metrics = publish::Metrics::default();
        metrics.register(registry);
        let (config, databases) = (self.config, self.databases);
        let parts = Parts {
            settings: config.publish.clone(),
            refusal_delay: config.sync.sms_refusal_delay,
            platforms: if config.is_dev { with_loopback(&config.platforms) } else { config.platforms.clone() },
            store: databases.store.clone(),
            backend: databases.backend.clone(),
            master: self.keys.master.clone(),
            text_key: self.key("publication").await?,
            salt: secret::salt(config)?,
            backend_key: secret::backend_key(config)?,
            webhooks: sink::webhooks(config.event.timeout, &config.platforms)?,
            loopback: config.is_dev.then(LoopbackPublicationSink::default),
            clock: self.clock.clone(),
            owner: self.owner.clone(),
            metrics,
            tasks: self.tasks.clone(),
        };
        PhoneTextPublisher::new(parts).map(Arc::new).map_err(StartError::Publish)
    }
}
