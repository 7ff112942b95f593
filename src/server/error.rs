//! `ServerError`: why the server can't start, or ended.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use crate::config::ConfigError;
use crate::k8s::ClientError;
use crate::policy::RuleId;

use super::tls::error::TlsError;

/// Why the server can't start, or ended.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The policy can't be loaded.
    #[error(transparent)]
    Policy(#[from] ConfigError),
    /// The certificate, key or client CA can't be loaded.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A rule can't be evaluated without an inventory.
    #[error("the rule {} of {policy} needs the cluster state, and there is no inventory", .rule.as_str())]
    NeedsInventory {
        /// The rule.
        rule: RuleId,
        /// The policy file.
        policy: String,
    },
    /// The API server of the cluster can't be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The inventory file can't be read.
    #[error("--inventory {0}")]
    Inventory(String),
    /// A name of the serving certificate is invalid.
    #[error("--tls-name {0}")]
    Name(String),
    /// The server can't listen on an address.
    #[error("can't listen on {address} ({flag}): {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The flag that sets the address.
        flag: &'static str,
        /// The I/O error.
        error: io::Error,
    },
    /// The HTTP server failed.
    #[error("server: {0}")]
    Run(#[from] io::Error),
}
