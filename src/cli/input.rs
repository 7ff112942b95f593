//! What the commands about a cluster's state read: lists from files, and what a policy declares.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use crate::inventory::{FamiliesSource, Inventory};
use crate::kube::{ListReader, Reading};
use crate::net::grouped;
use crate::policy::Policy;

use super::output::{Encoding, Room};
use super::sources::{Depth, sources};
use super::table::{Header, plural};
use super::{Failure, output, policy};

/// Where the cluster's state is read from, and how the result is printed.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(flatten)]
    holdings: Holdings,

    /// A policy file: its ipFamilies and networks are taken into account
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// How to print the result
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,

    /// Print tables without their header
    #[arg(long)]
    no_headers: bool,
}

/// Where what the cluster holds is read from.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Holdings {
    /// What `kubectl get servicecidrs,ipaddresses -o json` printed (or -o yaml), a folder of such
    /// files, or - for standard input; repeatable. With services in the list, more is found
    #[arg(short = 'f', long = "filename", visible_alias = "inventory", value_name = "FILE|DIR|-", required = true)]
    files: Vec<PathBuf>,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// For people with wide terminals
    Wide,
    /// For programs: counts are decimal strings, for they exceed 2^64
    Json,
    /// The same as YAML
    Yaml,
}

impl Args {
    pub fn header(&self) -> Header {
        if self.no_headers { Header::Hidden } else { Header::Shown }
    }

    /// How much a line may hold.
    pub fn room(&self) -> Room {
        if self.output == Format::Wide { Room::Unlimited } else { output::room() }
    }

    /// Reads everything. What was left out is said on stderr; so is what had to be assumed.
    pub fn read(&self) -> Result<State, Failure> {
        let loaded = self.policy.as_deref().map(policy::load).transpose()?;
        self.holdings.read(loaded.as_ref().map(|loaded| &loaded.policy))
    }
}

impl Format {
    /// As what programs read it; `None` for people.
    pub fn encoding(self) -> Option<Encoding> {
        match self {
            Self::Table | Self::Wide => None,
            Self::Json => Some(Encoding::Json),
            Self::Yaml => Some(Encoding::Yaml),
        }
    }
}

impl Holdings {
    /// These files.
    pub fn of(files: Vec<PathBuf>) -> Self {
        Self { files }
    }

    /// Reads everything, with what a policy declares. What was left out is said on stderr; so is what had
    /// to be assumed.
    pub fn read(&self, policy: Option<&Policy>) -> Result<State, Failure> {
        let mut inventory = Inventory::default();
        if let Some(policy) = policy {
            inventory.declare(policy.ip_families.as_deref(), policy.networks.clone());
        }
        let mut progress = Progress::new();
        let mut reader = ListReader::new(&mut inventory, |count| progress.show(count));
        let sources = sources(&self.files, Depth::Folder)?;
        for source in &sources {
            reader.read(&source.name, source.open()?).map_err(Failure::input)?;
        }
        let reading = reader.finish();
        progress.clear();
        say_left_out(&reading);
        if reading.service_cidrs == 0 {
            return Err(Failure::input("no ServiceCIDR was read: the total would be wrong")
                .with_hint("kubectl get servicecidrs,ipaddresses,services --all-namespaces -o json"));
        }
        if reading.addresses == 0 {
            output::talk("note: no IPAddress was read: every address counts as free");
        }
        if inventory.families().source() == FamiliesSource::Assumed {
            output::talk("note: no ServiceCIDR `kubernetes` was read: both IP families are taken to be configured");
        }
        let origin = match sources.as_slice() {
            [one] => one.name.clone(),
            _ => "inventory".to_owned(),
        };
        Ok(State { inventory, origin, is_whole: reading.left_out == 0 })
    }
}

/// What was read.
pub(super) struct State {
    pub inventory: Inventory,
    /// The file that it was read from, if it is one.
    pub origin: String,
    /// Whether nothing was left out.
    is_whole: bool,
}

impl State {
    /// The end of a command whose result is printed: an error if it isn't the whole truth.
    pub fn end(&self) -> Result<(), Failure> {
        if self.is_whole {
            return Ok(());
        }
        Err(Failure::input("the result lacks what was left out"))
    }
}

fn say_left_out(reading: &Reading) {
    for left_out in &reading.first_left_out {
        output::talk(&format!("left out: {left_out}"));
    }
    let more = reading.left_out - reading.first_left_out.len() as u64;
    if more > 0 {
        let items = plural(u128::from(more), "other", "others");
        output::talk(&format!("left out: {} {items}", grouped(u128::from(more))));
    }
}

/// How far a long read is, on a terminal.
struct Progress {
    is_shown: bool,
    shown: u64,
}

impl Progress {
    const EVERY: u64 = 20_000;

    fn new() -> Self {
        Self { is_shown: io::stderr().is_terminal(), shown: 0 }
    }

    fn show(&mut self, count: u64) {
        if self.is_shown && count >= self.shown + Self::EVERY {
            self.shown = count;
            output::status(&format!("read {} objects", grouped(u128::from(count))));
        }
    }

    fn clear(&mut self) {
        if self.shown > 0 {
            output::status("");
        }
    }
}
