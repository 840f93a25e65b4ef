//! What is counted of what comes in.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::model::AccountId;

#[derive(Clone, Default)]
pub struct Metrics {
    webhooks: Family<[(&'static str, &'static str); 2], Counter>,
    other_tokens: Family<[(&'static str, String); 2], Counter>,
    dropped: Counter,
    waiting: Gauge,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("inbound_webhooks", "Webhooks of carriers, by kind and result", self.webhooks.clone());
        let help = "Webhooks that were believed by a token which is not the account's own: an earlier one, or the next";
        registry.register("inbound_other_tokens", help, self.other_tokens.clone());
        registry.register("inbound_waiting", "Webhooks in the store that wait to be handled", self.waiting.clone());
        registry.register("inbound_dropped", "Webhooks that were stored and meant nothing to us", self.dropped.clone());
    }

    pub(super) fn webhook(&self, kind: &'static str, result: &'static str) {
        self.webhooks.get_or_create(&[("kind", kind), ("result", result)]).inc();
    }

    /// A webhook of the account was believed by a token that is not its own.
    pub(super) fn believed(&self, account: AccountId, token: &str) {
        self.other_tokens.get_or_create(&[("account", account.to_string()), ("token", token.to_owned())]).inc();
    }

    pub(super) fn measured(&self, waiting: i64) {
        self.waiting.set(waiting);
    }

    pub(super) fn dropped(&self) {
        self.dropped.inc();
    }
}
