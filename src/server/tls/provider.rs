//! `provider`: the cryptography that TLS uses.

use rustls::crypto::{CryptoProvider, ring};

/// The provider, passed explicitly everywhere, so that no dependency can install another as the default.
pub(in crate::server) fn provider() -> CryptoProvider {
    ring::default_provider()
}
