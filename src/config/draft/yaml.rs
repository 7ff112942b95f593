//! Lines of the YAML of a draft.

use std::fmt::Write as _;

use crate::net::{Cidr, IpFamily};

/// The number of list entries in a comment.
const MAX_LISTED: usize = 10;

/// A comment with the first entries of a list; nothing if it is empty.
pub(super) fn comment(text: &mut String, what: &str, list: &[String]) {
    if !list.is_empty() {
        line(text, &format!("# {what}: {}", first_few(list)));
    }
}

pub(super) fn first_few(list: &[String]) -> String {
    let first: Vec<&str> = list.iter().take(MAX_LISTED).map(String::as_str).collect();
    match list.len().saturating_sub(MAX_LISTED) {
        0 => first.join("; "),
        more => format!("{}; and {more} more", first.join("; ")),
    }
}

pub(super) fn line(text: &mut String, line: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "{line}");
}

/// A CIDR in YAML: IPv6 needs quotes in some places, so it always has them.
pub(super) fn quoted(cidr: Cidr) -> String {
    match cidr.family() {
        IpFamily::IPv4 => cidr.to_string(),
        IpFamily::IPv6 => format!("\"{cidr}\""),
    }
}
