//! `CaBundle`: the CA certificates that a client trusts, and whether they verify a server certificate.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring;
use rustls::{CertificateError, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use thiserror::Error;

/// A set of CA certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CaBundle(BTreeSet<Vec<u8>>);

/// Why a bundle doesn't verify a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Untrusted {
    /// The bundle contains no CA certificate.
    #[error("it contains no CA certificate")]
    Empty,
    /// No CA of the bundle signed the certificate.
    #[error("it doesn't contain the CA of the serving certificate")]
    UnknownCa,
    /// The certificate is not valid for the name.
    #[error("the serving certificate is not valid for {0}")]
    Name(String),
    /// The certificate has expired.
    #[error("the serving certificate has expired")]
    Expired,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl CaBundle {
    /// The certificates of PEM text. Anything else in it is ignored, as by kube-apiserver.
    pub fn from_pem(pem: &[u8]) -> Self {
        Self(
            CertificateDer::pem_slice_iter(pem)
                .filter_map(Result::ok)
                .map(|certificate| certificate.to_vec())
                .collect(),
        )
    }

    /// The certificates.
    pub fn certificates(&self) -> impl Iterator<Item = CertificateDer<'_>> {
        self.0.iter().map(|der| CertificateDer::from_slice(der))
    }

    /// Whether the bundle contains a certificate.
    pub fn contains(&self, certificate: &CertificateDer<'_>) -> bool {
        self.0.contains(&certificate[..])
    }

    /// The certificates, in PEM, in a fixed order.
    pub fn pem(&self) -> String {
        self.certificates().map(|certificate| pem(&certificate)).collect()
    }

    /// Whether a client that trusts this bundle accepts a server certificate for a name, at a time in seconds since
    /// 1970.
    pub fn verify(&self, certificate: &CertificateDer<'_>, name: &str, now: i64) -> Result<(), Untrusted> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.certificates());
        if roots.is_empty() {
            return Err(Untrusted::Empty);
        }
        let other = |error: &dyn std::fmt::Display| Untrusted::Other(error.to_string());
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| other(&error))?;
        let server_name = ServerName::try_from(name.to_owned()).map_err(|error| other(&error))?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now).unwrap_or_default()));
        match verifier.verify_server_cert(certificate, &[], &server_name, &[], now) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            )) => Err(Untrusted::UnknownCa),
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Err(Untrusted::Name(name.to_owned())),
            Err(rustls::Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            )) => Err(Untrusted::Expired),
            Err(error) => Err(other(&error)),
        }
    }
}

impl<'a> FromIterator<CertificateDer<'a>> for CaBundle {
    fn from_iter<I: IntoIterator<Item = CertificateDer<'a>>>(certificates: I) -> Self {
        Self(certificates.into_iter().map(|certificate| certificate.to_vec()).collect())
    }
}

/// A certificate in PEM.
pub(super) fn pem(certificate: &CertificateDer<'_>) -> String {
    let encoded = STANDARD.encode(certificate);
    let lines = encoded.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned() + "\n");
    format!("-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n", lines.collect::<String>())
}
