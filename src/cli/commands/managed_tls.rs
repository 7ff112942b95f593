//! The flags of `serve` for managed certificates.

use std::time::Duration;

use jiff::SignedDuration;

use crate::cli::exit::Exit;
use crate::k8s::Source;
use crate::server::{Lifetimes, ManagedTls};

/// The flags for managed certificates.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ManagedTlsArgs {
    /// Manage the certificate, instead of --tls-cert and --tls-key: keep a CA in this existing Secret, sign a
    /// certificate in memory, and keep the caBundle of --webhook-configuration right. All replicas share the Secret
    #[arg(
        long,
        value_name = "NAMESPACE/NAME",
        env = "SERVICECIDR_GUARD_TLS_SECRET",
        requires = "webhook_configuration",
        requires = "tls_name",
        conflicts_with_all = ["tls_cert", "tls_key"]
    )]
    tls_secret: Option<String>,

    /// The ValidatingWebhookConfiguration whose caBundle is managed
    #[arg(long, value_name = "NAME", env = "SERVICECIDR_GUARD_WEBHOOK_CONFIGURATION", requires = "tls_secret")]
    webhook_configuration: Option<String>,

    /// A DNS name or IP address for the managed certificate, such as servicecidr-guard.NAMESPACE.svc; repeatable
    #[arg(
        long,
        value_name = "NAME",
        env = "SERVICECIDR_GUARD_TLS_NAME",
        requires = "tls_secret",
        value_delimiter = ','
    )]
    tls_name: Vec<String>,

    /// How long a managed CA is valid
    #[arg(long, value_name = "DURATION", default_value = "8760h", value_parser = duration, env = "SERVICECIDR_GUARD_CA_DURATION")]
    ca_duration: Duration,

    /// How long before its end a managed CA is renewed [default: a third of its validity]
    #[arg(long, value_name = "DURATION", value_parser = duration, env = "SERVICECIDR_GUARD_CA_RENEW_BEFORE")]
    ca_renew_before: Option<Duration>,

    /// How long a new CA is in the caBundle before it signs certificates
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration, env = "SERVICECIDR_GUARD_CA_OVERLAP")]
    ca_overlap: Duration,

    /// How long a managed certificate is valid
    #[arg(long, value_name = "DURATION", default_value = "720h", value_parser = duration, env = "SERVICECIDR_GUARD_CERT_DURATION")]
    cert_duration: Duration,

    /// How long before its end a managed certificate is renewed [default: a third of its validity]
    #[arg(long, value_name = "DURATION", value_parser = duration, env = "SERVICECIDR_GUARD_CERT_RENEW_BEFORE")]
    cert_renew_before: Option<Duration>,
}

impl ManagedTlsArgs {
    /// The settings; `None` without `--tls-secret`.
    pub fn managed(&self, source: &Source) -> Result<Option<ManagedTls>, Exit> {
        let (Some(secret), Some(configuration)) = (&self.tls_secret, &self.webhook_configuration) else {
            return Ok(None);
        };
        let (namespace, secret) = match secret.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
                (namespace.to_owned(), name.to_owned())
            }
            _ => return Err(Exit::input(format!("--tls-secret {secret:?}: not NAMESPACE/NAME"))),
        };
        let lifetimes = Lifetimes {
            ca: self.ca_duration,
            ca_renew_before: self.ca_renew_before.unwrap_or(self.ca_duration / 3),
            overlap: self.ca_overlap,
            certificate: self.cert_duration,
            certificate_renew_before: self.cert_renew_before.unwrap_or(self.cert_duration / 3),
        };
        if let Some((flag, problem)) = lifetimes.problem() {
            return Err(Exit::input(format!("{flag}: {problem}")));
        }
        Ok(Some(ManagedTls {
            source: source.clone(),
            namespace,
            secret,
            configuration: configuration.clone(),
            names: self.tls_name.clone(),
            lifetimes,
        }))
    }
}

/// A duration of at least one second, such as `720h` or `1h 30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let invalid = "not a duration such as 720h, 30m or 45s".to_owned();
    let duration: SignedDuration = text.parse().map_err(|_| invalid.clone())?;
    let duration = Duration::try_from(duration).map_err(|_| invalid)?;
    if duration < Duration::from_secs(1) { Err("must be at least 1s".to_owned()) } else { Ok(duration) }
}
