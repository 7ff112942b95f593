//! `Manager`: the loop that observes both objects and puts them right.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::time::{sleep, timeout};

use crate::k8s::{NamedObject, ObjectError, Observed, PatchType, WatchConfig};
use crate::pki::{CaBundle, ServerNames, unix_now};
use crate::server::state::State;

use super::ca_set::CaSet;
use super::leaf::Leaf;
use super::objects::{Configuration, Objects, Secret, Webhook};
use super::plan::{Observation, Plan, SecretChange, plan};
use super::reporter::Reporter;
use super::settings::ManagedTls;
use super::status::{ManagedObject, ManagedTlsStatus};

/// The path of ValidatingWebhookConfigurations.
const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
/// Timeouts and backoff: a failed request is tried again after at most five seconds.
const REQUESTS: WatchConfig = WatchConfig {
    backoff_initial: Duration::from_millis(500),
    backoff_max: Duration::from_secs(5),
    stable_after: Duration::from_secs(5),
    watch: Duration::from_secs(45),
    idle_timeout: Duration::from_secs(60),
    response_timeout: Duration::from_secs(5),
    page_timeout: Duration::from_secs(10),
    page_size: 1,
};
/// The backoff after a conflict with another writer.
const CONFLICTS: WatchConfig = WatchConfig { backoff_initial: Duration::from_millis(100), ..REQUESTS };
/// The longest time between two rounds.
const MAX_INTERVAL: Duration = Duration::from_secs(30);
/// The shortest time between two rounds without a write.
const MIN_INTERVAL: Duration = Duration::from_millis(20);

/// Keeps the CA, the certificate of this replica and the `caBundle` right.
pub(in crate::server) struct Manager {
    secret: NamedObject,
    configuration: NamedObject,
    settings: ManagedTls,
    names: ServerNames,
    /// The common name of the CAs of this installation.
    common_name: String,
    state: Arc<State>,
    reporter: Reporter,
}

/// What this replica remembers between two rounds.
#[derive(Default)]
struct Memory {
    /// The last usable CAs of the Secret.
    set: Option<CaSet>,
    /// The served certificate.
    leaf: Option<Leaf>,
    /// The bundle that this replica saw in place. If it is missing later, somebody else changed it.
    confirmed_bundle: Option<CaBundle>,
}

/// The latest state of both objects, to which the watches and the writes send.
struct Latest {
    secret: Sender<Observed<Secret>>,
    configuration: Sender<Observed<Configuration>>,
}

/// The result of a round.
enum Round {
    /// Nothing was to be written. Something is due at this time, in seconds since 1970.
    Unchanged(Option<i64>),
    /// An object was written.
    Written,
    /// Another writer was faster.
    Conflict,
    /// A request failed.
    Failed,
}

impl Manager {
    pub fn new(
        client: &Client,
        settings: ManagedTls,
        names: ServerNames,
        status: Arc<ManagedTlsStatus>,
        state: Arc<State>,
    ) -> Self {
        let object = |path: &str, name: &str| NamedObject {
            client: client.clone(),
            path: path.to_owned(),
            name: name.to_owned(),
            config: REQUESTS,
        };
        Self {
            secret: object(&format!("/api/v1/namespaces/{}/secrets", settings.namespace), &settings.secret),
            configuration: object(CONFIGURATIONS, &settings.configuration),
            common_name: format!("{}/{}", settings.namespace, settings.secret),
            reporter: Reporter::new(&settings, status),
            settings,
            names,
            state,
        }
    }

    /// Runs until it is cancelled.
    pub async fn run(self) -> Infallible {
        let (secret, seen_secret) = channel(Observed::Unread);
        let (configuration, seen_configuration) = channel(Observed::Unread);
        let latest = Latest { secret, configuration };
        let reporter = &self.reporter;
        let failed = |object| move |error: &ObjectError| reporter.request_failed(object, "read", error);
        let (never, ..) = tokio::join!(
            self.manage(&latest, seen_secret, seen_configuration),
            self.secret.follow(&latest.secret, failed(ManagedObject::Secret)),
            self.configuration.follow(&latest.configuration, failed(ManagedObject::Configuration)),
        );
        never
    }

    async fn manage(
        &self,
        latest: &Latest,
        mut seen_secret: Receiver<Observed<Secret>>,
        mut seen_configuration: Receiver<Observed<Configuration>>,
    ) -> Infallible {
        let (mut memory, mut failures) = (Memory::default(), 0);
        loop {
            let objects = Objects {
                secret: seen_secret.borrow_and_update().clone(),
                configuration: seen_configuration.borrow_and_update().clone(),
            };
            let round = self.round(objects, &mut memory, latest).await;
            failures = if matches!(round, Round::Conflict | Round::Failed) { failures + 1 } else { 0 };
            match round {
                Round::Written => {}
                Round::Conflict => sleep(CONFLICTS.random_pause(failures, None)).await,
                Round::Failed => sleep(REQUESTS.random_pause(failures, None)).await,
                Round::Unchanged(due) => {
                    let changed = async {
                        tokio::select! {
                            _ = seen_secret.changed() => {}
                            _ = seen_configuration.changed() => {}
                        }
                    };
                    let _ = timeout(until(due), changed).await;
                }
            }
        }
    }

