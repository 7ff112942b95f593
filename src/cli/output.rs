//! The only place that prints: data to stdout, talk to stderr.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where printing is done")]

use anstream::{eprint, eprintln, print};

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
