//! The webhook server: HTTPS for kube-apiserver, plain HTTP for health and metrics.

mod admission;
mod body;
mod budget;
mod client_auth;
mod guard;
mod health;
mod knowledge;
mod metrics;
mod overlaps;
mod page;
mod reload;
mod report;
mod routes;
mod shutdown;
mod tasks;
mod tls;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use actix_web::App;
use actix_web::dev::Server as HttpServer;
use actix_web::middleware::from_fn;
use arc_swap::ArcSwap;
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::{ConfigError, Diagnostic};
use crate::k8s::{self, ClientError, WatchConfig, WatchScope};
use crate::policy::{Policy, RuleId};

use budget::Budget;
use client_auth::ClientAuth;
use guard::{Connections, MAX_CONNECTIONS, guarded};
use knowledge::Knowledge;
use metrics::Metrics;
use reload::Reloader;
use report::Reports;
use shutdown::Signals;
use tasks::Tasks;
use tls::Certificate;
pub use tls::{MinTlsVersion, TlsError};

/// How long requests in flight may take after SIGTERM, in seconds.
const SHUTDOWN_SECONDS: u64 = 20;
/// Longer than the 90 s for which kube-apiserver keeps an idle connection, so that it is never the
/// server that hangs up while a request is under way.
const KEEP_ALIVE: Duration = Duration::from_secs(120);
/// How long the head of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How many connections are accepted, those included that are to be told to come again. More wait in the
/// kernel, where they cost nothing (docs/decisions/0008-overload-waits-in-the-kernel.md).
const ACCEPTED: usize = MAX_CONNECTIONS + 256;
/// How many TLS handshakes a thread has under way: a review on an open connection waits behind them.
const HANDSHAKES: usize = 64;

/// What to serve and where.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The policy file.
    pub policy: PathBuf,
    /// The certificate chain, PEM, leaf first.
    pub tls_cert: PathBuf,
    /// Its private key, PEM.
    pub tls_key: PathBuf,
    /// Where what the cluster holds is read.
    pub inventory: InventorySource,
    /// Where AdmissionReviews are answered, over TLS.
    pub listen: SocketAddr,
    /// Where health and metrics are answered, in plain HTTP.
    pub health_listen: SocketAddr,
    /// Who may ask; anybody, where it isn't said.
    pub clients: Option<Clients>,
    /// The oldest TLS version that is spoken.
    pub min_tls_version: MinTlsVersion,
    /// For how long requests are answered after SIGTERM before the ports are closed.
    pub drain_delay: Duration,
}

/// Who may ask for verdicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// The CA certificates, PEM, that a client's certificate must be signed by.
    pub ca: PathBuf,
    /// Names of which it must have one, as its common name or a DNS name; any is good if there are none.
    pub names: Vec<String>,
}

/// Where what the cluster holds is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InventorySource {
    /// Nowhere.
    None,
    /// A file as `kubectl get servicecidrs,ipaddresses -o json` prints it.
    File(PathBuf),
    /// The API server of a cluster.
    Cluster(k8s::Source),
}

/// Why the server can't start, or had to end.
#[derive(Debug, Error)]
pub enum ServerError {
    /// There is no policy.
    #[error(transparent)]
    Policy(#[from] ConfigError),
    /// There is no certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A rule can't judge without an inventory.
    #[error("the rule {} of {policy} judges by what the cluster holds, and no inventory is kept", .rule.as_str())]
    NeedsInventory {
        /// The rule.
        rule: RuleId,
        /// The policy file.
        policy: String,
    },
    /// The cluster can't be followed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The inventory can't be read.
    #[error("--inventory {0}")]
    Inventory(String),
    /// An address can't be listened on.
    #[error("can't listen on {address} ({flag}): {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The flag that names it.
        flag: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// The server ended on its own.
    #[error("server: {0}")]
    Run(#[from] io::Error),
}

/// What requests are answered with. Swapped as a whole when a file changes.
pub(crate) struct State {
    policy: ArcSwap<Policy>,
    knowledge: Knowledge,
    reports: Reports,
    page: page::Page,
    /// What the policy asks to be followed beside ServiceCIDRs and IPAddresses.
    wanted: watch::Sender<WatchScope>,
    certificate: Arc<ArcSwap<Certificate>>,
    client_auth: Option<Arc<ClientAuth>>,
    budget: Budget,
    tasks: Tasks,
    is_draining: AtomicBool,
    metrics: Metrics,
}

impl State {
    /// From now on, not ready, and every answer ends its connection.
    fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }
}

/// The webhook server.
pub struct Server;

/// A server that listens: its ports are taken, nothing is answered yet.
pub struct Bound {
    state: Arc<State>,
    reloader: Reloader,
    webhook: TcpListener,
    health: TcpListener,
    policy: PathBuf,
    inventory: InventorySource,
    min_tls_version: MinTlsVersion,
    drain_delay: Duration,
    /// What the author of the policy should know.
    pub notes: Vec<Diagnostic>,
}

impl Server {
    /// Reads policy and certificate and takes both ports. Port 0 takes a free one.
    ///
    /// # Errors
    /// If a file is missing or bad, or a port can't be had. Then nothing listens.
    pub fn bind(settings: &Settings) -> Result<Bound, ServerError> {
        let (reloader, first) = Reloader::start(settings)?;
        let webhook = listen(settings.listen, "--listen")?;
        let health = listen(settings.health_listen, "--health-listen")?;
        let metrics = Metrics::new();
        metrics.policy_in_force(&first.policy_digest);
        metrics.certificate_in_force(first.certificate.not_after);
        let state = State {
            wanted: watch::Sender::new(WatchScope { nodes: first.policy.requires_nodes() }),
            policy: ArcSwap::from_pointee(first.policy),
            knowledge: first.knowledge,
            reports: Reports::default(),
            page: page::Page::default(),
            certificate: Arc::new(ArcSwap::from_pointee(first.certificate)),
            client_auth: first.client_auth.map(Arc::new),
            budget: Budget::default(),
            tasks: Tasks::default(),
            is_draining: AtomicBool::new(false),
            metrics,
        };
        let (policy, inventory) = (settings.policy.clone(), settings.inventory.clone());
        Ok(Bound {
            state: Arc::new(state),
            reloader,
            webhook,
            health,
            policy,
            inventory,
            min_tls_version: settings.min_tls_version,
            drain_delay: settings.drain_delay,
            notes: first.notes,
        })
    }
}

impl Bound {
    /// Where AdmissionReviews will be answered.
    ///
    /// # Errors
    /// If the system won't say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.webhook.local_addr()
    }

