//! What the commands about a cluster's state read: lists from files, and what a policy declares.

use std::path::PathBuf;

use crate::inventory::{FamiliesSource, Inventory};
use crate::k8s::{ListReader, Reading};
use crate::policy::Policy;
use crate::text::{plural, thousands};

use super::output::{Encoding, Progress};
use super::sources::{Depth, sources};
use super::table::Header;
use super::{Failure, cluster, output, policy};

/// Where the cluster's state is read from, and how the result is printed.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,

    /// How to print the result
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,

    /// Print tables without their header
    #[arg(long)]
    no_headers: bool,
}

/// What the cluster holds, and the policy that says what is declared of it.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Source {
    #[command(flatten)]
    holdings: Holdings,

    /// A policy file: its ipFamilies and networks are taken into account
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// Where what the cluster holds is read from.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Holdings {
    /// What `kubectl get servicecidrs,ipaddresses -o json` printed (or -o yaml), a folder of such
    /// files, or - for standard input; repeatable. With services in the list, more is found. Without it, the cluster of
    /// the kubeconfig is read
    #[arg(short = 'f', long = "filename", visible_alias = "inventory", value_name = "FILE|DIR|-")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    cluster: cluster::Args,
}

/// Whether Nodes are read too, from a cluster. Files are read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nodes {
    Wanted,
    Unwanted,
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
        Header::unless(self.no_headers)
    }

    /// Reads everything. What was left out is said on stderr; so is what had to be assumed.
    pub fn read(&self) -> Result<State, Failure> {
        Ok(self.source.read(Nodes::Unwanted)?.0)
    }
}

impl Source {
    /// Reads everything, and the policy if one is named. Nodes also where it discovers what they hold.
    pub fn read(&self, nodes: Nodes) -> Result<(State, Option<Policy>), Failure> {
        let policy = self.policy.as_deref().map(policy::load).transpose()?.map(|loaded| loaded.policy);
        let nodes = if policy.as_ref().is_some_and(Policy::requires_nodes) { Nodes::Wanted } else { nodes };
        Ok((self.holdings.read(policy.as_ref(), nodes)?, policy))
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
    /// These files, or the cluster if there is none.
    pub fn of(files: Vec<PathBuf>, cluster: cluster::Args) -> Self {
        Self { files, cluster }
    }

    /// Reads everything, with what a policy declares: the files, or the cluster if none is named. What was left out is
    /// said on stderr; so is what had to be assumed.
    pub fn read(&self, policy: Option<&Policy>, nodes: Nodes) -> Result<State, Failure> {
        let mut inventory = Inventory::default();
        if let Some(policy) = policy {
            inventory.apply_declarations(policy.ip_families.as_deref(), policy.networks.clone());
        }
        let (reading, origin, hint) = if self.files.is_empty() {
            let snapshot = self.cluster.read(&mut inventory, nodes == Nodes::Wanted)?;
            (snapshot.reading, "cluster".to_owned(), "every cluster has one: is kube-apiserver still starting?")
        } else if let Some(flag) = self.cluster.given() {
            return Err(Failure::input(format!("{flag} is for reading the cluster, and -f names files")));
        } else {
            let (reading, origin) = self.read_files(&mut inventory)?;
            (reading, origin, "kubectl get servicecidrs,ipaddresses,services --all-namespaces -o json")
        };
        say_left_out(&reading);
        if reading.service_cidrs == 0 {
            return Err(Failure::input("no ServiceCIDR was read: the total would be wrong").with_hint(hint));
        }
        if reading.addresses == 0 {
            output::talk("note: no IPAddress was read: every address counts as free");
        }
        if inventory.families().source() == FamiliesSource::Assumed {
            output::talk("note: no ServiceCIDR `kubernetes` was read: both IP families are taken to be configured");
        }
        Ok(State { inventory, origin, is_whole: reading.left_out == 0 })
    }

    /// What was read, and what the files go by.
    fn read_files(&self, inventory: &mut Inventory) -> Result<(Reading, String), Failure> {
        let mut progress = Progress::new();
        let mut reader = ListReader::new(inventory, |count| {
            progress.say(count, || format!("read {} objects", thousands(u128::from(count))));
        });
        let sources = sources(&self.files, Depth::Folder)?;
        let outcome =
            sources.iter().try_for_each(|source| reader.read(&source.name, source.open()?).map_err(Failure::input));
        let reading = reader.finish();
        progress.clear();
        outcome?;
        let origin = match sources.as_slice() {
            [one] => one.name.clone(),
            _ => "inventory".to_owned(),
        };
        Ok((reading, origin))
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
        output::talk(&format!("left out: {} {items}", thousands(u128::from(more))));
    }
}
