//! The webhook server: HTTPS for kube-apiserver, plain HTTP for health and metrics.

mod background;
mod connection;
mod error;
mod http;
mod inventory_backend;
mod managed_tls;
mod metrics;
mod page_cache;
mod rate_limiter;
mod report_cache;
mod settings;
mod state;
mod tls;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use actix_server::{Server as HttpServer, ServerBuilder};
use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::Diagnostic;
use crate::k8s::{self, WatchConfig, WatchScope};
use crate::pki::ServerNames;

use background::overlap_monitor;
use background::reload::Reloader;
use background::shutdown::Signals;
use background::tasks::Tasks;
use connection::listener::{connection_limits, listen};
use connection::pool::ConnectionPool;
pub use error::ServerError;
use http::body_memory::BodyMemoryLimit;
use http::routes;
use inventory_backend::InventoryBackend;
use managed_tls::manager::Manager;
pub use managed_tls::settings::{Lifetimes, ManagedTls};
use managed_tls::status::ManagedTlsStatus;
use metrics::Metrics;
use page_cache::PageCache;
use report_cache::ReportCache;
pub use settings::{ClientAuthConfig, InventorySource, Settings, TlsSource};
use state::State;
pub use tls::error::TlsError;
pub use tls::server_config::MinTlsVersion;
use tls::server_config::server_config;

/// How long requests in flight may take after the drain delay, in seconds.
const SHUTDOWN_TIMEOUT_SECONDS: u64 = 20;
/// Longer than the 90 s for which kube-apiserver keeps an idle connection, so that the server never closes a
/// connection on which a request is being sent.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a client of the health port may keep an idle connection.
const HEALTH_KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The webhook server.
pub struct Server;

/// A server that has bound its ports and doesn't serve yet.
pub struct Bound {
    state: Arc<State>,
    reloader: Reloader,
    webhook: TcpListener,
    health: TcpListener,
    policy: PathBuf,
    inventory: InventorySource,
    tls: TlsSource,
    min_tls_version: MinTlsVersion,
    drain_delay: Duration,
    /// Notes for the author of the policy.
    pub notes: Vec<Diagnostic>,
}

impl Server {
    /// Loads policy and certificate and binds both ports. Port 0 binds a free one.
    ///
    /// # Errors
    /// If a file is missing or invalid, or a port can't be bound. Then no port stays bound.
    pub fn bind(settings: &Settings) -> Result<Bound, ServerError> {
        let (reloader, initial) = Reloader::start(settings)?;
        let webhook = bind(settings.listen, "--listen")?;
        let health = bind(settings.health_listen, "--health-listen")?;
        let (webhook_limit, health_limit) = connection_limits();
        let is_authenticated = settings.client_auth.is_some();
        let metrics = Metrics::new();
        metrics.set_policy(&initial.policy_sha256);
        if let Some(certificate) = &initial.certificate {
            metrics.set_certificate(certificate.not_after);
        }
        let state = State {
            watch_scope: watch::Sender::new(WatchScope { nodes: initial.policy.requires_nodes() }),
            policy: ArcSwap::from_pointee(initial.policy),
            inventory: initial.inventory,
            reports: ReportCache::default(),
            page: PageCache::default(),
            certificate: Arc::new(ArcSwapOption::from_pointee(initial.certificate)),
            managed_tls: matches!(settings.tls, TlsSource::Managed(_)).then(Arc::<ManagedTlsStatus>::default),
            client_auth: initial.client_auth.map(Arc::new),
            webhook_connections: Arc::new(ConnectionPool::new("webhook", webhook_limit, is_authenticated)),
            health_connections: Arc::new(ConnectionPool::new("health", health_limit, false)),
            body_memory: BodyMemoryLimit::default(),
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
            tls: settings.tls.clone(),
            min_tls_version: settings.min_tls_version,
            drain_delay: settings.drain_delay,
            notes: initial.notes,
        })
    }
}

