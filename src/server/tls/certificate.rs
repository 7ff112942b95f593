//! The serving certificate: loaded with its key or not at all.

use std::path::Path;
use std::sync::Arc;

use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::pki::unix_now;

use super::error::TlsError;
use super::provider::provider;

/// A certificate chain with its key, ready to serve.
#[derive(Debug)]
pub(in crate::server) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// When the leaf expires, in seconds since 1970.
    pub not_after: i64,
}

impl Certificate {
    /// A chain and its key from the bytes of the two files at these paths.
    pub fn from_pem(cert: (&Path, &[u8]), key: (&Path, &[u8])) -> Result<Self, TlsError> {
        let not_pem =
            |path: &Path, expected, problem: String| TlsError::Pem { path: path.to_owned(), expected, problem };
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

    /// A chain and its key that this program created.
    pub fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        not_after: i64,
    ) -> Result<Self, TlsError> {
        let signer = provider().key_provider.load_private_key(key)?;
        Ok(Self { key: Arc::new(CertifiedKey::new(chain, signer)), not_after })
    }

    /// Seconds until the leaf expires by the wall clock, negative once it has expired.
    pub fn seconds_left(&self) -> i64 {
        self.not_after - unix_now()
    }
}
