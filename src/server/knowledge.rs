//! `Knowledge`: what the webhook knows of the cluster, and how fresh that is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::SystemTime;

use crate::inventory::{Inventory, Kind, Known};
use crate::k8s::{ListReader, Live, Status};
use crate::policy::Policy;

/// What the webhook knows of the cluster.
pub(super) enum Knowledge {
    /// Nothing: `--inventory none`.
    None,
    /// What a file holds: `--inventory FILE`.
    File(Box<InventoryFile>),
    /// What the cluster holds: `--inventory cluster`.
    Cluster(Arc<Live>),
}

/// An inventory that is read again when its file changes. It is never stale: it is what it says.
pub(super) struct InventoryFile {
    path: PathBuf,
    inventory: RwLock<Inventory>,
}

/// How far the inventory is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// There is none.
    Absent,
    /// It is being read: how far, for people.
    Syncing(String),
    /// It was read to its end.
    Read,
}

/// What tells one version of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

/// What is known of a cluster that isn't followed. One for all requests: to make it takes longer than to judge.
static NOTHING: LazyLock<Inventory> = LazyLock::new(Inventory::default);

impl Knowledge {
    /// Asks something of what is known.
    pub fn ask<T>(&self, ask: impl FnOnce(&Known<'_>) -> T) -> T {
        match self {
            Self::None => ask(&Known::nothing(&NOTHING)),
            Self::File(file) => ask(&Known::current(&file.inventory.read().unwrap_or_else(PoisonError::into_inner))),
            Self::Cluster(live) => ask(&Known {
                inventory: &live.read(),
                service_cidrs: live.freshness(Kind::ServiceCidrs),
                addresses: live.freshness(Kind::IpAddresses),
                nodes: live.freshness(Kind::Nodes),
            }),
        }
    }

    /// Takes up what a policy says of the cluster, and puts the policy in force before anybody asks again:
    /// a request is judged by one policy and what that one declares.
    pub fn declare(&self, policy: &Policy, put_in_force: impl FnOnce()) {
        let declare = |inventory: &mut Inventory| {
            policy.declare_in(inventory);
            put_in_force();
        };
        match self {
            Self::None => declare(&mut Inventory::default()),
            Self::File(file) => declare(&mut file.inventory.write().unwrap_or_else(PoisonError::into_inner)),
            Self::Cluster(live) => live.update(declare),
        }
    }

    /// Whether the ServiceCIDRs are read: without them, rules that need them can't judge.
    pub fn service_cidrs(&self) -> Readiness {
        match self {
            Self::None => Readiness::Absent,
            Self::File(_) => Readiness::Read,
            Self::Cluster(live) => syncing(live, &[Kind::ServiceCidrs]),
        }
    }

    /// Whether everything is read that a capacity report needs.
    pub fn capacity(&self) -> Readiness {
        match self {
            Self::Cluster(live) => syncing(live, &[Kind::ServiceCidrs, Kind::IpAddresses]),
            Self::None | Self::File(_) => self.service_cidrs(),
        }
    }

    /// How far each kind is followed; none but of a cluster.
    pub fn followed(&self) -> Vec<(Kind, Status)> {
        match self {
            Self::Cluster(live) => Kind::ALL.map(|kind| (kind, live.status(kind))).to_vec(),
            Self::None | Self::File(_) => Vec::new(),
        }
    }
}

impl InventoryFile {
    /// Reads the file for the first time.
    pub fn open(path: &Path, policy: &Policy) -> Result<(Self, Stamp), String> {
        // Before it is read: a change meanwhile is then seen as one.
        let stamp = stamp(path)?;
        let inventory = read(path, policy)?;
        Ok((Self { path: path.to_owned(), inventory: RwLock::new(inventory) }, stamp))
    }

    /// The file as it is now, without reading it.
    pub fn stamp(&self) -> Result<Stamp, String> {
        stamp(&self.path)
    }

    /// Reads the file again. If that fails, what was read before stays.
    pub fn read_again(&self, policy: &Policy) -> Result<(), String> {
        let inventory = read(&self.path, policy)?;
        *self.inventory.write().unwrap_or_else(PoisonError::into_inner) = inventory;
        Ok(())
    }
}

fn read(path: &Path, policy: &Policy) -> Result<Inventory, String> {
    let name = path.display().to_string();
    let mut inventory = Inventory::default();
    policy.declare_in(&mut inventory);
    let mut reader = ListReader::new(&mut inventory, |_| ());
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    reader.read(&name, file).map_err(|error| error.to_string())?;
    let reading = reader.finish();
    if reading.service_cidrs == 0 {
        return Err(format!("{name}: holds no ServiceCIDR: every cluster has one"));
    }
    for left_out in &reading.first_left_out {
        tracing::warn!(%left_out, "left out of the inventory");
    }
    let (service_cidrs, addresses, left_out) = (reading.service_cidrs, reading.addresses, reading.left_out);
    tracing::info!(inventory = name, service_cidrs, addresses, left_out, "inventory read");
    Ok(inventory)
}

fn stamp(path: &Path) -> Result<Stamp, String> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Stamp { length: metadata.len(), modified: metadata.modified().ok(), inode: metadata.ino() })
}

/// Whether lists of these kinds were read to their end, and how far they are.
fn syncing(live: &Live, kinds: &[Kind]) -> Readiness {
    let unread = kinds.iter().map(|kind| (kind, live.status(*kind))).filter(|(_, status)| !status.is_listed);
    let told: Vec<String> = unread
        .map(|(kind, status)| {
            let progress = match status.expected {
                Some(expected) => format!("syncing {} {}/{expected}", kind.plural(), status.seen),
                None => format!("syncing {} {}", kind.plural(), status.seen),
            };
            match status.last_error {
                Some(error) => format!("{progress}: {error}"),
                None => progress,
            }
        })
        .collect();
    if told.is_empty() { Readiness::Read } else { Readiness::Syncing(told.join("; ")) }
}
