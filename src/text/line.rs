//! What others wrote, in one line that a log and a terminal can take.

/// How much is kept, in characters.
const MOST: usize = 300;

/// One line without control characters, cut where it grows too long.
pub(crate) fn one_line(text: &str) -> String {
    let mut line: String = text.trim().chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().chars().nth(MOST).is_some() {
        line.push('…');
    }
    line
}
