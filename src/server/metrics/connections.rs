//! `ConnectionMetrics`: set from the connection pools at each scrape.

use std::sync::atomic::Ordering;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::server::connection::pool::ConnectionPool;

use super::registrar::Registrar;

/// Metrics of connections, by port.
pub(super) struct ConnectionMetrics {
    open: Family<StateLabels, Gauge>,
    closed: Family<ReasonLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    port: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    port: &'static str,
    reason: &'static str,
}

impl ConnectionMetrics {
    pub fn new(all: &mut Registrar) -> Self {
        Self {
            open: all.register("connections", "Open connections, by port and state"),
            closed: all.register("connections_closed", "Connections that the server closed, by port and reason"),
        }
    }

    /// Sets all metrics from the pools.
    pub fn set(&self, pools: &[&ConnectionPool]) {
        for pool in pools {
            let port = pool.name;
            for (phase, count) in pool.open() {
                let gauge = self.open.get_or_create(&StateLabels { port, state: phase.as_str() });
                gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
            }
            for (reason, count) in pool.closed() {
                let counter = self.closed.get_or_create(&ReasonLabels { port, reason: reason.as_str() });
                counter.inner().store(count, Ordering::Relaxed);
            }
        }
    }
}
