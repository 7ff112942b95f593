//! Human-readable numbers: counts, percentages, singular and plural.

/// A human-readable count with thousands separators.
///
/// ```
/// use servicecidr_guard::text::thousands;
///
/// assert_eq!(thousands(999), "999");
/// assert_eq!(thousands(65_534), "65,534");
/// assert_eq!(thousands(u128::from(u64::MAX)), "18,446,744,073,709,551,615");
/// ```
#[must_use]
pub fn thousands(count: u128) -> String {
    let digits = count.to_string();
    let first = digits.len() % 3;
    let (head, rest) = digits.split_at(first);
    let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    (!head.is_empty()).then(|| head.to_owned()).into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

/// A human-readable percentage with one decimal, or `-` for `None`. Only zero prints as 0.0%, only all as 100.0%.
pub(crate) fn percent(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value > 99.9 && value < 100.0 => ">99.9%".to_owned(),
        Some(value) if value > 0.0 && value < 0.1 => "<0.1%".to_owned(),
        Some(value) => format!("{value:.1}%"),
    }
}

/// `one` for a count of 1, otherwise `many`.
pub(crate) fn plural(count: u128, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_never_round_to_0_or_100() {
        assert_eq!(percent(Some(99.99)), ">99.9%");
        assert_eq!(percent(Some(99.9)), "99.9%");
        assert_eq!(percent(Some(100.0)), "100.0%");
        assert_eq!(percent(Some(0.001)), "<0.1%");
        assert_eq!(percent(Some(0.0001)), "<0.1%");
        assert_eq!(percent(Some(0.1)), "0.1%");
        assert_eq!(percent(Some(0.0)), "0.0%");
        assert_eq!(percent(None), "-");
    }
}
