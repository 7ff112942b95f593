//! Names of Kubernetes objects.

/// The longest name of an object, in bytes.
pub(crate) const MAX_NAME_LEN: usize = 253;

/// Whether a text is a DNS-1123 subdomain, as the names of most Kubernetes objects are.
///
/// ```
/// use servicecidr_guard::text::is_dns_subdomain;
///
/// assert!(is_dns_subdomain("a.b-c.1") && !is_dns_subdomain("a..b") && !is_dns_subdomain("A"));
/// ```
#[must_use]
pub fn is_dns_subdomain(text: &str) -> bool {
    let is_alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        let ends = bytes.first().is_some_and(is_alphanumeric) && bytes.last().is_some_and(is_alphanumeric);
        ends && bytes.iter().all(|byte| is_alphanumeric(byte) || *byte == b'-')
    };
    text.len() <= MAX_NAME_LEN && text.split('.').all(is_label)
}
