//! `Excerpt`: somebody else's text, safe to print.

use std::fmt;

/// How many characters of it are shown.
const SHOWN: usize = 64;

/// Somebody else's text, safe to print: in backticks, on one line, control and other invisible
/// characters escaped, and cut after 64 characters.
///
/// ```
/// use servicecidr_guard::text::Excerpt;
///
/// assert_eq!(Excerpt("10.0.0.0/8").to_string(), "`10.0.0.0/8`");
/// assert_eq!(Excerpt("a\n\u{202e}b`").to_string(), "`a\\n\\u{202e}b\\u{60}`");
/// assert_eq!(Excerpt("it's \"so\"").to_string(), "`it's \"so\"`");
/// assert_eq!(Excerpt(&"x".repeat(65)).to_string(), format!("`{}…`", "x".repeat(64)));
/// ```
pub struct Excerpt<'a>(pub &'a str);

impl Excerpt<'_> {
    /// The name of an object: as it is where it is one that Kubernetes takes, else as an excerpt.
    #[must_use]
    pub fn name(text: &str) -> String {
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        if text.len() <= SHOWN && !text.is_empty() && text.bytes().all(is_plain) {
            text.to_owned()
        } else {
            Excerpt(text).to_string()
        }
    }

    /// As an excerpt, but without the backticks around it.
    #[must_use]
    pub fn plain(text: &str) -> String {
        let mut plain = String::new();
        // Writing into a String can't fail.
        let _ = escaped(text, &mut plain);
        plain
    }

    /// The whole text on one line, control and other invisible characters escaped: for paths and lines of
    /// files.
    ///
    /// ```
    /// use servicecidr_guard::text::Excerpt;
    ///
    /// assert_eq!(Excerpt::visible("a\\b 'c'\u{1b}[2J\u{202e}"), "a\\b 'c'\\u{1b}[2J\\u{202e}");
    /// ```
    #[must_use]
    pub fn visible(text: &str) -> String {
        let mut visible = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '\\' | '\'' | '"' => visible.push(character),
                _ => visible.extend(character.escape_debug()),
            }
        }
        visible
    }
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`")?;
        escaped(self.0, f)?;
        f.write_str("`")
    }
}

fn escaped(text: &str, to: &mut dyn fmt::Write) -> fmt::Result {
    for character in text.chars().take(SHOWN) {
        match character {
            '`' => write!(to, "{}", character.escape_unicode())?,
            '\'' | '"' => to.write_char(character)?,
            _ => write!(to, "{}", character.escape_debug())?,
        }
    }
    to.write_str(if text.chars().nth(SHOWN).is_some() { "…" } else { "" })
}
