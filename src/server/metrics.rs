//! Everything that is counted: names, labels and help in one place.
//!
//! Labels are closed sets: no names, users or other text of a request.

mod capacity;
mod inventory;

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::inventory::{Kind, Operation};
use crate::k8s::Status;
use crate::policy::{RuleId, ValidationAction, Verdict};

use super::report::Snapshot;
use capacity::Capacity;
use inventory::Following;

const SECONDS: [f64; 12] = [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 2.5];

pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    findings: Family<FindingLabels, Counter>,
    capacity: Capacity,
    following: Following,
    durations: Histogram,
    in_flight: Gauge,
    panics: Counter,
    answers: Family<AnswerLabels, Counter>,
    certificate_expiry: Gauge,
    certificate_reloads: Family<ResultLabels, Counter>,
    policy_reloads: Family<ResultLabels, Counter>,
    policy_is_current: Gauge,
    policy: Family<PolicyLabels, Gauge>,
}

/// What became of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Allow,
    Deny,
    /// Refused before a rule was asked.
    Error,
}

/// Counts a review as in flight for as long as it lives.
pub(super) struct InFlight(Gauge);

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
struct AnswerLabels {
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
    pub fn new() -> Self {
        let mut all = Registry::with_prefix("servicecidr_guard");
        let new = Self {
            registry: Registry::default(),
            requests: Family::default(),
            findings: Family::default(),
            capacity: Capacity::default(),
            following: Following::default(),
            durations: Histogram::new(SECONDS),
            in_flight: Gauge::default(),
            panics: Counter::default(),
            answers: Family::default(),
            certificate_expiry: Gauge::default(),
            certificate_reloads: Family::default(),
            policy_reloads: Family::default(),
            policy_is_current: Gauge::default(),
            policy: Family::default(),
        };
        all.register("admission_requests", "Reviews answered", new.requests.clone());
        all.register("findings", "Violations found, by rule and by what followed", new.findings.clone());
        all.register_with_unit(
            "admission_request_duration",
            "Time from the last byte of a review to its answer",
            Unit::Seconds,
            new.durations.clone(),
        );
        all.register("admission_requests_in_flight", "Reviews being judged", new.in_flight.clone());
        all.register("panics", "Requests that ended in a panic, and were answered 500", new.panics.clone());
        all.register("http_requests", "HTTP answers on both ports", new.answers.clone());
        all.register(
            "tls_certificate_not_after_timestamp_seconds",
            "When the serving certificate expires, in seconds since 1970",
            new.certificate_expiry.clone(),
        );
        all.register("tls_reloads", "Changed certificate files", new.certificate_reloads.clone());
        all.register("config_reloads", "Changed policy files", new.policy_reloads.clone());
        all.register(
            "config_last_reload_successful",
            "1 if the policy file as it stands is in force, 0 if an older one is",
            new.policy_is_current.clone(),
        );
        all.register("config_info", "The policy in force, by the SHA-256 of its file", new.policy.clone());
        let build = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("commit", option_env!("SERVICECIDR_GUARD_COMMIT").unwrap_or("unknown")),
        ];
        all.register("build", "The program", Info::new(build.to_vec()));
        new.capacity.register(&mut all);
        new.following.register(&mut all);
        for result in ["success", "failure"] {
            new.certificate_reloads.get_or_create(&ResultLabels { result }).inc_by(0);
            new.policy_reloads.get_or_create(&ResultLabels { result }).inc_by(0);
        }
        Self { registry: all, ..new }
    }

    pub fn review_begins(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    pub fn reviewed(&self, operation: Option<Operation>, decision: Decision, dry_run: bool, duration: Duration) {
        let labels = RequestLabels {
            operation: operation.map_or("UNKNOWN", Operation::name),
            decision: decision.name(),
            dry_run: if dry_run { "true" } else { "false" },
        };
        self.requests.get_or_create(&labels).inc();
        self.durations.observe(duration.as_secs_f64());
    }

    /// What a verdict found, and what followed.
    pub fn found(&self, verdict: &Verdict) {
        let found = |rule: RuleId, action: ValidationAction| {
            self.findings.get_or_create(&FindingLabels { rule: rule.as_str(), action: action.to_string() }).inc();
        };
        verdict.denials().for_each(|violation| found(violation.rule(), ValidationAction::Deny));
        verdict.warnings().for_each(|violation| found(violation.rule(), ValidationAction::Warn));
        verdict.audits().for_each(|violation| found(violation.rule(), ValidationAction::Audit));
    }

    pub fn panicked(&self) {
        self.panics.inc();
    }

    pub fn answered(&self, path: &'static str, code: u16) {
        self.answers.get_or_create(&AnswerLabels { path, code }).inc();
    }

    pub fn certificate_in_force(&self, not_after: i64) {
        self.certificate_expiry.set(not_after);
    }

    pub fn certificate_reloaded(&self, succeeded: bool) {
        self.certificate_reloads.get_or_create(&ResultLabels::of(succeeded)).inc();
    }

    pub fn policy_in_force(&self, sha256: &str) {
        self.policy.clear();
        self.policy.get_or_create(&PolicyLabels { sha256: sha256.to_owned() }).set(1);
        self.policy_is_current.set(1);
    }

    pub fn policy_reloaded(&self, succeeded: bool) {
        self.policy_reloads.get_or_create(&ResultLabels::of(succeeded)).inc();
        self.policy_is_current.set(i64::from(succeeded));
    }

    /// Everything, with the capacity as a report says it, if there is one, and how the cluster is followed.
    pub fn encode(&self, snapshot: Option<&Snapshot>, followed: &[(Kind, Status)]) -> Result<String, fmt::Error> {
        self.capacity.set(snapshot);
        self.following.set(followed);
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

impl ResultLabels {
    fn of(succeeded: bool) -> Self {
        Self { result: if succeeded { "success" } else { "failure" } }
    }
}

impl Decision {
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Error => "error",
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
