//! `TlsError`: why certificates, keys or TLS itself can't be used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a certificate and key can't be served.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The I/O error.
        error: io::Error,
    },
    /// A file contains no PEM block of the expected kind.
    #[error("{}: no {expected} in it: {problem}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// `certificate`, `CA certificate` or `private key`.
        expected: &'static str,
        /// The message of the PEM reader.
        problem: String,
    },
    /// The key is of a kind that can't sign, or doesn't belong to the certificate.
    #[error("{} and {}: {problem}", cert.display(), key.display())]
    Pair {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The certificate has expired.
    #[error("{}: the certificate expired {seconds} s ago", cert.display())]
    Expired {
        /// The certificate file.
        cert: PathBuf,
        /// Time since it expired, in seconds.
        seconds: i64,
    },
    /// TLS itself can't be set up.
    #[error("TLS: {0}")]
    Setup(#[from] rustls::Error),
}
