//! How long the store takes, for `/metrics`.

use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct DatabaseOperationLabels {
    database: &'static str,
    operation: &'static str,
}

/// Read and commit latencies of one database.
#[derive(Clone, Debug)]
pub struct Metrics {
    seconds: Family<DatabaseOperationLabels, Histogram>,
    failures: Family<DatabaseOperationLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = || Histogram::new([0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5]);
        Self { seconds: Family::new_with_constructor(buckets), failures: Family::default() }
    }
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("store_seconds", "Time of a read or a commit", self.seconds.clone());
        registry.register("store_failures", "Reads and commits that the engine did not do", self.failures.clone());
    }

    pub(super) fn observe<T>(
        &self,
        database: &'static str,
        operation: &'static str,
        begun: Instant,
        result: &super::Result<T>,
    ) {
        let labels = DatabaseOperationLabels { database, operation };
        self.seconds.get_or_create(&labels).observe(begun.elapsed().as_secs_f64());
        if matches!(result, Err(super::Error::Unavailable(_) | super::Error::Busy(_) | super::Error::Refused(_))) {
            self.failures.get_or_create(&labels).inc();
        }
    }
}
