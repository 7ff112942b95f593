//! The only place that prints: data to stdout, talk to stderr.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where printing is done")]

use std::io::IsTerminal as _;

use anstream::{eprint, eprintln, print};
use anstyle::AnsiColor;
use serde::Serialize;

use crate::api::Document;
use crate::text::{escape_control_chars, escape_json_control_chars};

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
    print!("{}", escape_control_chars(text));
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
        Encoding::Json => {
            format!("{}\n", escape_json_control_chars(&serde_json::to_string_pretty(&document).map_err(Failure::io)?))
        }
    };
    data(&text);
    Ok(())
}

/// What the user may want to know beside it.
pub(super) fn talk(text: &str) {
    let words = [("warning: ", AnsiColor::Yellow), ("note: ", AnsiColor::Cyan), ("left out: ", AnsiColor::Yellow)];
    match words.iter().find_map(|(word, colour)| Some((word, colour, text.strip_prefix(word)?))) {
        Some((word, colour, rest)) => coloured(word, *colour, rest),
        None => eprintln!("{}", escape_control_chars(text)),
    }
}

/// A line whose first word says what it is. The colour is for terminals, unless NO_COLOR says otherwise.
fn coloured(word: &str, colour: AnsiColor, rest: &str) {
    let style = colour.on_default().bold();
    eprintln!("{style}{}{style:#} {}", word.trim_end(), escape_control_chars(rest));
}

/// How far the command is: in place of what it said before, on the same line.
fn status(text: &str) {
    eprint!("\r\x1b[K{text}");
}

/// Why the command failed, and what to try.
pub(super) fn failure(message: &str, hint: Option<&str>) {
    coloured("error:", AnsiColor::Red, message);
    if let Some(hint) = hint {
        coloured("hint:", AnsiColor::Cyan, hint);
    }
}

/// How far a long read is, on a terminal.
pub(super) struct Progress {
    is_shown: bool,
    has_said: bool,
    shown: u64,
}

impl Progress {
    /// After how many objects the next word is said.
    const EVERY: u64 = 20_000;

    pub fn new() -> Self {
        Self { is_shown: std::io::stderr().is_terminal(), has_said: false, shown: 0 }
    }

    /// Says how far it is, now and then.
    pub fn say(&mut self, count: u64, text: impl FnOnce() -> String) {
        // Another list begins anew.
        self.shown = self.shown.min(count);
        if self.is_shown && count >= self.shown + Self::EVERY {
            (self.shown, self.has_said) = (count, true);
            status(&text());
        }
    }

    /// Takes the last word away.
    pub fn clear(&self) {
        if self.has_said {
            status("");
        }
    }
}
