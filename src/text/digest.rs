//! SHA-256 as text.

use ring::digest::{SHA256, digest};

/// The SHA-256 of bytes in hexadecimal, as printed by `sha256sum`.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
