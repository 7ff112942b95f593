//! The input of commands: lists from files or a cluster, and the declarations of a policy.

use std::path::PathBuf;

use crate::inventory::{FamiliesSource, Inventory};
use crate::k8s::{ListReader, Reading};
use crate::policy::Policy;

use crate::cli::exit::Exit;
use crate::cli::support::output::Progress;
use crate::cli::support::output_args::{OutputArgs, TableFormat};
use crate::cli::support::sources::{Depth, sources};
use crate::cli::support::{cluster, output, policy};
use crate::text::{plural, thousands};

/// The source of the cluster state, and the output format.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    source: InventoryWithPolicyArgs,

    #[command(flatten)]
    pub output: OutputArgs<TableFormat>,
}

/// The cluster state, and a policy with declarations.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(in crate::cli) struct InventoryWithPolicyArgs {
    #[command(flatten)]
    inventory: InventoryArgs,

    /// A policy file, for its ipFamilies and networks
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// The source of the cluster state.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(in crate::cli) struct InventoryArgs {
    /// The output of `kubectl get servicecidrs,ipaddresses -o json` (or -o yaml), a folder of such files, or -
    /// for standard input; repeatable. Include services to also find leaked and missing IPAddresses. Default:
    /// read the cluster of the kubeconfig
    #[arg(short = 'f', long = "filename", visible_alias = "inventory", value_name = "FILE|DIR|-")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    cluster: cluster::Args,
}

/// Whether Nodes are listed too, from a cluster. Files are read completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum ReadNodes {
    Yes,
    No,
}

impl Args {
    /// Reads everything. Skipped objects and assumptions are reported on stderr.
    pub fn read(&self) -> Result<LoadedInventory, Exit> {
        Ok(self.source.read(ReadNodes::No)?.0)
    }
}

impl InventoryWithPolicyArgs {
    /// Reads everything, and the policy if there is one. Also lists Nodes if the policy discovers their networks.
    pub fn read(&self, nodes: ReadNodes) -> Result<(LoadedInventory, Option<Policy>), Exit> {
        let policy = self.policy.as_deref().map(policy::load).transpose()?.map(|loaded| loaded.policy);
        let nodes = if policy.as_ref().is_some_and(Policy::requires_nodes) { ReadNodes::Yes } else { nodes };
        Ok((self.inventory.read(policy.as_ref(), nodes)?, policy))
    }
}

impl InventoryArgs {
    /// Files, or else the cluster.
    pub fn of(files: Vec<PathBuf>, cluster: cluster::Args) -> Self {
        Self { files, cluster }
    }

    /// Reads everything, with the declarations of a policy: the files, or the cluster if there are none. Skipped
    /// objects and assumptions are reported on stderr.
    pub fn read(&self, policy: Option<&Policy>, nodes: ReadNodes) -> Result<LoadedInventory, Exit> {
        let mut inventory = Inventory::default();
        if let Some(policy) = policy {
            policy.declare_in(&mut inventory);
        }
        let (reading, origin, hint) = if self.files.is_empty() {
            let snapshot = self.cluster.read(&mut inventory, nodes == ReadNodes::Yes)?;
            (snapshot.reading, "cluster".to_owned(), "every cluster has one: is kube-apiserver still starting?")
        } else if let Some(flag) = self.cluster.first_flag() {
            return Err(Exit::input(format!("{flag} is for reading the cluster, not files (-f)")));
        } else {
            let (reading, origin) = self.read_files(&mut inventory)?;
            (reading, origin, "kubectl get servicecidrs,ipaddresses,services --all-namespaces -o json")
        };
        print_skipped(&reading);
        if reading.service_cidrs == 0 {
            return Err(Exit::input("no ServiceCIDR was read: the total would be wrong").with_hint(hint));
        }
        if reading.addresses == 0 {
            output::message("note: no IPAddress was read: every address is counted as free");
        }
        if inventory.families().source() == FamiliesSource::Assumed {
            output::message(
                "note: no ServiceCIDR `kubernetes` was read: both IP families are assumed to be configured",
            );
        }
        Ok(LoadedInventory { inventory, origin, is_complete: reading.skipped == 0 })
    }

    /// Reads the files. Returns what was read, and the name for messages.
    fn read_files(&self, inventory: &mut Inventory) -> Result<(Reading, String), Exit> {
        let mut progress = Progress::new();
        let mut reader = ListReader::new(inventory, |count| {
            progress.update(count, || format!("read {} objects", thousands(u128::from(count))));
        });
        let sources = sources(&self.files, Depth::Folder)?;
        let outcome =
            sources.iter().try_for_each(|source| reader.read(&source.name, source.open()?).map_err(Exit::input));
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

/// An inventory, and its origin.
pub(in crate::cli) struct LoadedInventory {
    pub inventory: Inventory,
    /// The file that it was read from, if it is only one.
    pub origin: String,
    /// Whether no object was skipped.
    is_complete: bool,
}

impl LoadedInventory {
    /// An error if objects were skipped. Call it after the result is printed.
    pub fn ensure_complete(&self) -> Result<(), Exit> {
        if self.is_complete {
            return Ok(());
        }
        Err(Exit::input("the result is incomplete: objects were skipped"))
    }
}

fn print_skipped(reading: &Reading) {
    for skipped in &reading.first_skipped {
        output::message(&format!("skipped: {skipped}"));
    }
    let more = reading.skipped - reading.first_skipped.len() as u64;
    if more > 0 {
        let items = plural(u128::from(more), "other", "others");
        output::message(&format!("skipped: {} {items}", thousands(u128::from(more))));
    }
}
