//! The log: one structured line an event, to stderr; text on a terminal, JSON otherwise.

use std::io::{self, IsTerminal as _};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// How many lines wait for a stderr that isn't read, before those that come are lost: never the answers.
const WAITING_LINES: usize = 4096;

/// Writes what was logged, when it is dropped.
#[must_use]
pub struct Log {
    _writer: WorkerGuard,
}

/// Starts the log, and logs panics. `filter` is a level, or directives as `info,servicecidr_guard::server=debug`.
///
/// # Errors
/// If `filter` is neither.
pub fn start(format: LogFormat, filter: &str) -> Result<Log, ParseError> {
    let filter = EnvFilter::builder().parse(filter)?;
    let writer = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_LINES);
    let (writer, guard) = writer.finish(io::stderr());
    let is_terminal = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(is_terminal).with_writer(writer);
    let is_json = match format {
        LogFormat::Auto => !is_terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    // A second start, as in tests, keeps the first.
    let _ = if is_json { log.json().flatten_event(true).try_init() } else { log.try_init() };
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let message = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
        tracing::error!(message_of_panic = message, location, "panicked");
    }));
    Ok(Log { _writer: guard })
}
