//! The only place that prints: data to stdout, talk to stderr.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where printing is done")]

use anstream::{eprint, eprintln, print};

/// How much a line may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Room {
    /// What fits everywhere.
    Narrow,
    /// What fits a terminal of 110 columns.
    Ample,
    /// Everything.
    Unlimited,
}

/// How much a line of the terminal holds; little where there is none.
pub(super) fn room() -> Room {
    match terminal_size::terminal_size_of(std::io::stdout()) {
        Some((width, _)) if width.0 >= 110 => Room::Ample,
        _ => Room::Narrow,
    }
}

/// What the command was asked for.
pub(super) fn data(text: &str) {
    print!("{text}");
}

/// What the user may want to know beside it.
pub(super) fn talk(text: &str) {
    eprintln!("{text}");
}

/// How far the command is: in place of what it said before, on the same line.
pub(super) fn status(text: &str) {
    eprint!("\r\x1b[K{text}");
}

/// Why the command failed, and what to try.
pub(super) fn failure(message: &str, hint: Option<&str>) {
    eprintln!("error: {message}");
    if let Some(hint) = hint {
        eprintln!("hint: {hint}");
    }
}
