//! Policy, certificate and key are read again when their bytes change; on any failure the last good
//! ones stay in force.
//!
//! By reading, not by watching: a second's poll of three small files costs next to nothing, and sees
//! the kubelet's `..data` swap, a plain replacement and a network file system alike
//! (docs/decisions/0003-files-are-polled.md). SIGHUP has them read at once.

mod paths;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::Signal;

use crate::config::Diagnostic;
use crate::k8s::{SharedInventory, WatchScope};
use crate::policy::{Policy, RuleId};
use crate::text::sha256_hex;

use super::client_auth::{Ca, ClientAuth};
use super::knowledge::{InventoryFile, Knowledge, Stamp};
use super::tls::{self, Certificate};
use super::{InventorySource, ServerError, Settings, State};
use paths::{Paths, read_pem};

/// How often the files are read.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long before its end it is warned of a certificate, in seconds.
const LAST_WEEK: i64 = 7 * 24 * 3600;
/// How often it is warned.
const A_DAY: Duration = Duration::from_secs(24 * 3600);

/// Knows the files and what was last seen in them.
pub(super) struct Reloader {
    policy: Watched<Vec<u8>, String>,
    pair: Watched<(Vec<u8>, Vec<u8>), String>,
    client_ca: Watched<Vec<u8>, String>,
    inventory: Watched<Stamp, String>,
    /// When it was last warned that the certificate expires soon.
    warned: Option<Instant>,
    paths: Paths,
}

/// What the first reading gave.
pub(super) struct First {
    pub policy: Policy,
    pub policy_digest: String,
    pub knowledge: Knowledge,
    pub certificate: Certificate,
    pub client_auth: Option<ClientAuth>,
    pub notes: Vec<Diagnostic>,
}

/// What was last read: content, or why there was none. Only a difference from it is acted upon, so
/// that a broken file is reported once and not once a second.
struct Watched<T, E> {
    last: Result<T, E>,
}

impl<T: PartialEq, E: PartialEq + Default> Watched<T, E> {
    /// The next reading differs from this.
    fn forget(&mut self) {
        self.last = Err(E::default());
    }

    /// Whether this reading differs from the one before. It is the last one from now on.
    fn changed(&mut self, reading: Result<T, E>) -> bool {
        let changed = self.last != reading;
        self.last = reading;
        changed
    }
}

impl Reloader {
    pub fn start(settings: &Settings) -> Result<(Self, First), ServerError> {
        let paths = Paths {
            policy: settings.policy.clone(),
            cert: settings.tls_cert.clone(),
            key: settings.tls_key.clone(),
            client_ca: settings.clients.as_ref().map(|clients| clients.ca.clone()),
        };
        let policy_bytes = paths.read_policy()?;
        let loaded = paths.parse_policy(&policy_bytes)?;
        let pair = paths.read_pair()?;
        let certificate = paths.parse_pair(&pair)?;
        let policy_digest = sha256_hex(&policy_bytes);
        let policy = loaded.policy;
        let (knowledge, stamp) = match &settings.inventory {
            InventorySource::None => {
                can_judge(&policy, &Knowledge::None).map_err(|rule| ServerError::NeedsInventory {
                    rule,
                    policy: settings.policy.display().to_string(),
                })?;
                (Knowledge::None, Err(String::new()))
            }
            InventorySource::Cluster(_) => {
                let live = SharedInventory::default();
                let knowledge = Knowledge::Cluster(Arc::new(live));
                knowledge.declare(&policy, || ());
                (knowledge, Err(String::new()))
            }
            InventorySource::File(path) => {
                let (file, stamp) = InventoryFile::open(path, &policy).map_err(ServerError::Inventory)?;
                (Knowledge::File(Box::new(file)), Ok(stamp))
            }
        };
        let client_ca = paths.client_ca.as_deref().map(read_pem).transpose()?;
        let client_auth = match (&settings.clients, &client_ca) {
            (Some(clients), Some(bytes)) => {
                Some(ClientAuth::new(Ca::from_pem(&clients.ca, bytes)?, clients.names.clone()))
            }
            _ => None,
        };
        let first = First { policy, policy_digest, knowledge, certificate, client_auth, notes: loaded.notes };
        let reloader = Self {
            policy: Watched { last: Ok(policy_bytes) },
            pair: Watched { last: Ok(pair) },
            client_ca: Watched { last: Ok(client_ca.unwrap_or_default()) },
            inventory: Watched { last: stamp },
            warned: None,
            paths,
        };
        Ok((reloader, first))
    }

