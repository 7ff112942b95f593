//! `ClientAuth`: with `--client-ca`, accepts only clients with a certificate signed by that CA and with one of
//! the configured names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::error::TlsError;
use super::provider::provider;

/// Verifies client certificates. A new CA applies to new connections; open ones stay.
#[derive(Debug)]
pub(in crate::server) struct ClientAuth {
    verifier: ArcSwap<Ca>,
    /// A client's certificate must have one of these as its common name or a DNS name. Empty: any name.
    names: Vec<String>,
}

/// The CA certificates that a client's certificate must be signed by.
#[derive(Debug)]
pub(in crate::server) struct Ca(Arc<dyn ClientCertVerifier>);

impl Ca {
    /// The CA certificates of a PEM file.
    pub fn from_pem(path: &Path, bytes: &[u8]) -> Result<Self, TlsError> {
        let not_pem =
            |problem: String| TlsError::Pem { path: PathBuf::from(path), expected: "CA certificate", problem };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(bytes) {
            let certificate = certificate.map_err(|error| not_pem(error.to_string()))?;
            roots.add(certificate).map_err(|error| not_pem(error.to_string()))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider()));
        verifier.build().map(Self).map_err(|error| not_pem(error.to_string()))
    }
}

impl ClientAuth {
    pub fn new(ca: Ca, names: Vec<String>) -> Self {
        Self { verifier: ArcSwap::from_pointee(ca), names }
    }

    /// Replaces the CA for new connections.
    pub fn replace(&self, ca: Ca) {
        self.verifier.store(Arc::new(ca));
    }

    fn has_name(&self, leaf: &CertificateDer<'_>) -> bool {
        let Ok((_, leaf)) = X509Certificate::from_der(leaf) else { return false };
        let is_allowed = |name: &str| self.names.iter().any(|allowed| allowed == name);
        let common_names = leaf.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        let alternative = leaf.subject_alternative_name().ok().flatten();
        let dns_names = alternative.iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(*name),
            _ => None,
        });
        self.names.is_empty() || common_names.chain(dns_names).any(is_allowed)
    }
}

impl ClientCertVerifier for ClientAuth {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // No hints: the CA may change while they are borrowed, and clients send the certificate that they have.
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.verifier.load().0.verify_client_cert(leaf, intermediates, now)?;
        if self.has_name(leaf) { Ok(verified) } else { Err(CertificateError::ApplicationVerificationFailure.into()) }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.load().0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.load().0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.load().0.supported_verify_schemes()
    }
}
