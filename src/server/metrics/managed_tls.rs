//! `ManagedTlsMetrics`: set from the status of managed certificates at each scrape.

use std::sync::atomic::Ordering;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::server::managed_tls::status::{ManagedObject, ManagedTlsStatus, Snapshot};

use super::registrar::Registrar;

/// Metrics of managed certificates. They have no value if the certificate is in files.
pub(super) struct ManagedTlsMetrics {
    steps: Family<StepLabels, Gauge>,
    ca_expiry: Family<NoLabels, Gauge>,
    renewal: Family<NoLabels, Gauge>,
    ca_rotations: Family<NoLabels, Counter>,
    certificates: Family<NoLabels, Counter>,
    repairs: Family<ObjectLabels, Counter>,
    failures: Family<ObjectLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    step: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ObjectLabels {
    object: &'static str,
}

/// The labels of a metric that is absent until it has a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NoLabels {}

impl ManagedTlsMetrics {
    pub fn new(all: &mut Registrar) -> Self {
        Self {
            steps: all.register("tls_managed_ready", "1 if a step of managed certificates is complete, else 0"),
            ca_expiry: all
                .register("tls_ca_not_after_timestamp_seconds", "When the managed CA expires, in seconds since 1970"),
            renewal: all.register(
                "tls_certificate_renewal_timestamp_seconds",
                "When the managed certificate is to be renewed, in seconds since 1970",
            ),
            ca_rotations: all
                .register("tls_ca_rotations", "New CAs that began to sign, counted by the pod that wrote it"),
            certificates: all.register("tls_certificates_signed", "Certificates that the pod signed for itself"),
            repairs: all.register("tls_repairs", "Managed objects that others had changed, restored by the pod"),
            failures: all
                .register("tls_managed_request_failures", "Failed reads, watches and writes of managed objects"),
        }
    }

    /// Sets all metrics.
    pub fn set(&self, status: &ManagedTlsStatus) {
        let Snapshot { steps, counts, ca_not_after, renew_after } = status.snapshot();
        for (step, problem) in steps {
            self.steps.get_or_create(&StepLabels { step: step.as_str() }).set(i64::from(problem.is_none()));
        }
        for (family, value) in [(&self.ca_expiry, ca_not_after), (&self.renewal, renew_after)] {
            if let Some(value) = value {
                family.get_or_create(&NoLabels {}).set(value);
            }
        }
        for (family, count) in [(&self.ca_rotations, counts.ca_rotations), (&self.certificates, counts.certificates)] {
            family.get_or_create(&NoLabels {}).inner().store(count, Ordering::Relaxed);
        }
        for object in ManagedObject::ALL {
            let labels = ObjectLabels { object: object.as_str() };
            for (family, counts) in [(&self.repairs, &counts.repairs), (&self.failures, &counts.failures)] {
                let count = counts.get(&object).copied().unwrap_or(0);
                family.get_or_create(&labels).inner().store(count, Ordering::Relaxed);
            }
        }
    }
}
