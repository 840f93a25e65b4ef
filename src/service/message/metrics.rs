//! What is counted of messages that are accepted.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

#[derive(Clone, Default)]
pub struct Metrics {
    accepted: Counter,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("messages_accepted", "Messages accepted for sending", self.accepted.clone());
    }

    pub(super) fn accepted(&self) {
        self.accepted.inc();
    }
}
