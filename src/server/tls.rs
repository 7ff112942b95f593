//! TLS: the serving certificate, the check of client certificates, and the configuration of rustls.

pub(super) mod certificate;
pub(super) mod client_auth;
pub(super) mod error;
pub(super) mod provider;
pub(super) mod resolver;
pub(super) mod server_config;
