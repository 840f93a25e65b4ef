//! What `/metrics` says of publishing.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Default)]
pub struct Metrics {
    texts: Family<[(&'static str, &'static str); 1], Counter>,
    deliveries: Family<[(&'static str, String); 2], Counter>,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("publish_texts", "Texts of paired phones by result", self.texts.clone());
        let help = "Calls of platforms' sinks by platform and result";
        registry.register("publish_deliveries", help, self.deliveries.clone());
    }

    pub(super) fn text(&self, result: &'static str) {
        self.texts.get_or_create(&[("result", result)]).inc();
    }

    pub(super) fn delivery(&self, platform: &str, result: &str) {
        self.deliveries.get_or_create(&[("platform", platform.to_owned()), ("result", result.to_owned())]).inc();
    }
}
