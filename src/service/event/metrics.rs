//! What is counted of deliveries.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::store::delivery::{DeliveryBacklog, DeliveryOutcome};

#[derive(Clone, Debug, Default)]
pub struct Metrics {
    deliveries: Family<[(&'static str, &'static str); 1], Counter>,
    waiting: Gauge,
    disabled: Gauge,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let help = "Deliveries of events by result: delivered, failed (to be tried again), exhausted, dropped";
        registry.register("webhook_deliveries", help, self.deliveries.clone());
        let help = "Deliveries in the store that wait for their turn or their next try";
        registry.register("webhook_waiting", help, self.waiting.clone());
        registry.register("webhook_endpoints_disabled", "Endpoints that are disabled", self.disabled.clone());
    }

    pub(super) fn delivery(&self, outcome: &DeliveryOutcome) {
        let result = match outcome {
            DeliveryOutcome::Delivered { .. } => "delivered",
            DeliveryOutcome::Later { .. } => "failed",
            DeliveryOutcome::Over { state, .. } => state.name(),
            DeliveryOutcome::Released { .. } => return,
        };
        self.deliveries.get_or_create(&[("result", result)]).inc();
    }

    pub(super) fn measured(&self, backlog: DeliveryBacklog) {
        self.waiting.set(backlog.waiting);
        self.disabled.set(backlog.disabled);
    }
}
