//! `CaSet`: the CAs of the Secret, which all replicas share.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::pki::{AuthorityError, CaBundle, CertificateAuthority, check_origin};

/// The entries of the Secret.
const CA_CERT: &str = "ca.crt";
const CA_KEY: &str = "ca.key";
const NEXT_CERT: &str = "next-ca.crt";
const NEXT_KEY: &str = "next-ca.key";
/// All CA certificates, as in `caBundle`: for clients other than kube-apiserver.
const BUNDLE: &str = "ca-bundle.crt";
const STATE: &str = "state.json";
const ENTRIES: [&str; 6] = [CA_CERT, CA_KEY, NEXT_CERT, NEXT_KEY, BUNDLE, STATE];

/// The CAs of the Secret. The `caBundle` contains all of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CaSet {
    /// The CA that signs.
    pub current: CertificateAuthority,
    /// The CA that signs next.
    pub next: Option<NextCa>,
    /// CAs that signed before, while a certificate of theirs may be served.
    pub previous: Vec<PreviousCa>,
    /// The value of the annotation that requested the last rotation, or "".
    pub rotation: String,
}

/// A CA that doesn't sign yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NextCa {
    pub authority: CertificateAuthority,
    /// Since when the `caBundle` contains it, in seconds since 1970; `None` if it was not seen there yet.
    pub trusted_since: Option<i64>,
}

/// A CA that no longer signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PreviousCa {
    pub certificate: CertificateDer<'static>,
    /// When the last certificate that it signed has expired, in seconds since 1970.
    pub until: i64,
}

/// Why the Secret has no usable CAs.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum UnusableSecret {
    /// It has no data.
    #[error("it is empty")]
    Empty,
    /// An entry is missing.
    #[error("it has no {0}")]
    Absent(&'static str),
    /// An entry can't be parsed.
    #[error("{0}: {1}")]
    Entry(&'static str, String),
    /// A CA can't be used.
    #[error("{0}: {1}")]
    Authority(&'static str, AuthorityError),
}

/// The part of the state that certificates don't contain.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StoredState {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_trusted_since: Option<i64>,
    previous: Vec<StoredPrevious>,
    rotation: String,
}

#[derive(Serialize, Deserialize)]
struct StoredPrevious {
    certificate: String,
    until: i64,
}

impl CaSet {
    /// A set with one CA.
    pub fn of(current: CertificateAuthority, rotation: String) -> Self {
        Self { current, next: None, previous: Vec::new(), rotation }
    }

    /// Parses the data of the Secret. `common_name` is that of the CAs of this installation.
    pub fn parse(common_name: &str, data: &BTreeMap<String, String>) -> Result<Self, UnusableSecret> {
        if !ENTRIES.iter().any(|name| data.get(*name).is_some_and(|value| !value.is_empty())) {
            return Err(UnusableSecret::Empty);
        }
        let authority = |certificate: &'static str, key: &'static str| {
            let (cert, key) = (required(data, certificate)?, required(data, key)?);
            CertificateAuthority::from_pem(common_name, &cert, &key)
                .map_err(|error| UnusableSecret::Authority(certificate, error))
        };
        let current = authority(CA_CERT, CA_KEY)?;
        let StoredState { next_trusted_since: trusted_since, previous, rotation } = state(data)?;
        let next = match data.get(NEXT_CERT) {
            Some(_) => Some(NextCa { authority: authority(NEXT_CERT, NEXT_KEY)?, trusted_since }),
            None => None,
        };
        let previous = previous.into_iter().map(|StoredPrevious { certificate, until }| {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
                .map_err(|error| UnusableSecret::Entry(STATE, error.to_string()))?;
            check_origin(common_name, &certificate).map_err(|error| UnusableSecret::Authority(STATE, error))?;
            Ok(PreviousCa { certificate, until })
        });
        Ok(Self { current, next, previous: previous.collect::<Result<_, _>>()?, rotation })
    }

    /// The entries of the Secret, in base64. `None` removes an entry.
    pub fn entries(&self) -> BTreeMap<&'static str, Option<String>> {
        let encoded = |text: String| Some(STANDARD.encode(text));
        let next = self.next.as_ref().map(|next| &next.authority);
        let stored = StoredState {
            next_trusted_since: self.next.as_ref().and_then(|next| next.trusted_since),
            previous: self.previous.iter().map(PreviousCa::stored).collect(),
            rotation: self.rotation.clone(),
        };
        let state = serde_json::to_string(&stored).unwrap_or_default();
        BTreeMap::from([
            (CA_CERT, encoded(self.current.certificate_pem())),
            (CA_KEY, encoded(self.current.key_pem())),
            (NEXT_CERT, next.and_then(|next| encoded(next.certificate_pem()))),
            (NEXT_KEY, next.and_then(|next| encoded(next.key_pem()))),
            (BUNDLE, encoded(self.bundle().pem())),
            (STATE, encoded(state)),
        ])
    }

    /// What the `caBundle` should contain.
    pub fn bundle(&self) -> CaBundle {
        let next = self.next.iter().map(|next| next.authority.certificate.clone());
        let previous = self.previous.iter().map(|previous| previous.certificate.clone());
        [self.current.certificate.clone()].into_iter().chain(next).chain(previous).collect()
    }
}

impl PreviousCa {
    fn stored(&self) -> StoredPrevious {
        let certificate = CaBundle::from_iter([self.certificate.clone()]).pem();
        StoredPrevious { certificate, until: self.until }
    }
}

fn required(data: &BTreeMap<String, String>, entry: &'static str) -> Result<Vec<u8>, UnusableSecret> {
    let value = data.get(entry).ok_or(UnusableSecret::Absent(entry))?;
    STANDARD.decode(value).map_err(|error| UnusableSecret::Entry(entry, error.to_string()))
}

fn state(data: &BTreeMap<String, String>) -> Result<StoredState, UnusableSecret> {
    let bytes = required(data, STATE)?;
    serde_json::from_slice(&bytes).map_err(|error| UnusableSecret::Entry(STATE, error.to_string()))
}
