//! `-o` and `--no-headers`, for every command that prints a result.

use clap::ValueEnum;

use crate::cli::support::output::Encoding;
use crate::cli::support::table::Header;

/// How a command prints its result.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(in crate::cli) struct OutputArgs<F: OutputFormat> {
    #[arg(short = 'o', long = "output", value_enum, default_value = "table", help = F::HELP)]
    pub format: F,

    /// Omit table headers
    #[arg(long)]
    no_headers: bool,
}

/// The formats of a command.
pub(in crate::cli) trait OutputFormat: ValueEnum + Copy + Send + Sync + 'static {
    /// The help of `--output`.
    const HELP: &'static str = "How to print the result";

    /// The encoding of a machine-readable format; `None` if the command renders the format itself.
    fn encoding(self) -> Option<Encoding>;
}

/// The formats of a command whose result is a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum TableFormat {
    /// Human-readable
    Table,
    /// Human-readable, with more columns
    Wide,
    /// Machine-readable; counts are decimal strings, because they can exceed 2^64
    Json,
    /// Machine-readable, as YAML
    Yaml,
}

impl<F: OutputFormat> OutputArgs<F> {
    /// Whether tables have a header.
    pub fn header(&self) -> Header {
        Header::unless(self.no_headers)
    }

    /// The encoding of a machine-readable format.
    pub fn encoding(&self) -> Option<Encoding> {
        self.format.encoding()
    }
}

impl OutputFormat for TableFormat {
    fn encoding(self) -> Option<Encoding> {
        match self {
            Self::Table | Self::Wide => None,
            Self::Json => Some(Encoding::Json),
            Self::Yaml => Some(Encoding::Yaml),
        }
    }
}
