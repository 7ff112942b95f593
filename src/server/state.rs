//! `State`: what handlers and background tasks share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;

use crate::k8s::WatchScope;
use crate::policy::Policy;

use super::background::tasks::Tasks;
use super::connection::pool::ConnectionPool;
use super::http::body_memory::BodyMemoryLimit;
use super::inventory_backend::InventoryBackend;
use super::managed_tls::status::ManagedTlsStatus;
use super::metrics::Metrics;
use super::page_cache::PageCache;
use super::report_cache::ReportCache;
use super::tls::certificate::Certificate;
use super::tls::client_auth::ClientAuth;

/// What handlers and background tasks share. Policy, certificate and CA are swapped as a whole when a file changes.
pub(super) struct State {
    pub policy: ArcSwap<Policy>,
    pub inventory: InventoryBackend,
    pub reports: ReportCache,
    pub page: PageCache,
    /// Which kinds the policy needs besides ServiceCIDRs and IPAddresses.
    pub watch_scope: watch::Sender<WatchScope>,
    /// The serving certificate; `None` until there is one.
    pub certificate: Arc<ArcSwapOption<Certificate>>,
    /// How far managed certificates are; `None` if the certificate is in files.
    pub managed_tls: Option<Arc<ManagedTlsStatus>>,
    pub client_auth: Option<Arc<ClientAuth>>,
    pub webhook_connections: Arc<ConnectionPool>,
    pub health_connections: Arc<ConnectionPool>,
    pub body_memory: BodyMemoryLimit,
    pub tasks: Tasks,
    pub is_draining: AtomicBool,
    pub metrics: Metrics,
}

impl State {
    /// Serves a certificate to new connections.
    pub fn serve_certificate(&self, certificate: Certificate) {
        self.metrics.set_certificate(certificate.not_after);
        self.certificate.store(Some(Arc::new(certificate)));
    }

    /// The connections of both ports.
    pub fn pools(&self) -> [&ConnectionPool; 2] {
        [&self.webhook_connections, &self.health_connections]
    }

    /// From now on `/readyz` fails and every response closes its connection.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }
}
