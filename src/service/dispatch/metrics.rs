//! What is counted of messages that are sent, and of the accounts that send them.

use std::sync::{Arc, Mutex};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::model::lock::lock;
use crate::model::{AccountId, Millis};
use crate::store::backlog::OutboxBacklog;

/// The names of labels with their values.
type MetricLabels<const N: usize> = [(&'static str, &'static str); N];
type AccountLabel = [(&'static str, String); 1];

/// The phases of lanes, as the store numbers them.
const PHASES: [&str; 3] = ["waiting", "calling", "unknown"];

#[derive(Clone, Default)]
pub struct Metrics {
    over: Family<MetricLabels<1>, Counter>,
    calls: Family<MetricLabels<2>, Counter>,
    lanes: Family<MetricLabels<1>, Gauge>,
    waiting: Gauge,
    oldest_due_seconds: Gauge,
    breakers: Family<AccountLabel, Gauge>,
    resting: Family<AccountLabel, Gauge>,
    /// Accounts that a gauge stands for: one that is deleted takes it along.
    shown: Arc<Mutex<Vec<AccountLabel>>>,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("messages_over", "Messages that left the outbox, by state", self.over.clone());
        registry.register("provider_calls", "Calls of providers by kind and outcome", self.calls.clone());
        let help = "Pairs of numbers in the store with messages to send, by what becomes of the first";
        registry.register("outbox_lanes", help, self.lanes.clone());
        registry.register("outbox_waiting", "Messages in the store that are to be sent", self.waiting.clone());
        let help = "For how long the longest due message has waited for a node to take it up; 0: none is due";
        registry.register("outbox_oldest_due_seconds", help, self.oldest_due_seconds.clone());
        let help = "1 where this node rests an account: its calls failed in a row, or its carrier refuses it";
        registry.register("breakers_open", help, self.breakers.clone());
        let help = "1 where an account rests on all nodes, since its carrier refuses it";
        registry.register("accounts_resting", help, self.resting.clone());
    }

    pub(super) fn sent(&self, state: &'static str) {
        self.over.get_or_create(&[("state", state)]).inc();
    }

    pub(super) fn called(&self, provider: &'static str, outcome: &'static str) {
        self.calls.get_or_create(&[("provider", provider), ("outcome", outcome)]).inc();
    }

    pub(super) fn measured(&self, outbox: &OutboxBacklog, now_ms: Millis) {
        for (phase, lanes) in PHASES.into_iter().zip(outbox.lanes) {
            self.lanes.get_or_create(&[("phase", phase)]).set(lanes);
        }
        self.waiting.set(outbox.messages);
        let due_for_ms = outbox.oldest_ready_ms.map_or(0, |ready_ms| now_ms - ready_ms);
        self.oldest_due_seconds.set(due_for_ms.max(0) / 1000);
    }

    /// Every account there is, whether its breaker is open, and whether its carrier refuses it.
    pub(super) fn accounts(&self, all: impl Iterator<Item = (AccountId, bool, bool)>) {
        let mut now = Vec::new();
        for (id, is_open, is_resting) in all {
            let label = [("account", id.to_string())];
            self.breakers.get_or_create(&label).set(i64::from(is_open));
            self.resting.get_or_create(&label).set(i64::from(is_resting));
            now.push(label);
        }
        let mut shown = lock(&self.shown);
        for gone in shown.iter().filter(|label| !now.contains(label)) {
            self.breakers.remove(gone);
            self.resting.remove(gone);
        }
        *shown = now;
    }
}
