//! The serving certificate: read whole or not at all, and swapped while connections live on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::client_auth::ClientAuth;

/// A certificate chain with its key, ready to serve.
#[derive(Debug)]
pub(crate) struct Certificate {
    key: Arc<CertifiedKey>,
    /// When the leaf expires, in seconds since 1970.
    pub not_after: i64,
}

/// Why a certificate and key can't be served.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file holds no PEM of the kind that is needed.
    #[error("{}: no {wanted} in it: {problem}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// `certificate` or `private key`.
        wanted: &'static str,
        /// What the PEM reader says.
        problem: String,
    },
    /// The key is of a kind that can't sign, or isn't the certificate's.
    #[error("{} and {}: {problem}", cert.display(), key.display())]
    Pair {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The certificate is of no use any more.
    #[error("{}: the certificate expired {seconds} s ago", cert.display())]
    Expired {
        /// The certificate file.
        cert: PathBuf,
        /// How long ago, in seconds.
        seconds: i64,
    },
    /// TLS itself can't be set up.
    #[error("TLS: {0}")]
    Setup(#[from] rustls::Error),
}

/// The oldest TLS version that is spoken. rustls has no older one than 1.2, and AEAD ciphers alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinTlsVersion {
    /// The oldest that kube-apiserver speaks.
    #[default]
    V1_2,
    /// The newest.
    V1_3,
}

impl Certificate {
    /// A chain and its key from the bytes of the two files at these paths.
    pub fn from_pem(cert: (&Path, &[u8]), key: (&Path, &[u8])) -> Result<Self, TlsError> {
        let not_pem = |path: &Path, wanted, problem: String| TlsError::Pem { path: path.to_owned(), wanted, problem };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(cert.1)
            .collect::<Result<_, _>>()
            .map_err(|error| not_pem(cert.0, "certificate", error.to_string()))?;
        let leaf = chain.first().ok_or_else(|| not_pem(cert.0, "certificate", "no PEM block".to_owned()))?;
        let (_, parsed) =
            X509Certificate::from_der(leaf).map_err(|error| not_pem(cert.0, "certificate", error.to_string()))?;
        let not_after = parsed.validity().not_after.timestamp();
        let private_key =
            PrivateKeyDer::from_pem_slice(key.1).map_err(|error| not_pem(key.0, "private key", error.to_string()))?;
        let not_a_pair = |problem: String| TlsError::Pair { cert: cert.0.to_owned(), key: key.0.to_owned(), problem };
        let signer = provider().key_provider.load_private_key(private_key).map_err(|_| {
            not_a_pair(
                "the key is of a kind that can't be served: use RSA, ECDSA P-256, ECDSA P-384 or Ed25519".to_owned(),
            )
        })?;
        let certified = CertifiedKey::new(chain, signer);
        certified.keys_match().map_err(|_| not_a_pair("the key is not that of the certificate".to_owned()))?;
        Ok(Self { key: Arc::new(certified), not_after })
    }
}

/// The time by the clock that certificates go by, in seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A TLS configuration that serves whatever certificate is in force when a connection begins.
pub(super) fn server_config(
    certificate: &Arc<ArcSwap<Certificate>>,
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
    let mut config = builder.with_cert_resolver(Arc::new(Current { certificate: Arc::clone(certificate) }));
    if client_auth.is_some() {
        // A session that is taken up again would outlive the judgement of who may ask.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
    }
    // kube-apiserver speaks HTTP/1.1 to webhooks.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Named wherever one is needed, so that no other dependency's choice can stand in for it.
pub(super) fn provider() -> CryptoProvider {
    ring::default_provider()
}

#[derive(Debug)]
struct Current {
    certificate: Arc<ArcSwap<Certificate>>,
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.certificate.load().key))
    }
}
