//! `Reporter`: what the manager logs, counts and shows in `/readyz`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::k8s::{FailureReason, ObjectError, Observed};
use crate::server::tls::certificate::Certificate;

use super::leaf::{Leaf, Rejection};
use super::objects::{Configuration, Objects, Secret};
use super::plan::SecretChange;
use super::settings::ManagedTls;
use super::status::{ManagedObject, ManagedTlsStatus, Step};

/// Logs, counts and reports.
pub(super) struct Reporter {
    /// `Secret NAMESPACE/NAME`.
    secret: String,
    /// `ValidatingWebhookConfiguration NAME`.
    configuration: String,
    status: Arc<ManagedTlsStatus>,
    /// Why the last write of an object failed.
    write_problems: Mutex<BTreeMap<ManagedObject, String>>,
}

impl Reporter {
    pub fn new(settings: &ManagedTls, status: Arc<ManagedTlsStatus>) -> Self {
        Self {
            secret: format!("Secret {}/{}", settings.namespace, settings.secret),
            configuration: format!("ValidatingWebhookConfiguration {}", settings.configuration),
            status,
            write_problems: Mutex::default(),
        }
    }

    /// Sets the problem of each step, and logs what has changed.
    pub fn report(&self, objects: &Objects, common_name: &str, leaf: Option<&Leaf>, now: i64) {
        let problems = [
            (Step::Secret, self.secret_problem(objects, common_name)),
            (Step::Certificate, certificate_problem(leaf, now)),
            (Step::CaBundle, self.bundle_problem(objects, leaf, now)),
        ];
        let problems = problems.into_iter().filter_map(|(step, problem)| Some((step, problem?))).collect();
        for (step, problem) in self.status.set(problems) {
            let step = step.as_str();
            if let Some(problem) = problem {
                tracing::warn!(step, problem, "managed certificate is not ready");
            } else {
                tracing::info!(step, "managed certificate is ready");
            }
        }
    }

    fn secret_problem(&self, objects: &Objects, common_name: &str) -> Option<String> {
        let problem = match (&objects.secret, objects.ca_set(common_name)) {
            (Observed::Unread, _) => "was not read yet".to_owned(),
            (Observed::Missing, _) => "doesn't exist; `helm upgrade` creates it".to_owned(),
            (Observed::Present(_), Some(Err(error))) => format!("has no usable CA: {error}"),
            (Observed::Present(_), _) => return None,
        };
        Some(format!("{} {problem}{}", self.secret, self.write_problem(ManagedObject::Secret)))
    }

    fn bundle_problem(&self, objects: &Objects, leaf: Option<&Leaf>, now: i64) -> Option<String> {
        let configuration = match &objects.configuration {
            Observed::Unread => return Some(format!("{} was not read yet", self.configuration)),
            Observed::Missing => return Some(format!("{} doesn't exist", self.configuration)),
            Observed::Present(configuration) => configuration,
        };
        let Rejection { webhook, problem } = leaf?.verify(&configuration.webhooks, now).err()?;
        let write_problem = self.write_problem(ManagedObject::Configuration);
        Some(format!("{}: caBundle of {webhook}: {problem}{write_problem}", self.configuration))
    }

    fn write_problem(&self, object: ManagedObject) -> String {
        let problems = self.write_problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.get(&object).map(|problem| format!("; can't write it: {problem}")).unwrap_or_default()
    }

    fn set_write_problem(&self, object: ManagedObject, problem: Option<String>) {
        let mut problems = self.write_problems.lock().unwrap_or_else(PoisonError::into_inner);
        match problem {
            Some(problem) => problems.insert(object, problem),
            None => problems.remove(&object),
        };
    }

    pub fn secret_written(&self, change: SecretChange, before: &Secret) {
        self.set_write_problem(ManagedObject::Secret, None);
        let secret = &self.secret;
        match change {
            SecretChange::Created => tracing::info!(secret, "CA created"),
            SecretChange::Restored => {
                let last_writer = before.metadata.last_writer();
                tracing::warn!(secret, last_writer, "CA was changed by others, restored");
                self.count_repair(ManagedObject::Secret);
            }
            SecretChange::NextCreated => tracing::info!(secret, "next CA created"),
            SecretChange::NextTrusted => tracing::info!(secret, "next CA is in every caBundle"),
            SecretChange::Promoted => {
                tracing::info!(secret, "next CA signs from now on");
                self.status.update_counts(|counts| counts.ca_rotations += 1);
            }
            SecretChange::PreviousRemoved => tracing::info!(secret, "previous CA removed"),
        }
    }

    /// `is_repair`: the same bundle was in place before.
    pub fn bundle_written(&self, is_repair: bool, before: &Configuration) {
        self.set_write_problem(ManagedObject::Configuration, None);
        let configuration = &self.configuration;
        if is_repair {
            let last_writer = before.metadata.last_writer();
            tracing::warn!(configuration, last_writer, "caBundle was changed by others, restored");
            self.count_repair(ManagedObject::Configuration);
        } else {
            tracing::info!(configuration, "caBundle updated");
        }
    }

    pub fn certificate_signed(&self, certificate: &Certificate) {
        tracing::info!(not_after = certificate.not_after, "certificate signed");
        self.status.update_counts(|counts| counts.certificates += 1);
    }

    pub fn set_times(&self, ca_not_after: i64, renew_after: Option<i64>) {
        self.status.set_times(Some(ca_not_after), renew_after);
    }

    pub fn write_failed(&self, object: ManagedObject, error: &ObjectError) {
        self.request_failed(object, "write", error);
        self.set_write_problem(object, Some(error.message.clone()));
    }

    pub fn request_failed(&self, object: ManagedObject, verb: &str, error: &ObjectError) {
        self.status.update_counts(|counts| *counts.failures.entry(object).or_default() += 1);
        let name = match object {
            ManagedObject::Secret => &self.secret,
            ManagedObject::Configuration => &self.configuration,
        };
        let hint = match (error.reason, object) {
            (FailureReason::Forbidden, ManagedObject::Secret) => "; the Role of the chart grants get, watch and patch",
            (FailureReason::Forbidden, ManagedObject::Configuration) => {
                "; the ClusterRole of the chart grants get, watch and patch"
            }
            _ => "",
        };
        let error = format!("can't {verb} {name}: {}{hint}", error.message);
        tracing::warn!(error, "request failed, retrying");
    }

    fn count_repair(&self, object: ManagedObject) {
        self.status.update_counts(|counts| *counts.repairs.entry(object).or_default() += 1);
    }
}

fn certificate_problem(leaf: Option<&Leaf>, now: i64) -> Option<String> {
    match leaf {
        None => Some("there is no CA to sign one".to_owned()),
        Some(leaf) if leaf.is_expired(now) => Some("it has expired, and there is no CA to sign a new one".to_owned()),
        Some(_) => None,
    }
}