    /// Serves a current certificate, and writes at most one object that doesn't contain what it should.
    async fn round(&self, observed: Objects, memory: &mut Memory, latest: &Latest) -> Round {
        let now = unix_now();
        let Ok(decided) = self.decide(&observed, memory, now) else { return Round::Failed };
        if decided.secret.is_none() && decided.set.is_some() {
            memory.set.clone_from(&decided.set);
        }
        let renew_after = self.renew(memory, observed.webhooks(), now);
        self.reporter.report(&observed, &self.common_name, memory.leaf.as_ref(), now);
        if decided.secret.is_none() && !decided.is_bundle_wrong {
            if let (Some(set), Observed::Present(_)) = (decided.set, &observed.configuration) {
                memory.confirmed_bundle = Some(set.bundle());
            }
            return Round::Unchanged(earliest(decided.due, renew_after, now));
        }
        // The watches may be late.
        let Ok(objects) = self.read(latest).await else { return Round::Failed };
        let Ok(Plan { set, secret: change, is_bundle_wrong, due }) = self.decide(&objects, memory, now) else {
            return Round::Failed;
        };
        match (change, set, &objects) {
            (Some(change), Some(set), Objects { secret: Observed::Present(secret), .. }) => {
                self.write_secret(change, set, secret, memory, latest).await
            }
            (None, Some(set), Objects { configuration: Observed::Present(configuration), .. }) if is_bundle_wrong => {
                self.write_bundle(set.bundle(), configuration, memory, latest).await
            }
            _ => Round::Unchanged(earliest(due, renew_after, now)),
        }
    }

    /// The plan for these objects.
    fn decide(&self, objects: &Objects, memory: &Memory, now: i64) -> Result<Plan, ()> {
        let set = objects.ca_set(&self.common_name);
        let bundles = objects.bundles();
        let observation = Observation {
            secret: set.as_ref().map(Result::as_ref),
            rotation: objects.rotation(),
            bundles: bundles.as_deref(),
            memory: memory.set.as_ref(),
            now,
        };
        plan(&self.common_name, &self.settings.lifetimes, &observation)
            .map_err(|error| tracing::error!(%error, "a CA can't be created"))
    }

    /// Reads both objects. The configuration is first: if it contains a change of another replica, then the Secret,
    /// which is read after it, contains the reason for that change.
    async fn read(&self, latest: &Latest) -> Result<Objects, ()> {
        let failed = |object| move |error| self.reporter.request_failed(object, "read", &error);
        let configuration = self.configuration.get().await.map_err(failed(ManagedObject::Configuration))?;
        let secret = self.secret.get().await.map_err(failed(ManagedObject::Secret))?;
        let objects = Objects {
            secret: secret.map_or(Observed::Missing, Observed::Present),
            configuration: configuration.map_or(Observed::Missing, Observed::Present),
        };
        latest.secret.send_replace(objects.secret.clone());
        latest.configuration.send_replace(objects.configuration.clone());
        Ok(objects)
    }

    async fn write_secret(
        &self,
        change: SecretChange,
        set: CaSet,
        secret: &Secret,
        memory: &mut Memory,
        latest: &Latest,
    ) -> Round {
        match self.secret.patch(PatchType::Merge, &secret.patch(&set)).await {
            Ok(written) => {
                self.reporter.secret_written(change, secret);
                memory.set = Some(set);
                latest.secret.send_replace(Observed::Present(written));
                Round::Written
            }
            Err(error) => self.write_failed(ManagedObject::Secret, &error),
        }
    }

    async fn write_bundle(
        &self,
        bundle: CaBundle,
        configuration: &Configuration,
        memory: &mut Memory,
        latest: &Latest,
    ) -> Round {
        match self.configuration.patch(PatchType::Strategic, &configuration.patch(&bundle)).await {
            Ok(written) => {
                let is_repair = memory.confirmed_bundle.as_ref() == Some(&bundle);
                self.reporter.bundle_written(is_repair, configuration);
                memory.confirmed_bundle = Some(bundle);
                latest.configuration.send_replace(Observed::Present(written));
                Round::Written
            }
            Err(error) => self.write_failed(ManagedObject::Configuration, &error),
        }
    }

    fn write_failed(&self, object: ManagedObject, error: &ObjectError) -> Round {
        if error.is_conflict {
            return Round::Conflict;
        }
        self.reporter.write_failed(object, error);
        Round::Failed
    }

    /// Signs a new certificate if it is time, and serves it if kube-apiserver accepts it, or doesn't accept the current
    /// one either. Returns when the served certificate is to be renewed.
    fn renew(&self, memory: &mut Memory, webhooks: &[Webhook], now: i64) -> Option<i64> {
        let set = memory.set.as_ref()?;
        if memory.leaf.as_ref().is_none_or(|leaf| leaf.is_outdated(set, now)) {
            match Leaf::issue(set, &self.names, &self.settings.lifetimes, now) {
                Ok((leaf, certificate)) => {
                    let is_better = leaf.verify(webhooks, now).is_ok()
                        || memory.leaf.as_ref().is_none_or(|current| current.verify(webhooks, now).is_err());
                    if is_better {
                        self.reporter.certificate_signed(&certificate);
                        self.state.serve_certificate(certificate);
                        memory.leaf = Some(leaf);
                    }
                }
                Err(error) => tracing::error!(%error, "a certificate can't be signed"),
            }
        }
        let renew_after = memory.leaf.as_ref().map(|leaf| leaf.renew_after);
        self.reporter.set_times(set.current.validity.not_after, renew_after);
        renew_after
    }
}

/// The earliest time that is not past.
fn earliest(left: Option<i64>, right: Option<i64>, now: i64) -> Option<i64> {
    left.into_iter().chain(right).filter(|due| *due > now).min()
}

/// How long to wait until a time, in seconds since 1970, if nothing changes before.
fn until(due: Option<i64>) -> Duration {
    let seconds = due.map(|due| u64::try_from(due - unix_now()).unwrap_or_default());
    seconds.map_or(MAX_INTERVAL, Duration::from_secs).clamp(MIN_INTERVAL, MAX_INTERVAL)
}
