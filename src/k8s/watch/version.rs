//! resourceVersions: opaque, but those that are numbers can be compared.

/// Whether a version is older than one that was seen. `false` where that can't be told.
///
/// Upstream has declared them to be decimal numbers that grow (KEP-5504).
pub(super) fn went_back(version: &str, seen: &str) -> bool {
    match (version.parse::<u128>(), seen.parse::<u128>()) {
        (Ok(version), Ok(seen)) => version < seen,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_are_compared() {
        assert!(went_back("9", "10"));
        assert!(!went_back("10", "10") && !went_back("11", "10"));
        assert!(!went_back("a", "b") && !went_back("", "10") && !went_back("9", ""));
    }
}
