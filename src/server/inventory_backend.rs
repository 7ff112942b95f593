//! `InventoryBackend`: the cluster state that requests are evaluated against, and how fresh it is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::SystemTime;

use crate::inventory::{Inventory, ObservedInventory, ResourceKind};
use crate::k8s::{ListReader, SharedInventory, Status};
use crate::policy::Policy;

/// The source of the cluster state, with what was read from it.
pub(super) enum InventoryBackend {
    /// No source: `--inventory none`.
    None,
    /// A file: `--inventory FILE`.
    File(Box<InventoryFile>),
    /// The watched cluster: `--inventory cluster`.
    Cluster(Arc<SharedInventory>),
}

/// An inventory that is reloaded when its file changes. It is never stale.
pub(super) struct InventoryFile {
    path: PathBuf,
    inventory: RwLock<Inventory>,
}

/// How far the inventory is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SyncState {
    /// There is no inventory.
    Absent,
    /// The first lists are not complete; the text reports the progress.
    Syncing(String),
    /// The first lists are complete.
    Synced,
}

/// Detects that a file was replaced or changed, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileFingerprint {
    length: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

/// The inventory of `--inventory none`. Shared by all requests: creating one takes longer than evaluating a request.
static EMPTY: LazyLock<Inventory> = LazyLock::new(Inventory::default);

impl InventoryBackend {
    /// Runs `read` with the current cluster state.
    pub fn with_inventory<T>(&self, read: impl FnOnce(&ObservedInventory<'_>) -> T) -> T {
        match self {
            Self::None => read(&ObservedInventory::absent(&EMPTY)),
            Self::File(file) => {
                read(&ObservedInventory::static_file(&file.inventory.read().unwrap_or_else(PoisonError::into_inner)))
            }
            Self::Cluster(live) => read(&ObservedInventory {
                inventory: &live.read(),
                service_cidrs: live.freshness(ResourceKind::ServiceCidrs),
                addresses: live.freshness(ResourceKind::IpAddresses),
                nodes: live.freshness(ResourceKind::Nodes),
            }),
        }
    }

    /// Sets the families and networks that a policy declares, and calls `activate` under the same lock: a request
    /// is evaluated by one policy together with the declarations of that policy.
    pub fn apply_policy(&self, policy: &Policy, activate: impl FnOnce()) {
        let apply = |inventory: &mut Inventory| {
            declare(inventory, policy);
            activate();
        };
        match self {
            Self::None => apply(&mut Inventory::default()),
            Self::File(file) => apply(&mut file.inventory.write().unwrap_or_else(PoisonError::into_inner)),
            Self::Cluster(live) => live.update(apply),
        }
    }

    /// Whether the ServiceCIDRs are read. Rules that need them can't be evaluated before.
    pub fn service_cidrs(&self) -> SyncState {
        match self {
            Self::None => SyncState::Absent,
            Self::File(_) => SyncState::Synced,
            Self::Cluster(live) => sync_state(live, &[ResourceKind::ServiceCidrs]),
        }
    }

    /// Whether everything is read that a capacity report needs.
    pub fn capacity(&self) -> SyncState {
        match self {
            Self::Cluster(live) => sync_state(live, &[ResourceKind::ServiceCidrs, ResourceKind::IpAddresses]),
            Self::None | Self::File(_) => self.service_cidrs(),
        }
    }

    /// The watch status of each kind; empty without a cluster.
    pub fn watch_status(&self) -> Vec<(ResourceKind, Status)> {
        match self {
            Self::Cluster(live) => ResourceKind::ALL.map(|kind| (kind, live.status(kind))).to_vec(),
            Self::None | Self::File(_) => Vec::new(),
        }
    }
}

impl InventoryFile {
    /// Reads the file for the first time.
    pub fn open(path: &Path, policy: &Policy) -> Result<(Self, FileFingerprint), String> {
        // Taken before the read, so that a change during the read is detected.
        let fingerprint = fingerprint(path)?;
        let inventory = read(path, policy)?;
        Ok((Self { path: path.to_owned(), inventory: RwLock::new(inventory) }, fingerprint))
    }

    /// The fingerprint of the file as it is now.
    pub fn fingerprint(&self) -> Result<FileFingerprint, String> {
        fingerprint(&self.path)
    }

    /// Reads the file again. On failure the previous inventory stays.
    pub fn reload(&self, policy: &Policy) -> Result<(), String> {
        let inventory = read(&self.path, policy)?;
        *self.inventory.write().unwrap_or_else(PoisonError::into_inner) = inventory;
        Ok(())
    }
}

fn read(path: &Path, policy: &Policy) -> Result<Inventory, String> {
    let name = path.display().to_string();
    let mut inventory = Inventory::default();
    declare(&mut inventory, policy);
    let mut reader = ListReader::new(&mut inventory, |_| ());
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    reader.read(&name, file).map_err(|error| error.to_string())?;
    let reading = reader.finish();
    if reading.service_cidrs == 0 {
        return Err(format!("{name}: contains no ServiceCIDR: every cluster has one"));
    }
    for object in &reading.first_skipped {
        tracing::warn!(%object, "inventory object skipped");
    }
    let (service_cidrs, addresses, skipped) = (reading.service_cidrs, reading.addresses, reading.skipped);
    tracing::info!(inventory = name, service_cidrs, addresses, skipped, "inventory loaded");
    Ok(inventory)
}

fn fingerprint(path: &Path) -> Result<FileFingerprint, String> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(FileFingerprint { length: metadata.len(), modified: metadata.modified().ok(), inode: metadata.ino() })
}

/// Whether the first lists of these kinds are complete, or their progress.
fn sync_state(live: &SharedInventory, kinds: &[ResourceKind]) -> SyncState {
    let unlisted = kinds.iter().map(|kind| (kind, live.status(*kind))).filter(|(_, status)| !status.is_listed);
    let progress: Vec<String> = unlisted
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
    if progress.is_empty() { SyncState::Synced } else { SyncState::Syncing(progress.join("; ")) }
}

fn declare(inventory: &mut Inventory, policy: &Policy) {
    inventory.apply_declarations(policy.ip_families.as_deref(), policy.networks.clone());
}
