//! The log: one structured line an event, to stderr; text on a terminal, JSON otherwise.

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::thread;
use std::time::Duration;

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

/// How long lines wait for others that go with them, after some were written.
const PAUSE: Duration = Duration::from_millis(10);

/// Rests after each flush. Under load the thread that writes then finds many lines at once, and whoever logs
/// needn't wake it: that took more of a review's time than its decision.
struct Unhurried<W>(W);

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
    let (writer, guard) = writer.finish(Unhurried(BufWriter::new(io::stderr())));
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

impl<W: Write> Write for Unhurried<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        thread::sleep(PAUSE);
        Ok(())
    }
}
