//! Reloads policy, certificate, client CA and inventory file when they change. On failure the last good version
//! stays active.
//!
//! Files are polled, not watched: reading three small files once a second costs next to nothing and works alike for
//! the kubelet's `..data` swap, a plain replacement and a network file system (docs/decisions/0003-files-are-polled.md).
//! SIGHUP reads them immediately.

mod paths;

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::Signal;

use crate::config::Diagnostic;
use crate::k8s::{SharedInventory, WatchScope};
use crate::policy::{Policy, RuleId};
use crate::server::error::ServerError;
use crate::server::inventory_backend::{FileFingerprint, InventoryBackend, InventoryFile};
use crate::server::settings::{InventorySource, Settings, TlsSource};
use crate::server::state::State;
use crate::server::tls::certificate::Certificate;
use crate::server::tls::client_auth::{Ca, ClientAuth};
use crate::text::sha256_hex;
use paths::{Paths, parse_pair, read_pair, read_pem};

/// How often the files are read.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How long before expiry of a certificate a warning is logged, in seconds.
const EXPIRY_WARNING_WINDOW: i64 = 7 * 24 * 3600;
/// How often the warning is repeated.
const EXPIRY_WARNING_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// The files, and what was last read from each.
pub(in crate::server) struct Reloader {
    policy: LastRead<Vec<u8>>,
    /// `None` if the certificate is not in files.
    pair: Option<LastRead<(Vec<u8>, Vec<u8>)>>,
    client_ca: LastRead<Vec<u8>>,
    inventory: LastRead<FileFingerprint>,
    /// When the last warning of an expiring certificate was logged.
    warned_at: Option<Instant>,
    paths: Paths,
}

/// What the server starts with.
pub(in crate::server) struct InitialState {
    pub policy: Policy,
    pub policy_sha256: String,
    pub inventory: InventoryBackend,
    /// `None` if the certificate is not in files.
    pub certificate: Option<Certificate>,
    pub client_auth: Option<ClientAuth>,
    pub notes: Vec<Diagnostic>,
}

/// The last content, or why it couldn't be read. Only a change is handled, so that a broken file is reported once
/// and not every second.
struct LastRead<T>(Result<T, String>);

impl<T: PartialEq> LastRead<T> {
    /// Makes the next read count as a change.
    fn forget(&mut self) {
        self.0 = Err(String::new());
    }

    /// Stores a read. If it differs from the last one, returns its content as loaded by `load`, or the error.
    fn update<U, E: Display>(
        &mut self,
        read: Result<T, impl Display>,
        load: impl FnOnce(&T) -> Result<U, E>,
    ) -> Option<Result<U, String>> {
        let read = read.map_err(|error| error.to_string());
        if self.0 == read {
            return None;
        }
        self.0 = read;
        Some(
            self.0.as_ref().map_err(String::clone).and_then(|content| load(content).map_err(|error| error.to_string())),
        )
    }
}

impl Reloader {
    pub fn start(settings: &Settings) -> Result<(Self, InitialState), ServerError> {
        let paths = Paths {
            policy: settings.policy.clone(),
            pair: match &settings.tls {
                TlsSource::Files { cert, key } => Some((cert.clone(), key.clone())),
                TlsSource::Managed(_) => None,
            },
            client_ca: settings.client_auth.as_ref().map(|config| config.ca.clone()),
        };
        let policy_bytes = paths.read_policy()?;
        let loaded = paths.parse_policy(&policy_bytes)?;
        let pair = paths.pair.as_ref().map(read_pair).transpose()?;
        let certificate = match (&paths.pair, &pair) {
            (Some(paths), Some(pair)) => Some(parse_pair(paths, pair)?),
            _ => None,
        };
        let policy_sha256 = sha256_hex(&policy_bytes);
        let policy = loaded.policy;
        let (inventory, fingerprint) = match &settings.inventory {
            InventorySource::None => {
                check_inventory(&policy, &InventoryBackend::None).map_err(|rule| ServerError::NeedsInventory {
                    rule,
                    policy: settings.policy.display().to_string(),
                })?;
                (InventoryBackend::None, Err(String::new()))
            }
            InventorySource::Cluster(_) => {
                let inventory = InventoryBackend::Cluster(Arc::new(SharedInventory::default()));
                inventory.apply_policy(&policy, || ());
                (inventory, Err(String::new()))
            }
            InventorySource::File(path) => {
                let (file, fingerprint) = InventoryFile::open(path, &policy).map_err(ServerError::Inventory)?;
                (InventoryBackend::File(Box::new(file)), Ok(fingerprint))
            }
        };
        let client_ca = paths.client_ca.as_deref().map(read_pem).transpose()?;
        let client_auth = match (&settings.client_auth, &client_ca) {
            (Some(config), Some(bytes)) => {
                Some(ClientAuth::new(Ca::from_pem(&config.ca, bytes)?, config.names.clone()))
            }
            _ => None,
        };
        let initial = InitialState { policy, policy_sha256, inventory, certificate, client_auth, notes: loaded.notes };
        let reloader = Self {
            policy: LastRead(Ok(policy_bytes)),
            pair: pair.map(|pair| LastRead(Ok(pair))),
            client_ca: LastRead(Ok(client_ca.unwrap_or_default())),
            inventory: LastRead(fingerprint),
            warned_at: None,
            paths,
        };
        Ok((reloader, initial))
    }

