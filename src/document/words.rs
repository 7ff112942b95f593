//! Numbers in words.

/// A percentage for people: one digit, `-` where there is none. What isn't all is never 100.0%, what
/// isn't nothing never 0.0%.
pub(crate) fn percent(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value > 99.9 && value < 100.0 => "99.9%".to_owned(),
        Some(value) if value > 0.0 && value < 0.1 => "0.1%".to_owned(),
        Some(value) => format!("{value:.1}%"),
    }
}

/// `one` or `many`, by the count.
pub(crate) fn plural(count: u128, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_never_say_all_or_nothing_where_it_is_not() {
        assert_eq!(percent(Some(99.99)), "99.9%");
        assert_eq!(percent(Some(100.0)), "100.0%");
        assert_eq!(percent(Some(0.001)), "0.1%");
        assert_eq!(percent(Some(0.0)), "0.0%");
        assert_eq!(percent(None), "-");
    }
}
