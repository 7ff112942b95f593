//! `SharedInventory`: the inventory that watches keep up to date, for many to read.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::time::{Duration, Instant};

use crate::inventory::{Freshness, Inventory, ResourceKind, SweepStatus};

use super::status::{Progress, Status};

/// How often a watch tries for the lock before it makes readers wait.
const WRITE_LOCK_ATTEMPTS: u32 = 500;
/// How long it waits between two tries.
const WRITE_LOCK_INTERVAL: Duration = Duration::from_millis(1);

/// The inventory that watches keep up to date.
///
/// Reading never fails: a thread that panicked with the lock leaves an inventory that is as good as one
/// whose watch fell behind.
#[derive(Debug, Default)]
pub struct SharedInventory {
    inventory: RwLock<Inventory>,
    service_cidrs: Mutex<Progress>,
    addresses: Mutex<Progress>,
    nodes: Mutex<Progress>,
}

impl SharedInventory {
    /// The inventory as it is. Don't hold on to it: while it is held, nothing can change.
    pub fn read(&self) -> RwLockReadGuard<'_, Inventory> {
        self.inventory.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the inventory: for what a policy declares. Blocks while others read.
    pub fn update<T>(&self, change: impl FnOnce(&mut Inventory) -> T) -> T {
        change(&mut self.inventory.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// How far a kind is followed.
    #[must_use]
    pub fn status(&self, kind: ResourceKind) -> Status {
        self.status_at(kind, Instant::now())
    }

    /// How far a kind is followed, with the age that it has at `now`.
    #[must_use]
    pub fn status_at(&self, kind: ResourceKind, now: Instant) -> Status {
        let objects = self.read().count(kind);
        self.progress(kind).status(objects, now)
    }

    /// How fresh a kind is, for a decision: without the rest of its status.
    #[must_use]
    pub fn freshness(&self, kind: ResourceKind) -> Freshness {
        self.progress(kind).freshness(Instant::now())
    }

    pub(super) fn progress(&self, kind: ResourceKind) -> MutexGuard<'_, Progress> {
        let progress = match kind {
            ResourceKind::ServiceCidrs => &self.service_cidrs,
            ResourceKind::IpAddresses => &self.addresses,
            ResourceKind::Nodes => &self.nodes,
        };
        progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the inventory in the gaps that readers leave. A writer that waits makes new readers wait
    /// behind it, and a report may read for long; so it tries for half a second or so before it waits.
    pub(super) async fn write<T>(&self, change: impl FnOnce(&mut Inventory) -> T) -> T {
        for _ in 0..WRITE_LOCK_ATTEMPTS {
            match self.inventory.try_write() {
                Ok(mut inventory) => return change(&mut inventory),
                Err(TryLockError::Poisoned(poisoned)) => return change(&mut poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
            tokio::time::sleep(WRITE_LOCK_INTERVAL).await;
        }
        self.update(change)
    }

    /// Forgets what the list that was begun last didn't name, a little at a time.
    pub(super) async fn sweep(&self, kind: ResourceKind) {
        while self.write(|inventory| inventory.sweep(kind)).await == SweepStatus::Unfinished {
            tokio::task::yield_now().await;
        }
    }

    /// Forgets everything of a kind that is no longer followed.
    pub(super) async fn stop_following(&self, kind: ResourceKind) {
        self.progress(kind).ceased();
        self.write(|inventory| inventory.begin_relist(kind)).await;
        self.sweep(kind).await;
    }
}
