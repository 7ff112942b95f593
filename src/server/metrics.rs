//! `Metrics`: names, labels and help of all metrics.
//!
//! Label values are closed sets: no object names, users or other text of a request.

mod capacity;
mod connections;
mod inventory;
mod managed_tls;
mod registrar;

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::inventory::{Operation, ResourceKind};
use crate::k8s::Status;
use crate::policy::{RuleId, ValidationAction, Verdict};

use super::connection::pool::ConnectionPool;
use super::managed_tls::status::ManagedTlsStatus;
use super::report_cache::CapacitySnapshot;
use capacity::CapacityMetrics;
use connections::ConnectionMetrics;
use inventory::WatchMetrics;
use managed_tls::ManagedTlsMetrics;
use registrar::Registrar;

/// The upper bounds of the histogram of review durations, in seconds.
const DURATION_BUCKETS: [f64; 12] = [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 2.5];

/// All metrics of the webhook.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    findings: Family<FindingLabels, Counter>,
    capacity: CapacityMetrics,
    connections: ConnectionMetrics,
    watch: WatchMetrics,
    durations: Histogram,
    in_flight: Gauge,
    panics: Counter,
    responses: Family<ResponseLabels, Counter>,
    certificate_expiry: Gauge,
    managed_tls: ManagedTlsMetrics,
    certificate_reloads: Family<ResultLabels, Counter>,
    policy_reloads: Family<ResultLabels, Counter>,
    policy_is_current: Gauge,
    policy: Family<PolicyLabels, Gauge>,
}

/// The decision on a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Allow,
    Deny,
    /// The request was invalid and no rule was evaluated.
    Error,
}

/// Counts a review as in flight until it is dropped.
pub(super) struct InFlightGuard(Gauge);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    decision: &'static str,
    dry_run: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FindingLabels {
    rule: &'static str,
    action: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResponseLabels {
    path: &'static str,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyLabels {
    sha256: String,
}

impl Metrics {
    /// Registers all metrics: each field has its name and help here.
    pub fn new() -> Self {
        let mut all = Registrar::new("servicecidr_guard");
        let build = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("commit", option_env!("SERVICECIDR_GUARD_COMMIT").unwrap_or("unknown")),
        ];
        all.register_info("build", "The program", Info::new(build.to_vec()));
        let metrics = Self {
            requests: all.register("admission_requests", "Reviews answered"),
            findings: all.register("findings", "Violations found, by rule and action"),
            durations: all.register_histogram(
                "admission_request_duration",
                "Time from the last byte of a review to its response",
                DURATION_BUCKETS,
            ),
            in_flight: all.register("admission_requests_in_flight", "Reviews being evaluated"),
            panics: all.register("panics", "Requests that ended in a panic, with status 500"),
            responses: all.register("http_requests", "HTTP responses on both ports"),
            certificate_expiry: all.register(
                "tls_certificate_not_after_timestamp_seconds",
                "When the serving certificate expires, in seconds since 1970",
            ),
            managed_tls: ManagedTlsMetrics::new(&mut all),
            certificate_reloads: all.register("tls_reloads", "Reloads of changed certificate files"),
            policy_reloads: all.register("config_reloads", "Reloads of a changed policy file"),
            policy_is_current: all.register(
                "config_last_reload_successful",
                "1 if the current policy file is active, 0 if an older one is",
            ),
            policy: all.register("config_info", "The active policy, by the SHA-256 of its file"),
            capacity: CapacityMetrics::new(&mut all),
            connections: ConnectionMetrics::new(&mut all),
            watch: WatchMetrics::new(&mut all),
            registry: all.into_registry(),
        };
        for result in ["success", "failure"] {
            metrics.certificate_reloads.get_or_create(&ResultLabels { result }).inc_by(0);
            metrics.policy_reloads.get_or_create(&ResultLabels { result }).inc_by(0);
        }
        metrics
    }

    pub fn begin_review(&self) -> InFlightGuard {
        self.in_flight.inc();
        InFlightGuard(self.in_flight.clone())
    }

    pub fn record_review(&self, operation: Option<Operation>, decision: Decision, dry_run: bool, duration: Duration) {
        let labels = RequestLabels {
            operation: operation.map_or("UNKNOWN", Operation::as_str),
            decision: decision.as_str(),
            dry_run: if dry_run { "true" } else { "false" },
        };
        self.requests.get_or_create(&labels).inc();
        self.durations.observe(duration.as_secs_f64());
    }

    /// Counts the findings of a verdict by rule and action.
    pub fn record_findings(&self, verdict: &Verdict) {
        let count = |rule: RuleId, action: ValidationAction| {
            self.findings.get_or_create(&FindingLabels { rule: rule.as_str(), action: action.to_string() }).inc();
        };
        verdict.denials().for_each(|violation| count(violation.rule(), ValidationAction::Deny));
        verdict.warnings().for_each(|violation| count(violation.rule(), ValidationAction::Warn));
        verdict.audits().for_each(|violation| count(violation.rule(), ValidationAction::Audit));
    }

    pub fn record_panic(&self) {
        self.panics.inc();
    }

    pub fn record_response(&self, path: &'static str, code: u16) {
        self.responses.get_or_create(&ResponseLabels { path, code }).inc();
    }

    pub fn set_certificate(&self, not_after: i64) {
        self.certificate_expiry.set(not_after);
    }

    pub fn record_certificate_reload(&self, succeeded: bool) {
        self.certificate_reloads.get_or_create(&ResultLabels::from_success(succeeded)).inc();
    }

    pub fn set_policy(&self, sha256: &str) {
        self.policy.clear();
        self.policy.get_or_create(&PolicyLabels { sha256: sha256.to_owned() }).set(1);
        self.policy_is_current.set(1);
    }

    pub fn record_policy_reload(&self, succeeded: bool) {
        self.policy_reloads.get_or_create(&ResultLabels::from_success(succeeded)).inc();
        self.policy_is_current.set(i64::from(succeeded));
    }

    /// All metrics as text, with the capacity of a snapshot, if there is one, the watch status of each kind, the
    /// connections of each port, and the status of managed certificates.
    pub fn encode(
        &self,
        snapshot: Option<&CapacitySnapshot>,
        watch_status: &[(ResourceKind, Status)],
        pools: &[&ConnectionPool],
        managed_tls: Option<&ManagedTlsStatus>,
    ) -> Result<String, fmt::Error> {
        self.capacity.set(snapshot);
        self.watch.set(watch_status);
        self.connections.set(pools);
        if let Some(status) = managed_tls {
            self.managed_tls.set(status);
        }
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

impl ResultLabels {
    fn from_success(succeeded: bool) -> Self {
        Self { result: if succeeded { "success" } else { "failure" } }
    }
}

impl Decision {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Error => "error",
        }
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}