    /// Runs for ever. A SIGHUP that comes while files are being read has them read once more.
    pub async fn run(mut self, mut hangup: Signal, state: Arc<State>) {
        let mut ticks = tokio::time::interval(INTERVAL);
        loop {
            let is_asked = tokio::select! {
                _ = ticks.tick() => false,
                Some(()) = hangup.recv() => true,
            };
            if is_asked {
                self.inventory.forget();
            }
            self.poll_policy(&state);
            self.poll_pair(&state);
            self.poll_client_ca(&state);
            self.poll_inventory(&state).await;
            self.warn_of_expiry(&state);
            if is_asked {
                tracing::info!("files read after SIGHUP");
            }
        }
    }

    fn poll_policy(&mut self, state: &State) {
        let reading = self.paths.read_policy().map_err(|error| error.to_string());
        if !self.policy.changed(reading) {
            return;
        }
        let result = match &self.policy.last {
            Ok(bytes) => {
                let loaded = self.paths.parse_policy(bytes).map_err(|error| error.to_string());
                let judged = loaded.and_then(|loaded| match can_judge(&loaded.policy, &state.knowledge) {
                    Ok(()) => Ok(loaded),
                    Err(rule) => Err(format!("the rule {} needs an inventory: start with --inventory", rule.as_str())),
                });
                judged.map(|loaded| (loaded, sha256_hex(bytes)))
            }
            Err(error) => Err(error.clone()),
        };
        state.metrics.policy_reloaded(result.is_ok());
        match result {
            Ok((loaded, sha256)) => {
                for note in &loaded.notes {
                    tracing::warn!(note = %note, "policy reloaded with a note");
                }
                let policy = Arc::new(loaded.policy);
                state.wanted.send_replace(WatchScope { nodes: policy.requires_nodes() });
                state.knowledge.declare(&policy, || state.policy.store(Arc::clone(&policy)));
                state.metrics.policy_in_force(&sha256);
                tracing::info!(sha256, "policy reloaded");
            }
            Err(error) => tracing::error!(error, "policy not reloaded: the last good one stays in force"),
        }
    }

    fn poll_pair(&mut self, state: &State) {
        let reading = self.paths.read_pair().map_err(|error| error.to_string());
        if !self.pair.changed(reading) {
            return;
        }
        let result = match &self.pair.last {
            Ok(pair) => self.paths.parse_pair(pair).map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        state.metrics.certificate_reloaded(result.is_ok());
        match result {
            Ok(certificate) => {
                state.metrics.certificate_in_force(certificate.not_after);
                tracing::info!(not_after = certificate.not_after, "certificate reloaded");
                state.certificate.store(Arc::new(certificate));
            }
            Err(error) => tracing::error!(error, "certificate not reloaded: the last good one stays in force"),
        }
    }

    fn poll_client_ca(&mut self, state: &State) {
        let (Some(path), Some(client_auth)) = (&self.paths.client_ca, &state.client_auth) else { return };
        let reading = read_pem(path).map_err(|error| error.to_string());
        if !self.client_ca.changed(reading) {
            return;
        }
        let result = match &self.client_ca.last {
            Ok(bytes) => Ca::from_pem(path, bytes).map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        state.metrics.certificate_reloaded(result.is_ok());
        match result {
            Ok(ca) => {
                client_auth.replace(ca);
                tracing::info!("client CA reloaded");
            }
            Err(error) => tracing::error!(error, "client CA not reloaded: the last good one stays in force"),
        }
    }

    /// Once a day, in the last week of a certificate. It is served to its end, and the server stays ready:
    /// that kube-apiserver can't verify it any more is better said by kube-apiserver.
    fn warn_of_expiry(&mut self, state: &State) {
        let not_after = state.certificate.load().not_after;
        let left = not_after - tls::now();
        if left < LAST_WEEK && self.warned.is_none_or(|at| at.elapsed() > A_DAY) {
            self.warned = Some(Instant::now());
            tracing::warn!(not_after, seconds_left = left, "the certificate expires soon");
        }
    }

    /// Reads the inventory's file again when it is another. A long one is read beside everything else.
    async fn poll_inventory(&mut self, state: &Arc<State>) {
        let Knowledge::File(file) = &state.knowledge else { return };
        if !self.inventory.changed(file.stamp()) {
            return;
        }
        let of_task = Arc::clone(state);
        let read = tokio::task::spawn_blocking(move || match &of_task.knowledge {
            Knowledge::File(file) => file.read_again(&of_task.policy.load()),
            Knowledge::None | Knowledge::Cluster(_) => Ok(()),
        });
        let result = read.await.unwrap_or_else(|error| Err(error.to_string()));
        if let Err(error) = result {
            tracing::error!(error, "inventory not read again: the last one stays");
        }
    }
}

/// The first rule that can't be evaluated without an inventory, if none is kept.
fn can_judge(policy: &Policy, knowledge: &Knowledge) -> Result<(), RuleId> {
    match (knowledge, policy.rules_requiring_inventory().next()) {
        (Knowledge::None, Some(rule)) => Err(rule),
        _ => Ok(()),
    }
}
