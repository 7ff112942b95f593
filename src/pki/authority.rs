//! `CertificateAuthority`: a certificate and its key, with which server certificates are signed.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData as _,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use thiserror::Error;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::names::ServerNames;
use super::validity::Validity;

/// The organization in the subject of every CA.
const ORGANIZATION: &str = "servicecidr-guard";

/// A CA: a self-signed certificate and its private key, ECDSA P-256.
#[derive(Clone)]
pub(crate) struct CertificateAuthority {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// Its validity.
    pub validity: Validity,
    key: Arc<KeyPair>,
}

/// A server certificate and its private key.
pub(crate) struct KeyedCertificate {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// The certificate, in PEM.
    pub certificate_pem: String,
    /// The private key, PKCS#8.
    pub key: PrivatePkcs8KeyDer<'static>,
    /// The private key, PKCS#8 in PEM.
    pub key_pem: String,
}

/// A certificate can't be created.
#[derive(Clone, Debug, Error)]
#[error("certificate: {0}")]
pub(crate) struct PkiError(#[from] rcgen::Error);

/// Why a certificate and key are not those of a CA.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum AuthorityError {
    /// The certificate can't be parsed.
    #[error("the certificate can't be parsed: {0}")]
    Certificate(String),
    /// The key can't be parsed.
    #[error("the key can't be parsed: {0}")]
    Key(String),
    /// The key belongs to another certificate.
    #[error("the key is not that of the certificate")]
    Pair,
    /// Another program, or another installation, created the certificate.
    #[error("the certificate is not a CA of this installation: its subject is {0:?}")]
    Foreign(String),
}

impl CertificateAuthority {
    /// Creates a CA with this common name.
    pub fn generate(common_name: &str, validity: Validity) -> Result<Self, PkiError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        validity.apply(&mut params);
        let certificate = params.self_signed(&key)?;
        Ok(Self { certificate: certificate.der().clone(), validity, key: Arc::new(key) })
    }

    /// Parses a CA that [`generate`](Self::generate) created with this common name.
    pub fn from_pem(common_name: &str, certificate: &[u8], key: &[u8]) -> Result<Self, AuthorityError> {
        let unreadable = |problem: String| AuthorityError::Certificate(problem);
        let certificate = CertificateDer::from_pem_slice(certificate).map_err(|error| unreadable(error.to_string()))?;
        let validity = check_origin(common_name, &certificate)?;
        let key = std::str::from_utf8(key).map_err(|error| AuthorityError::Key(error.to_string()))?;
        let key = KeyPair::from_pem(key).map_err(|error| AuthorityError::Key(error.to_string()))?;
        let (_, parsed) = X509Certificate::from_der(&certificate).map_err(|error| unreadable(error.to_string()))?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(AuthorityError::Pair);
        }
        Ok(Self { certificate, validity, key: Arc::new(key) })
    }

    /// The certificate, in PEM.
    pub fn certificate_pem(&self) -> String {
        super::bundle::pem(&self.certificate)
    }

    /// The private key, PKCS#8 in PEM.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// Signs a server certificate with a new key. It isn't valid longer than the CA.
    pub fn issue(&self, names: &ServerNames, validity: Validity) -> Result<KeyedCertificate, PkiError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, ORGANIZATION);
        params.subject_alt_names.clone_from(&names.0);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        validity.until_at_most(self.validity.not_after).apply(&mut params);
        let issuer = Issuer::from_ca_cert_der(&self.certificate, &*self.key)?;
        let certificate = params.signed_by(&key, &issuer)?;
        Ok(KeyedCertificate {
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            key: key.serialize_der().into(),
            key_pem: key.serialize_pem(),
        })
    }
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the key.
        formatter.debug_struct("CertificateAuthority").field("validity", &self.validity).finish_non_exhaustive()
    }
}

impl PartialEq for CertificateAuthority {
    fn eq(&self, other: &Self) -> bool {
        self.certificate == other.certificate
    }
}

/// The validity of a CA certificate with this common name. Fails if the certificate was not created by
/// [`CertificateAuthority::generate`] with the same name, as far as its fields can show it.
pub(crate) fn check_origin(common_name: &str, certificate: &CertificateDer<'_>) -> Result<Validity, AuthorityError> {
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|error| AuthorityError::Certificate(error.to_string()))?;
    let (subject, issuer) = (parsed.subject(), parsed.issuer());
    let has = |mut values: Vec<&str>, expected: &str| values.pop() == Some(expected) && values.is_empty();
    let names = subject.iter_common_name().filter_map(|name| name.as_str().ok()).collect();
    let organizations = subject.iter_organization().filter_map(|name| name.as_str().ok()).collect();
    let is_ca = parsed
        .basic_constraints()
        .ok()
        .flatten()
        .is_some_and(|limits| limits.value.ca && limits.value.path_len_constraint == Some(0));
    let is_own = is_ca && subject == issuer && has(names, common_name) && has(organizations, ORGANIZATION);
    if !is_own {
        return Err(AuthorityError::Foreign(subject.to_string()));
    }
    let validity = parsed.validity();
    Ok(Validity { not_before: validity.not_before.timestamp(), not_after: validity.not_after.timestamp() })
}

