//! `ManagedTls`: which objects the server manages, and how long certificates are valid.

use std::time::Duration;

use crate::k8s;

/// Managed certificates: which objects, which names and how long.
#[derive(Clone, Debug)]
pub struct ManagedTls {
    /// The cluster.
    pub source: k8s::Source,
    /// The namespace of the Secret.
    pub namespace: String,
    /// The name of the Secret with the CA.
    pub secret: String,
    /// The name of the ValidatingWebhookConfiguration.
    pub configuration: String,
    /// DNS names and IP addresses at which kube-apiserver calls the webhook.
    pub names: Vec<String>,
    /// How long certificates are valid.
    pub lifetimes: Lifetimes,
}

/// How long certificates are valid, and when they are renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// The validity of a CA.
    pub ca: Duration,
    /// How long before its end a CA is renewed.
    pub ca_renew_before: Duration,
    /// How long a new CA is in the `caBundle` before it signs, and how long a replica may take to see a change.
    pub overlap: Duration,
    /// The validity of a serving certificate.
    pub certificate: Duration,
    /// How long before its end a serving certificate is renewed.
    pub certificate_renew_before: Duration,
}

impl Lifetimes {
    /// Why these lifetimes can't work together: the name of a flag, and what its value must be.
    #[must_use]
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        let second = Duration::from_secs(1);
        if self.certificate < second {
            Some(("--cert-duration", "must be at least one second"))
        } else if self.certificate_renew_before >= self.certificate {
            Some(("--cert-renew-before", "must be less than --cert-duration"))
        } else if self.ca_renew_before >= self.ca {
            Some(("--ca-renew-before", "must be less than --ca-duration"))
        } else if self.ca_renew_before <= self.overlap {
            Some(("--ca-overlap", "must be less than --ca-renew-before, or the CA expires before the next one signs"))
        } else {
            None
        }
    }
}
