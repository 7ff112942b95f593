//! The only place that prints: data to stdout, talk to stderr.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where printing is done")]

use anstream::{eprint, eprintln, print};
use serde::Serialize;

use crate::document::Document;

use super::Failure;

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

/// What programs read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Json,
    Yaml,
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

/// What the command was asked for, each on a line.
pub(super) fn lines(lines: &[String]) {
    for line in lines {
        data(&format!("{line}\n"));
    }
}

/// What the command was asked for, for programs.
pub(super) fn document<T: Serialize>(kind: &'static str, content: T, encoding: Encoding) -> Result<(), Failure> {
    let document = Document::new(kind, content);
    let text = match encoding {
        Encoding::Yaml => {
            // By way of JSON, so that both hold the same.
            let value = serde_json::to_value(&document).map_err(Failure::io)?;
            serde_saphyr::to_string(&value).map_err(Failure::io)?
        }
        Encoding::Json => format!("{}\n", serde_json::to_string_pretty(&document).map_err(Failure::io)?),
    };
    data(&text);
    Ok(())
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
