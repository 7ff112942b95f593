//! X.509: certificate authorities, the server certificates that they sign, and the verification of a chain.

mod authority;
mod bundle;
mod names;
mod validity;

pub(crate) use authority::{AuthorityError, CertificateAuthority, PkiError, check_origin};
pub(crate) use bundle::{CaBundle, Untrusted};
pub(crate) use names::ServerNames;
pub(crate) use validity::{Validity, unix_now};
