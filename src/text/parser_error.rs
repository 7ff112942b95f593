//! Messages of parsers.

/// The first line of a parser's error, without the position at its end, which is reported separately.
pub(crate) fn without_position(error: &str) -> &str {
    let line = error.lines().next().unwrap_or_default();
    line.rsplit_once(" at line ").map_or(line, |(message, _)| message)
}
