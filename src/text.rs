//! Text shown to users: escaping of untrusted text, names and numbers.

mod digest;
mod escape;
mod name;
mod number;
mod parser_error;

pub(crate) use digest::sha256_hex;
pub(crate) use escape::{MAX_QUOTED_CHARS, escape_control_chars, escape_json_control_chars, single_line};
pub use escape::{Quoted, escape_line, escape_name, escape_truncated};
pub(crate) use name::MAX_NAME_LEN;
pub use name::is_dns_subdomain;
pub use number::thousands;
pub(crate) use number::{percent, plural};
pub(crate) use parser_error::without_position;
