//! `Leaf`: the certificate that this replica serves. Its key is only in memory.

use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use crate::pki::{CaBundle, PkiError, ServerNames, Untrusted, Validity};
use crate::server::tls::certificate::Certificate;
use crate::server::tls::error::TlsError;

use super::ca_set::CaSet;
use super::objects::Webhook;
use super::plan::seconds;
use super::settings::Lifetimes;

/// A certificate of a CA of the Secret.
pub(super) struct Leaf {
    certificate: CertificateDer<'static>,
    /// The CA that signed it.
    ca: CertificateDer<'static>,
    /// When it expires, in seconds since 1970.
    not_after: i64,
    /// When it is to be renewed, in seconds since 1970.
    pub renew_after: i64,
}

/// A certificate can't be created.
#[derive(Debug, Error)]
pub(super) enum LeafError {
    #[error(transparent)]
    Pki(#[from] PkiError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why kube-apiserver would reject the certificate.
pub(super) struct Rejection {
    pub webhook: String,
    pub problem: Untrusted,
}

impl Leaf {
    /// Signs a certificate with the current CA. The second value is the certificate to serve.
    pub fn issue(
        set: &CaSet,
        names: &ServerNames,
        lifetimes: &Lifetimes,
        now: i64,
    ) -> Result<(Self, Certificate), LeafError> {
        let validity = Validity::starting_at(now, lifetimes.certificate).until_at_most(set.current.validity.not_after);
        let issued = set.current.issue(names, validity)?;
        let chain = vec![issued.certificate.clone()];
        let served = Certificate::from_der(chain, PrivateKeyDer::from(issued.key), validity.not_after)?;
        let renew_after = validity.not_after.saturating_sub(seconds(lifetimes.certificate_renew_before));
        let leaf = Self {
            certificate: issued.certificate,
            ca: set.current.certificate.clone(),
            not_after: validity.not_after,
            renew_after,
        };
        Ok((leaf, served))
    }

    /// Whether the current CA should sign a new certificate.
    pub fn is_outdated(&self, set: &CaSet, now: i64) -> bool {
        now >= self.renew_after || self.ca != set.current.certificate
    }

    pub fn is_expired(&self, now: i64) -> bool {
        self.not_after < now
    }

    /// Whether kube-apiserver accepts the certificate for every webhook.
    pub fn verify(&self, webhooks: &[Webhook], now: i64) -> Result<(), Rejection> {
        webhooks.iter().try_for_each(|webhook| {
            let bundle: CaBundle = webhook.bundle();
            let verified = match webhook.server_name() {
                Some(name) => bundle.verify(&self.certificate, &name, now),
                None => Err(Untrusted::Other("it has neither a service nor a valid URL".to_owned())),
            };
            verified.map_err(|problem| Rejection { webhook: webhook.name.clone(), problem })
        })
    }
}
