//! `ServerNames`: the names that a server certificate is valid for.

use std::net::IpAddr;

use rcgen::SanType;
use rustls_pki_types::DnsName;
use thiserror::Error;

/// The names that a server certificate is valid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerNames(pub(super) Vec<SanType>);

/// A text that is not a name of a server.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?}: not a DNS name")]
pub(crate) struct InvalidName(pub String);

impl ServerNames {
    /// DNS names, of which the first label may be a wildcard, and IP addresses.
    pub fn new(dns: &[String], ip: &[IpAddr]) -> Result<Self, InvalidName> {
        let dns = dns.iter().map(|name| match name.as_str().try_into() {
            Ok(valid) if is_dns_name(name) => Ok(SanType::DnsName(valid)),
            _ => Err(InvalidName(name.clone())),
        });
        let ip = ip.iter().map(|address| Ok(SanType::IpAddress(*address)));
        dns.chain(ip).collect::<Result<_, _>>().map(Self)
    }

    /// Texts that are each an IP address or a DNS name.
    pub fn from_texts(texts: &[String]) -> Result<Self, InvalidName> {
        let (ip, dns): (Vec<_>, Vec<_>) = texts.iter().partition(|text| text.parse::<IpAddr>().is_ok());
        let ip: Vec<IpAddr> = ip.into_iter().filter_map(|text| text.parse().ok()).collect();
        let dns: Vec<String> = dns.into_iter().cloned().collect();
        Self::new(&dns, &ip)
    }
}

/// Whether a text is a DNS name, or one with a wildcard as its first label.
fn is_dns_name(name: &str) -> bool {
    DnsName::try_from(name.strip_prefix("*.").unwrap_or(name)).is_ok()
}
