//! `ManagedTlsStatus`: how far the managed certificates are, for `/readyz` and metrics.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What has to be right before kube-apiserver can call this replica, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::server) enum Step {
    /// The Secret contains a usable CA.
    Secret,
    /// This replica has a certificate of that CA.
    Certificate,
    /// The `caBundle` of every webhook verifies the certificate.
    CaBundle,
}

/// An object that the server writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::server) enum ManagedObject {
    Secret,
    Configuration,
}

/// The state of every step, and what has happened.
#[derive(Default)]
pub(in crate::server) struct ManagedTlsStatus(Mutex<State>);

#[derive(Default)]
struct State {
    problems: BTreeMap<Step, String>,
    is_observed: bool,
    counts: Counts,
    ca_not_after: Option<i64>,
    renew_after: Option<i64>,
}

/// What has happened since the start, and the times that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::server) struct Counts {
    /// CAs that began to sign, written by this replica.
    pub ca_rotations: u64,
    /// Certificates that this replica has signed.
    pub certificates: u64,
    /// Objects that were put right after somebody changed them.
    pub repairs: BTreeMap<ManagedObject, u64>,
    /// Reads, watches and writes that failed.
    pub failures: BTreeMap<ManagedObject, u64>,
}

/// A copy of the state.
pub(in crate::server) struct Snapshot {
    /// Each step with its problem, if it has one.
    pub steps: Vec<(Step, Option<String>)>,
    pub counts: Counts,
    /// When the CA that signs expires, in seconds since 1970.
    pub ca_not_after: Option<i64>,
    /// When the certificate is to be renewed, in seconds since 1970.
    pub renew_after: Option<i64>,
}

impl Step {
    pub const ALL: [Self; 3] = [Self::Secret, Self::Certificate, Self::CaBundle];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Certificate => "certificate",
            Self::CaBundle => "ca-bundle",
        }
    }
}

impl ManagedObject {
    pub const ALL: [Self; 2] = [Self::Secret, Self::Configuration];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Configuration => "validatingwebhookconfiguration",
        }
    }
}

impl ManagedTlsStatus {
    /// Sets the problem of each step. Returns the steps whose problem has changed, with the new one.
    pub fn set(&self, problems: BTreeMap<Step, String>) -> Vec<(Step, Option<String>)> {
        let mut state = self.lock();
        let is_first = !std::mem::replace(&mut state.is_observed, true);
        let before = std::mem::replace(&mut state.problems, problems);
        let changed = |step: &Step| is_first || before.get(step) != state.problems.get(step);
        Step::ALL.into_iter().filter(changed).map(|step| (step, state.problems.get(&step).cloned())).collect()
    }

    pub fn set_times(&self, ca_not_after: Option<i64>, renew_after: Option<i64>) {
        let mut state = self.lock();
        (state.ca_not_after, state.renew_after) = (ca_not_after, renew_after);
    }

    pub fn update_counts(&self, update: impl FnOnce(&mut Counts)) {
        update(&mut self.lock().counts);
    }

    pub fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        let unread = (!state.is_observed).then(|| "the cluster was not read yet".to_owned());
        let problem = |step: Step| unread.clone().or_else(|| state.problems.get(&step).cloned());
        Snapshot {
            steps: Step::ALL.map(|step| (step, problem(step))).to_vec(),
            counts: state.counts.clone(),
            ca_not_after: state.ca_not_after,
            renew_after: state.renew_after,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
