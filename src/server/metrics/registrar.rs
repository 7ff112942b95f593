//! `Registrar`: registers each metric with its name and help in one call.

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

/// Registers metrics under a common prefix.
pub(super) struct Registrar(Registry);

impl Registrar {
    /// A registry whose metric names begin with the prefix.
    pub fn new(prefix: &str) -> Self {
        Self(Registry::with_prefix(prefix))
    }

    /// Registers a new metric.
    pub fn register<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        let metric = M::default();
        self.0.register(name, help, metric.clone());
        metric
    }

    /// Registers a new histogram of seconds.
    pub fn register_histogram(&mut self, name: &str, help: &str, buckets: [f64; 12]) -> Histogram {
        let histogram = Histogram::new(buckets);
        self.0.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        histogram
    }

    pub fn register_info(&mut self, name: &str, help: &str, labels: Info<Vec<(&'static str, &'static str)>>) {
        self.0.register(name, help, labels);
    }

    /// The registry with all registered metrics.
    pub fn into_registry(self) -> Registry {
        self.0
    }
}
