//! Logging: one structured line per event to stderr, as text on a terminal and as JSON otherwise.

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
    /// Human-readable lines.
    Text,
    /// One JSON object per line.
    Json,
}

/// How many lines are buffered while stderr is blocked. Further lines are dropped; responses never wait.
const BUFFERED_LINES_LIMIT: usize = 4096;

/// How long the writer sleeps after each flush, so that the next lines are written together.
const FLUSH_INTERVAL: Duration = Duration::from_millis(10);

/// Sleeps after each flush to batch lines. Without it, waking the writer thread takes more of a review's time than
/// the decision.
struct BatchedWriter<W>(W);

/// Flushes the log when it is dropped.
#[must_use]
pub struct LogGuard {
    _writer: WorkerGuard,
}

/// Initializes logging, and logs panics. `filter` is a level, or directives such as `info,servicecidr_guard::server=debug`.
///
/// # Errors
/// If `filter` is neither.
pub fn init(format: LogFormat, filter: &str) -> Result<LogGuard, ParseError> {
    let filter = EnvFilter::builder().parse(filter)?;
    let writer = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(BUFFERED_LINES_LIMIT);
    let (writer, guard) = writer.finish(BatchedWriter(BufWriter::new(io::stderr())));
    let is_terminal = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(is_terminal).with_writer(writer);
    let is_json = match format {
        LogFormat::Auto => !is_terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    // A second call, as in tests, keeps the first subscriber.
    let _ = if is_json { log.json().flatten_event(true).try_init() } else { log.try_init() };
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let message = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
        tracing::error!(panic.message = message, location, "panicked");
    }));
    Ok(LogGuard { _writer: guard })
}

impl<W: Write> Write for BatchedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        thread::sleep(FLUSH_INTERVAL);
        Ok(())
    }
}
