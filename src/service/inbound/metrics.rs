//! What is counted of what comes in.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Webhook {
    kind: &'static str,
    result: &'static str,
}

#[derive(Clone, Default)]
pub struct Metrics {
    webhooks: Family<Webhook, Counter>,
    dropped: Counter,
    waiting: Gauge,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("inbound_webhooks", "Webhooks of carriers, by kind and result", self.webhooks.clone());
        registry.register("inbound_waiting", "Webhooks in the store that wait to be handled", self.waiting.clone());
        registry.register("inbound_dropped", "Webhooks that were stored and meant nothing to us", self.dropped.clone());
    }

    pub(super) fn webhook(&self, kind: &'static str, result: &'static str) {
        self.webhooks.get_or_create(&Webhook { kind, result }).inc();
    }

    pub(super) fn measured(&self, waiting: i64) {
        self.waiting.set(waiting);
    }

    pub(super) fn dropped(&self) {
        self.dropped.inc();
    }
}
