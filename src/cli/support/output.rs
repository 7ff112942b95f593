//! The only place that prints: results to stdout, messages to stderr.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where printing is done")]

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anstream::{eprint, eprintln};
use anstyle::AnsiColor;
use serde::Serialize;

use crate::api::Document;

use crate::cli::exit::Exit;
use crate::text::{escape_control_chars, escape_json_control_chars};

/// The width of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) enum TableWidth {
    /// The columns that always fit.
    Narrow,
    /// The columns that fit a terminal of 110 columns.
    Ample,
    /// All columns.
    Unlimited,
}

/// Machine-readable encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Encoding {
    Json,
    Yaml,
}

impl TableWidth {
    /// The width of the terminal; the narrowest if standard output is not one.
    pub fn of_terminal() -> Self {
        match terminal_size::terminal_size_of(std::io::stdout()) {
            Some((width, _)) if width.0 >= 110 => Self::Ample,
            _ => Self::Narrow,
        }
    }
}

/// Prints a result.
pub(in crate::cli) fn print(text: &str) {
    anstream::print!("{}", escape_control_chars(text));
}

/// Prints a result of several lines.
pub(in crate::cli) fn lines(lines: &[String]) {
    for line in lines {
        print(&format!("{line}\n"));
    }
}

/// Prints a machine-readable result.
pub(in crate::cli) fn document<T: Serialize>(kind: &'static str, content: T, encoding: Encoding) -> Result<(), Exit> {
    let document = Document::new(kind, content);
    let text = match encoding {
        Encoding::Yaml => {
            // Converted through JSON, so that both have the same content.
            let value = serde_json::to_value(&document).map_err(Exit::io)?;
            serde_saphyr::to_string(&value).map_err(Exit::io)?
        }
        Encoding::Json => {
            format!("{}\n", escape_json_control_chars(&serde_json::to_string_pretty(&document).map_err(Exit::io)?))
        }
    };
    print(&text);
    Ok(())
}

/// Prints a message on standard error.
pub(in crate::cli) fn message(text: &str) {
    let words = [("warning: ", AnsiColor::Yellow), ("note: ", AnsiColor::Cyan), ("skipped: ", AnsiColor::Yellow)];
    match words.iter().find_map(|(word, colour)| Some((word, colour, text.strip_prefix(word)?))) {
        Some((word, colour, rest)) => coloured(word, *colour, rest),
        None => eprintln!("{}", escape_control_chars(text)),
    }
}

/// A line whose first word is its kind. The word is coloured on terminals, unless NO_COLOR is set.
fn coloured(word: &str, colour: AnsiColor, rest: &str) {
    let style = colour.on_default().bold();
    eprintln!("{style}{}{style:#} {}", word.trim_end(), escape_control_chars(rest));
}

/// Shows progress in place of the previous progress, on the same line.
fn status(text: &str) {
    eprint!("\r\x1b[K{text}");
}

/// The exit code of a command. Prints the error or finding if it isn't 0.
pub(in crate::cli) fn exit_code(outcome: Result<(), Exit>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Exit::Findings { code, message: summary }) => {
            if !summary.is_empty() {
                message(&summary);
            }
            ExitCode::from(code)
        }
        Err(Exit::Error { code, message, hint }) => {
            error(&message, hint.as_deref());
            ExitCode::from(code)
        }
    }
}

fn error(message: &str, hint: Option<&str>) {
    coloured("error:", AnsiColor::Red, message);
    if let Some(hint) = hint {
        coloured("hint:", AnsiColor::Cyan, hint);
    }
}

/// The progress of a long read, on a terminal.
pub(in crate::cli) struct Progress {
    is_terminal: bool,
    is_visible: bool,
    shown: u64,
}

impl Progress {
    /// The number of objects between two updates.
    const UPDATE_INTERVAL: u64 = 20_000;

    pub fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), is_visible: false, shown: 0 }
    }

    /// Shows the progress if enough objects were read since the last time.
    pub fn update(&mut self, count: u64, text: impl FnOnce() -> String) {
        // Another list starts at 0.
        self.shown = self.shown.min(count);
        if self.is_terminal && count >= self.shown + Self::UPDATE_INTERVAL {
            (self.shown, self.is_visible) = (count, true);
            status(&text());
        }
    }

    /// Removes the progress line.
    pub fn clear(&self) {
        if self.is_visible {
            status("");
        }
    }
}
