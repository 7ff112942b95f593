//! `ReloadingCertResolver`: serves the current certificate to each new connection.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;

/// Returns the certificate that is current when a connection begins.
#[derive(Debug)]
pub(super) struct ReloadingCertResolver(pub Arc<ArcSwap<Certificate>>);

impl ResolvesServerCert for ReloadingCertResolver {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().key))
    }
}
