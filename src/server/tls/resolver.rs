//! `ReloadingCertResolver`: serves the current certificate to each new connection.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;

/// Returns the certificate that is current when a connection begins. Without one, the handshake fails.
#[derive(Debug)]
pub(super) struct ReloadingCertResolver(pub Arc<ArcSwapOption<Certificate>>);

impl ResolvesServerCert for ReloadingCertResolver {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load().as_ref().map(|certificate| Arc::clone(&certificate.key))
    }
}
