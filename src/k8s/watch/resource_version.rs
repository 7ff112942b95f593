//! Comparison of resourceVersions: they are opaque, but numbers can be compared.

/// Whether a version is older than another. `false` if they can't be compared.
///
/// Upstream has declared them to be increasing decimal numbers (KEP-5504).
pub(super) fn is_older(version: &str, seen: &str) -> bool {
    match (version.parse::<u128>(), seen.parse::<u128>()) {
        (Ok(version), Ok(seen)) => version < seen,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numeric_versions_are_compared() {
        assert!(is_older("9", "10"));
        assert!(!is_older("10", "10") && !is_older("11", "10"));
        assert!(!is_older("a", "b") && !is_older("", "10") && !is_older("9", ""));
    }
}