fn subject(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, ORGANIZATION);
    name.push(DnType::CommonName, common_name);
    name
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pki::{CaBundle, Untrusted};

    const NOW: i64 = 1_800_000_000;
    const HOUR: Duration = Duration::from_secs(3600);

    fn authority(common_name: &str) -> CertificateAuthority {
        CertificateAuthority::generate(common_name, Validity::starting_at(NOW, HOUR)).unwrap()
    }

    fn names() -> ServerNames {
        ServerNames::from_texts(&["guard.default.svc".to_owned(), "192.0.2.1".to_owned()]).unwrap()
    }

    #[test]
    fn stored_ca_signs_what_the_bundle_verifies() {
        let created = authority("default/ca");
        let (certificate, key) = (created.certificate_pem(), created.key_pem());
        let stored = CertificateAuthority::from_pem("default/ca", certificate.as_bytes(), key.as_bytes()).unwrap();
        assert!(stored == created && stored.validity.not_after == NOW + 3600);
        assert!(!format!("{stored:?}").contains("PRIVATE"));
        let issued = stored.issue(&names(), Validity::starting_at(NOW, 2 * HOUR)).unwrap();
        let bundle = CaBundle::from_pem(format!("text\n{certificate}text\n{certificate}").as_bytes());
        assert_eq!(bundle.certificates().count(), 1);
        for name in ["guard.default.svc", "192.0.2.1"] {
            assert_eq!(bundle.verify(&issued.certificate, name, NOW), Ok(()));
            // An hour for clocks that are behind, and never longer than the CA.
            assert_eq!(bundle.verify(&issued.certificate, name, NOW - 3600), Ok(()));
            assert!(bundle.verify(&issued.certificate, name, NOW - 3602).is_err());
            assert_eq!(bundle.verify(&issued.certificate, name, NOW + 3602), Err(Untrusted::Expired));
        }
        let wrong = bundle.verify(&issued.certificate, "guard.other.svc", NOW).unwrap_err();
        assert_eq!(wrong.to_string(), "the serving certificate is not valid for guard.other.svc");
        let other = CaBundle::from_iter([authority("default/ca").certificate]);
        let unknown = other.verify(&issued.certificate, "guard.default.svc", NOW).unwrap_err();
        assert_eq!(unknown.to_string(), "it doesn't contain the CA of the serving certificate");
        let empty = CaBundle::from_pem(b"").verify(&issued.certificate, "guard.default.svc", NOW).unwrap_err();
        assert_eq!(empty.to_string(), "it contains no CA certificate");
        assert_eq!(Untrusted::Expired.to_string(), "the serving certificate has expired");
    }

    #[test]
    fn damaged_and_foreign_cas_are_rejected() {
        let (own, other) = (authority("default/ca"), authority("default/ca"));
        let parse = |certificate: &str, key: &str| {
            let parsed = CertificateAuthority::from_pem("default/ca", certificate.as_bytes(), key.as_bytes());
            parsed.map(drop).map_err(|error| error.to_string()).unwrap_err()
        };
        let (certificate, key) = (own.certificate_pem(), own.key_pem());
        assert!(parse("text", &key).starts_with("the certificate can't be parsed: "));
        assert!(parse(&certificate, "text").starts_with("the key can't be parsed: "));
        assert_eq!(parse(&certificate, &other.key_pem()), "the key is not that of the certificate");
        let foreign = authority("other/ca");
        let expected =
            "the certificate is not a CA of this installation: its subject is \"O=servicecidr-guard, CN=other/ca\"";
        assert_eq!(parse(&foreign.certificate_pem(), &foreign.key_pem()), expected);
        // A server certificate is no CA.
        let issued = own.issue(&names(), Validity::starting_at(NOW, HOUR)).unwrap();
        assert!(parse(&issued.certificate_pem, &issued.key_pem).contains("not a CA of this installation"));
    }

    #[test]
    fn invalid_names_are_rejected() {
        let error = ServerNames::from_texts(&["a b".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "\"a b\": not a DNS name");
    }
}
