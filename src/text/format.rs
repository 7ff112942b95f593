//! Numbers and texts, as they are written.

use std::borrow::Cow;

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

/// A text without what a terminal would obey, whoever wrote it: other control characters than ends of lines and tabs
/// are escaped.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let is_obeyed = |character: char| character.is_control() && character != '\n' && character != '\t';
    rewritten(text, is_obeyed, |character| character.escape_unicode().to_string())
}

/// JSON with the control characters beyond ASCII escaped, which JSON leaves as they are: a terminal obeys some.
pub(crate) fn visible_json(text: &str) -> Cow<'_, str> {
    let is_obeyed = |character: char| character.is_control() && !character.is_ascii();
    rewritten(text, is_obeyed, |character| format!("\\u{:04x}", u32::from(character)))
}

fn rewritten(text: &str, is_meant: impl Fn(char) -> bool, write: impl Fn(char) -> String) -> Cow<'_, str> {
    if !text.contains(&is_meant) {
        return Cow::Borrowed(text);
    }
    let each = |character: char| if is_meant(character) { write(character) } else { character.to_string() };
    Cow::Owned(text.chars().map(each).collect())
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
