//! What `/metrics` says of pairing.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) issued: Counter,
    pub(super) sockets: Gauge,
    sessions: Family<[(&'static str, &'static str); 1], Gauge>,
    handshakes: Family<[(&'static str, &'static str); 2], Counter>,
    seconds: Histogram,
    password_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            issued: Counter::default(),
            sockets: Gauge::default(),
            sessions: Family::default(),
            handshakes: Family::default(),
            seconds: Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5]),
            password_seconds: Histogram::new([0.00001, 0.0001, 0.001, 0.01, 0.1, 1.0]),
        }
    }
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("sync_urls_issued", "Session ids issued", self.issued.clone());
        registry.register("sync_sockets", "Sync sockets open on this node", self.sockets.clone());
        registry.register("sync_sessions", "Sync sockets by what they show", self.sessions.clone());
        registry.register("sync_handshakes", "Handshakes by flavour and result", self.handshakes.clone());
        registry.register("sync_handshake_seconds", "Time to a paired device", self.seconds.clone());
        registry.register("sync_password_seconds", "Time of a password check", self.password_seconds.clone());
    }

    pub(super) fn handshake(&self, flavour: &'static str, result: &'static str, seconds: f64) {
        self.handshakes.get_or_create(&[("flavour", flavour), ("result", result)]).inc();
        if result == "paired" {
            self.seconds.observe(seconds);
        }
    }

    pub(super) fn password(&self, seconds: f64) {
        self.password_seconds.observe(seconds);
    }

    /// One socket more, or less, that shows this.
    pub(super) fn showing(&self, is_paused: bool, by: i64) {
        let state = if is_paused { "paused" } else { "waiting" };
        self.sessions.get_or_create(&[("state", state)]).inc_by(by);
    }
}
