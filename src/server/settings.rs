//! `Settings`: what the server serves and where, as the command line configures it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::k8s;

use super::managed_tls::settings::ManagedTls;
use super::tls::server_config::MinTlsVersion;

/// What to serve and where.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The policy file.
    pub policy: PathBuf,
    /// The source of the serving certificate.
    pub tls: TlsSource,
    /// The source of the cluster state.
    pub inventory: InventorySource,
    /// The address of the webhook, HTTPS.
    pub listen: SocketAddr,
    /// The address of health, metrics and reports, plain HTTP.
    pub health_listen: SocketAddr,
    /// Which clients may send reviews; `None` accepts any client.
    pub client_auth: Option<ClientAuthConfig>,
    /// The oldest TLS version that is accepted.
    pub min_tls_version: MinTlsVersion,
    /// How long the server keeps serving after SIGTERM before it closes its ports.
    pub drain_delay: Duration,
}

/// The source of the serving certificate.
#[derive(Clone, Debug)]
pub enum TlsSource {
    /// Files, which are reloaded when they change.
    Files {
        /// The certificate chain, PEM, leaf first.
        cert: PathBuf,
        /// The private key of the certificate, PEM.
        key: PathBuf,
    },
    /// The server itself, with a CA in a Secret.
    Managed(Box<ManagedTls>),
}

/// Which clients may send reviews.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAuthConfig {
    /// The file of the CA certificates, PEM, that a client's certificate must be signed by.
    pub ca: PathBuf,
    /// A client's certificate must have one of these as its common name or a DNS name. Empty: any name.
    pub names: Vec<String>,
}

/// The source of the cluster state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InventorySource {
    /// No source: rules that need the cluster state can't be used.
    None,
    /// A file as `kubectl get servicecidrs,ipaddresses -o json` prints it.
    File(PathBuf),
    /// The API server of a cluster.
    Cluster(k8s::Source),
}
