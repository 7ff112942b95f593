//! `SharedInventory`: the inventory that watches update and many threads read.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::time::{Duration, Instant};

use crate::inventory::{Freshness, Inventory, ResourceKind, SweepStatus};

use super::status::{Progress, Status};

/// The number of attempts to get the write lock before readers have to wait.
const WRITE_LOCK_ATTEMPTS: u32 = 500;
/// The pause between two attempts.
const WRITE_LOCK_INTERVAL: Duration = Duration::from_millis(1);

/// The inventory that watches update.
///
/// Reading never fails: a thread that panicked with the lock leaves an inventory as good as one whose watch is
/// behind.
#[derive(Debug, Default)]
pub struct SharedInventory {
    inventory: RwLock<Inventory>,
    service_cidrs: Mutex<Progress>,
    addresses: Mutex<Progress>,
    nodes: Mutex<Progress>,
}

impl SharedInventory {
    /// The inventory. Release it soon: nothing can change while it is borrowed.
    pub fn read(&self) -> RwLockReadGuard<'_, Inventory> {
        self.inventory.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the inventory: for what a policy declares. Blocks while others read.
    pub fn update<T>(&self, change: impl FnOnce(&mut Inventory) -> T) -> T {
        change(&mut self.inventory.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The state of the watch of a kind.
    #[must_use]
    pub fn status(&self, kind: ResourceKind) -> Status {
        self.status_at(kind, Instant::now())
    }

    /// The state of the watch of a kind, with its age at `now`.
    #[must_use]
    pub fn status_at(&self, kind: ResourceKind, now: Instant) -> Status {
        let objects = self.read().count(kind);
        self.progress(kind).status(objects, now)
    }

    /// The freshness of a kind, for an evaluation: without the rest of its status.
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

    /// Changes the inventory while no reader has the lock. A waiting writer makes new readers wait, and a report may
    /// read for long; so this retries for about half a second before it waits.
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

    /// Removes the objects that are not in the last list, a few at a time.
    pub(super) async fn sweep(&self, kind: ResourceKind) {
        while self.write(|inventory| inventory.sweep(kind)).await == SweepStatus::Unfinished {
            tokio::task::yield_now().await;
        }
    }

    /// Removes all objects of a kind that is no longer watched.
    pub(super) async fn stop_following(&self, kind: ResourceKind) {
        self.progress(kind).ceased();
        self.write(|inventory| inventory.begin_relist(kind)).await;
        self.sweep(kind).await;
    }
}
