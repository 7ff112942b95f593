//! Escaping of untrusted text for terminals, logs and messages.

use std::borrow::Cow;
use std::fmt;

use super::name::is_dns_subdomain;

/// The number of characters that [`Quoted`] and its relatives print before they truncate.
pub(crate) const MAX_QUOTED_CHARS: usize = 64;
/// The number of characters that [`single_line`] keeps.
const MAX_LINE_CHARS: usize = 300;

/// Untrusted text that is safe to print: in backticks, on one line, with control and other invisible characters
/// escaped, and truncated after 64 characters.
///
/// ```
/// use servicecidr_guard::text::Quoted;
///
/// assert_eq!(Quoted("10.0.0.0/8").to_string(), "`10.0.0.0/8`");
/// assert_eq!(Quoted("a\n\u{202e}b`").to_string(), "`a\\n\\u{202e}b\\u{60}`");
/// assert_eq!(Quoted("it's \"so\"").to_string(), "`it's \"so\"`");
/// assert_eq!(Quoted(&"x".repeat(65)).to_string(), format!("`{}…`", "x".repeat(64)));
/// ```
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`")?;
        write_truncated(self.0, f)?;
        f.write_str("`")
    }
}

/// The name of an object: unchanged if it is a valid Kubernetes name of at most 64 characters, otherwise [`Quoted`].
#[must_use]
pub fn escape_name(text: &str) -> String {
    if text.len() <= MAX_QUOTED_CHARS && is_dns_subdomain(text) { text.to_owned() } else { Quoted(text).to_string() }
}

/// The text as in [`Quoted`], but without the backticks around it.
#[must_use]
pub fn escape_truncated(text: &str) -> String {
    let mut escaped = String::new();
    // Writing into a String can't fail.
    let _ = write_truncated(text, &mut escaped);
    escaped
}

/// The whole text on one line, with control and other invisible characters escaped: for paths and lines of files.
///
/// ```
/// use servicecidr_guard::text::escape_line;
///
/// assert_eq!(escape_line("a\\b 'c'\u{1b}[2J\u{202e}"), "a\\b 'c'\\u{1b}[2J\\u{202e}");
/// ```
#[must_use]
pub fn escape_line(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '\'' | '"' => escaped.push(character),
            _ => escaped.extend(character.escape_debug()),
        }
    }
    escaped
}

/// The text without terminal control sequences: control characters except line feeds and tabs are escaped.
pub(crate) fn escape_control_chars(text: &str) -> Cow<'_, str> {
    let is_escaped = |character: char| character.is_control() && character != '\n' && character != '\t';
    escape_chars(text, is_escaped, |character| character.escape_unicode().to_string())
}

/// JSON with its non-ASCII control characters escaped. JSON permits them, but terminals interpret some.
pub(crate) fn escape_json_control_chars(text: &str) -> Cow<'_, str> {
    let is_escaped = |character: char| character.is_control() && !character.is_ascii();
    escape_chars(text, is_escaped, |character| format!("\\u{:04x}", u32::from(character)))
}

/// One trimmed line with blanks for control characters, truncated after 300 characters: for logs.
pub(crate) fn single_line(text: &str) -> String {
    let mut characters = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = characters.by_ref().take(MAX_LINE_CHARS).collect();
    if characters.next().is_some() {
        line.push('…');
    }
    line
}

fn write_truncated(text: &str, to: &mut dyn fmt::Write) -> fmt::Result {
    for character in text.chars().take(MAX_QUOTED_CHARS) {
        match character {
            '`' => write!(to, "{}", character.escape_unicode())?,
            '\'' | '"' => to.write_char(character)?,
            _ => write!(to, "{}", character.escape_debug())?,
        }
    }
    to.write_str(if text.chars().nth(MAX_QUOTED_CHARS).is_some() { "…" } else { "" })
}

fn escape_chars(text: &str, is_escaped: impl Fn(char) -> bool, escape: impl Fn(char) -> String) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let each = |character: char| if is_escaped(character) { escape(character) } else { character.to_string() };
    Cow::Owned(text.chars().map(each).collect())
}