impl Bound {
    /// The address of the webhook.
    ///
    /// # Errors
    /// If the operating system doesn't return it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.webhook.local_addr()
    }

    /// The address of health and metrics.
    ///
    /// # Errors
    /// If the operating system doesn't return it.
    pub fn health_addr(&self) -> io::Result<SocketAddr> {
        self.health.local_addr()
    }

    /// Serves until SIGTERM (finishes requests in flight) or SIGINT (drops them).
    ///
    /// # Errors
    /// If the cluster can't be reached, or an HTTP server can't start or fails.
    pub fn run(self) -> Result<(), ServerError> {
        actix_web::rt::System::new().block_on(self.serve())
    }

    async fn serve(self) -> Result<(), ServerError> {
        // Before `serving` is logged: from then on signals may arrive.
        let signals = Signals::listen()?;
        let hangup = signal(SignalKind::hangup())?;
        self.watch_cluster().await?;
        self.manage_certificates().await?;
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
        state.tasks.spawn("file-reloader", self.reloader.run(hangup, Arc::clone(&state)));
        state.tasks.spawn("overlap-monitor", overlap_monitor::run(Arc::clone(&state)));
        let handles = [webhook.handle(), health.handle()];
        let stopping = actix_web::rt::spawn(signals.stop(Arc::clone(&state), handles, self.drain_delay));
        let ended = futures_util::future::try_join(webhook, health).await;
        stopping.abort();
        state.tasks.abort();
        ended?;
        tracing::info!("stopped");
        Ok(())
    }

    /// Starts to watch the cluster, if it is the source of the inventory.
    async fn watch_cluster(&self) -> Result<(), ServerError> {
        if let (InventorySource::Cluster(source), InventoryBackend::Cluster(live)) =
            (&self.inventory, &self.state.inventory)
        {
            let client = k8s::connect(source).await?;
            let watch = k8s::run(client, Arc::clone(live), self.state.watch_scope.subscribe(), WatchConfig::default());
            self.state.tasks.spawn("cluster-watch", async move { match watch.await {} });
        }
        Ok(())
    }

    /// Starts to manage the certificate, if it is not in files.
    async fn manage_certificates(&self) -> Result<(), ServerError> {
        if let (TlsSource::Managed(managed), Some(status)) = (&self.tls, &self.state.managed_tls) {
            let names =
                ServerNames::from_texts(&managed.names).map_err(|error| ServerError::Name(error.to_string()))?;
            let client = k8s::connect(&managed.source).await?;
            let settings = managed.as_ref().clone();
            let manager = Manager::new(&client, settings, names, Arc::clone(status), Arc::clone(&self.state));
            self.state.tasks.spawn("certificate-manager", async move { match manager.run().await {} });
        }
        Ok(())
    }

    fn webhook_server(&self) -> Result<HttpServer, ServerError> {
        let state = Arc::clone(&self.state);
        let config = server_config(&state.certificate, self.min_tls_version, state.client_auth.as_ref())?;
        let (config, pool) = (Arc::new(config), Arc::clone(&state.webhook_connections));
        let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let builder = server_builder(workers, &pool);
        let shutdown = builder.graceful_shutdown_signal();
        let factory = move || {
            let http = http::service(&state, routes::webhook, KEEP_ALIVE_TIMEOUT, shutdown.clone());
            connection::service::tls(Arc::clone(&pool), Arc::clone(&config), http)
        };
        Ok(builder.listen("webhook", self.webhook.try_clone()?, factory)?.run())
    }

    fn health_server(&self) -> Result<HttpServer, ServerError> {
        let state = Arc::clone(&self.state);
        let pool = Arc::clone(&state.health_connections);
        let builder = server_builder(1, &pool);
        let shutdown = builder.graceful_shutdown_signal();
        let factory = move || {
            let http = http::service(&state, routes::health, HEALTH_KEEP_ALIVE_TIMEOUT, shutdown.clone());
            connection::service::plain(Arc::clone(&pool), http)
        };
        Ok(builder.listen("health", self.health.try_clone()?, factory)?.run())
    }
}

/// A server whose connections the pool limits. Its own limit only bounds those that wait for a busy thread.
fn server_builder(workers: usize, pool: &ConnectionPool) -> ServerBuilder {
    actix_server::Server::build()
        .disable_signals()
        .workers(workers)
        .max_concurrent_connections(pool.limit())
        .shutdown_timeout(SHUTDOWN_TIMEOUT_SECONDS)
}

fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener, ServerError> {
    listen(address).map_err(|error| ServerError::Listen { address, flag, error })
}