    /// Where health and metrics will be answered.
    ///
    /// # Errors
    /// If the system won't say.
    pub fn health_addr(&self) -> io::Result<SocketAddr> {
        self.health.local_addr()
    }

    /// Serves until SIGTERM (requests in flight are answered) or SIGINT (they are not).
    ///
    /// # Errors
    /// If a server can't start or ends on its own.
    pub fn run(self) -> Result<(), ServerError> {
        actix_web::rt::System::new().block_on(self.serve())
    }

    async fn serve(self) -> Result<(), ServerError> {
        // Before it says that it serves: from then on it may be told to end, or to read its files.
        let signals = Signals::listen()?;
        let hangup = signal(SignalKind::hangup())?;
        self.follow().await?;
        let webhook = self.webhook_server()?;
        let health = self.health_server()?;
        tracing::info!(
            listen = %self.local_addr()?,
            health_listen = %self.health_addr()?,
            policy = %self.policy.display(),
            version = env!("CARGO_PKG_VERSION"),
            "serving"
        );
        let state = self.state;
        state.tasks.spawn("the reading of changed files", self.reloader.run(hangup, Arc::clone(&state)));
        state.tasks.spawn("the watch for overlaps", overlaps::tell(Arc::clone(&state)));
        let handles = [webhook.handle(), health.handle()];
        let stopping = actix_web::rt::spawn(signals.stop(Arc::clone(&state), handles, self.drain_delay));
        let ended = futures_util::future::try_join(webhook, health).await;
        stopping.abort();
        state.tasks.abort();
        ended?;
        tracing::info!("stopped");
        Ok(())
    }

    /// Follows the cluster, if that is where the inventory comes from.
    async fn follow(&self) -> Result<(), ServerError> {
        if let (InventorySource::Cluster(source), Knowledge::Cluster(live)) = (&self.inventory, &self.state.knowledge) {
            let client = k8s::connect(source).await?;
            let following = k8s::run(client, Arc::clone(live), self.state.wanted.subscribe(), WatchConfig::default());
            self.state.tasks.spawn("the watch of the cluster", async move { match following.await {} });
        }
        Ok(())
    }

    fn webhook_server(&self) -> Result<HttpServer, ServerError> {
        let state = Arc::clone(&self.state);
        let connections = Connections::default();
        let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let config =
            tls::server_config(&self.state.certificate, self.min_tls_version, self.state.client_auth.as_ref())?;
        let server = actix_web::HttpServer::new(move || {
            App::new().wrap(from_fn(guarded)).configure(|app| routes::webhook(app, &state))
        })
        .disable_signals()
        .workers(workers)
        .max_connections(ACCEPTED.div_ceil(workers))
        .max_connection_rate(HANDSHAKES)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        // A connection that is to end ends: actix would read on for as long as its client sends, and do
        // nothing else on that thread (docs/decisions/0007-a-refused-body-is-cut-off.md).
        .client_disconnect_timeout(Duration::ZERO)
        .tls_handshake_timeout(HANDSHAKE_TIMEOUT)
        .on_connect(move |stream, extensions| connections.open(stream, extensions))
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .listen_rustls_0_23(self.webhook.try_clone()?, config)?;
        Ok(server.run())
    }

    fn health_server(&self) -> Result<HttpServer, ServerError> {
        let state = Arc::clone(&self.state);
        let server = actix_web::HttpServer::new(move || {
            App::new().wrap(from_fn(guarded)).configure(|app| routes::health(app, &state))
        })
        .disable_signals()
        .workers(1)
        .client_request_timeout(HEAD_TIMEOUT)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .listen(self.health.try_clone()?)?;
        Ok(server.run())
    }
}

fn listen(address: SocketAddr, flag: &'static str) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|error| ServerError::Listen { address, flag, error })
}
