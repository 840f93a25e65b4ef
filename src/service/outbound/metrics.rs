//! What is counted of messages out.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct State {
    state: &'static str,
}

#[derive(Clone, Default)]
pub struct Metrics {
    accepted: Counter,
    over: Family<State, Counter>,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("messages_accepted", "Messages accepted for sending", self.accepted.clone());
        registry.register("messages_over", "Messages that left the outbox, by state", self.over.clone());
    }

    pub(super) fn accepted(&self) {
        self.accepted.inc();
    }

    pub(super) fn sent(&self, state: &'static str) {
        self.over.get_or_create(&State { state }).inc();
    }
}
