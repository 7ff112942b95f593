//! Findings as workflow commands: GitHub Actions annotates the lines of a pull request.

use super::checked::{CheckedFinding, CheckedObject, Level};
use crate::text::escape_line;

/// One command per finding.
pub(super) fn commands(all: &[CheckedObject]) -> String {
    all.iter().flat_map(|judged| judged.found.iter().map(|found| command(judged, found))).collect()
}

fn command(judged: &CheckedObject, found: &CheckedFinding) -> String {
    let level = match judged.level(found) {
        Level::Denied => "error",
        Level::Warned => "warning",
        Level::Audited => "notice",
    };
    let place = match found.diagnostic.at {
        Some((line, column)) => format!("file={},line={line},col={column},", property(&judged.file)),
        None => String::new(),
    };
    let title = property(&format!("{}: {}", found.rule.as_str(), judged.name));
    let message = data(&found.with_hint(&found.diagnostic.message));
    format!("::{level} {place}title={title}::{message}\n")
}

/// The message after `::`. Line ends are escaped for the runner; other invisible characters are printed as escapes.
fn data(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '%' => escaped.push_str("%25"),
            '\r' => escaped.push_str("%0D"),
            '\n' => escaped.push_str("%0A"),
            other => escaped.push_str(&escape_line(other.encode_utf8(&mut [0; 4]))),
        }
    }
    escaped
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_command_and_property_delimiters() {
        assert_eq!(data("100% a:b,c\r\n"), "100%25 a:b,c%0D%0A");
        assert_eq!(property("a:b,c%\n\u{1b}[2J"), "a%3Ab%2Cc%25%0A\\u{1b}[2J");
    }
}