    /// Runs forever. A SIGHUP during a poll starts another poll.
    pub async fn run(mut self, mut hangup: Signal, state: Arc<State>) {
        let mut ticks = tokio::time::interval(POLL_INTERVAL);
        loop {
            let is_hangup = tokio::select! {
                _ = ticks.tick() => false,
                Some(()) = hangup.recv() => true,
            };
            if is_hangup {
                self.inventory.forget();
            }
            self.poll_policy(&state);
            self.poll_pair(&state);
            self.poll_client_ca(&state);
            self.poll_inventory(&state).await;
            self.warn_of_expiry(&state);
            if is_hangup {
                tracing::info!("files read after SIGHUP");
            }
        }
    }

    fn poll_policy(&mut self, state: &State) {
        let load = |bytes: &Vec<u8>| {
            let loaded = self.paths.parse_policy(bytes).map_err(|error| error.to_string())?;
            check_inventory(&loaded.policy, &state.inventory)
                .map_err(|rule| format!("the rule {} needs an inventory: start with --inventory", rule.as_str()))?;
            Ok::<_, String>((loaded, sha256_hex(bytes)))
        };
        let Some(result) = self.policy.update(self.paths.read_policy(), load) else { return };
        state.metrics.record_policy_reload(result.is_ok());
        match result {
            Ok((loaded, sha256)) => {
                for note in &loaded.notes {
                    tracing::warn!(note = %note, "policy reloaded with a note");
                }
                let policy = Arc::new(loaded.policy);
                state.watch_scope.send_replace(WatchScope { nodes: policy.requires_nodes() });
                state.inventory.apply_policy(&policy, || state.policy.store(Arc::clone(&policy)));
                state.metrics.set_policy(&sha256);
                tracing::info!(sha256, "policy reloaded");
            }
            Err(error) => tracing::error!(error, "policy reload failed, keeping the previous one"),
        }
    }

    fn poll_pair(&mut self, state: &State) {
        let (Some(paths), Some(last)) = (&self.paths.pair, &mut self.pair) else { return };
        let load = |pair: &_| parse_pair(paths, pair);
        let Some(result) = last.update(read_pair(paths), load) else { return };
        state.metrics.record_certificate_reload(result.is_ok());
        match result {
            Ok(certificate) => {
                tracing::info!(not_after = certificate.not_after, "certificate reloaded");
                state.serve_certificate(certificate);
            }
            Err(error) => tracing::error!(error, "certificate reload failed, keeping the previous one"),
        }
    }

    fn poll_client_ca(&mut self, state: &State) {
        let (Some(path), Some(client_auth)) = (&self.paths.client_ca, &state.client_auth) else { return };
        let load = |bytes: &Vec<u8>| Ca::from_pem(path, bytes);
        let Some(result) = self.client_ca.update(read_pem(path), load) else { return };
        state.metrics.record_certificate_reload(result.is_ok());
        match result {
            Ok(ca) => {
                client_auth.replace(ca);
                tracing::info!("client CA reloaded");
            }
            Err(error) => tracing::error!(error, "client CA reload failed, keeping the previous one"),
        }
    }

    /// Logs a warning once a day in the last week of a certificate. An expired certificate is still served, and the
    /// server stays ready: kube-apiserver reports the error more clearly than a missing endpoint would.
    fn warn_of_expiry(&mut self, state: &State) {
        let Some(certificate) = &*state.certificate.load() else { return };
        let seconds_left = certificate.seconds_left();
        let is_due = self.warned_at.is_none_or(|at| at.elapsed() > EXPIRY_WARNING_INTERVAL);
        if seconds_left < EXPIRY_WARNING_WINDOW && is_due {
            self.warned_at = Some(Instant::now());
            tracing::warn!(not_after = certificate.not_after, seconds_left, "the certificate expires soon");
        }
    }

    /// Reloads a changed inventory file, on a thread of its own because it may be large.
    async fn poll_inventory(&mut self, state: &Arc<State>) {
        let InventoryBackend::File(file) = &state.inventory else { return };
        if self.inventory.update(file.fingerprint(), |_| Ok::<_, String>(())).is_none() {
            return;
        }
        let state = Arc::clone(state);
        let reload = tokio::task::spawn_blocking(move || match &state.inventory {
            InventoryBackend::File(file) => file.reload(&state.policy.load()),
            InventoryBackend::None | InventoryBackend::Cluster(_) => Ok(()),
        });
        if let Err(error) = reload.await.unwrap_or_else(|error| Err(error.to_string())) {
            tracing::error!(error, "inventory reload failed, keeping the previous one");
        }
    }
}

/// Fails with the rule that needs the cluster state if there is none.
fn check_inventory(policy: &Policy, inventory: &InventoryBackend) -> Result<(), RuleId> {
    match (inventory, policy.rules_requiring_inventory().next()) {
        (InventoryBackend::None, Some(rule)) => Err(rule),
        _ => Ok(()),
    }
}
