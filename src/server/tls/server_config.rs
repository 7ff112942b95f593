//! `server_config`: TLS with a certificate that can be swapped while connections live on.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::certificate::Certificate;
use super::client_auth::ClientAuth;
use super::error::TlsError;
use super::provider::provider;
use super::resolver::ReloadingCertResolver;

/// The oldest TLS version that is accepted. rustls supports none before 1.2, and AEAD ciphers only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinTlsVersion {
    /// TLS 1.2, the oldest version that kube-apiserver speaks.
    #[default]
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// A TLS configuration that serves the certificate that is current when a connection begins.
pub(in crate::server) fn server_config(
    certificate: &Arc<ArcSwapOption<Certificate>>,
    min: MinTlsVersion,
    client_auth: Option<&Arc<ClientAuth>>,
) -> Result<ServerConfig, TlsError> {
    let versions: &[&SupportedProtocolVersion] = match min {
        MinTlsVersion::V1_2 => &[&TLS13, &TLS12],
        MinTlsVersion::V1_3 => &[&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::new(provider())).with_protocol_versions(versions)?;
    let builder = match client_auth {
        Some(client_auth) => builder.with_client_cert_verifier(Arc::<ClientAuth>::clone(client_auth)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(ReloadingCertResolver(Arc::clone(certificate))));
    if client_auth.is_some() {
        // A resumed session would skip the check of the client's certificate after the CA changed.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
    }
    // kube-apiserver speaks HTTP/1.1 to webhooks.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
