//! Lists and watches of a cluster, into an inventory that can always be read, or one list of each kind.
//!
//! Each kind has its own loop: one that fails, or lacks a permission, delays no other. While the API server can't be
//! reached, the inventory stays as it was and its age grows.

mod config;
mod context;
mod entry;
mod event;
mod failure;
mod http;
mod lines;
mod list;
mod object;
mod page;
mod reflector;
mod resource;
mod resource_version;
mod shared_inventory;
mod snapshot;
mod state;
mod status;
mod stream;

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use kube::Client;
use tokio::sync::watch::Receiver;

use crate::inventory::ResourceKind;

pub use config::WatchConfig;
pub use entry::Entry;
pub use event::{WatchEvent, WatchEventError};
pub use failure::FailureReason;
pub use object::{NamedObject, ObjectError, Observed, PatchType};
pub use shared_inventory::SharedInventory;
pub use snapshot::{Snapshot, SnapshotError, service_cidr_names, snapshot};
pub use status::Status;

use context::WatchContext;
use reflector::Reflector;

/// What is watched besides ServiceCIDRs and IPAddresses. It changes with the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchScope {
    /// Nodes: their pod networks and addresses.
    pub nodes: bool,
}

/// Keeps an inventory up to date until it is cancelled. Runs in a tokio runtime.
///
/// `scope` may change at any time: Nodes are listed once they are in scope, and removed when they no longer are. When
/// its sender is gone, the scope no longer changes.
pub async fn run(
    client: Client,
    inventory: Arc<SharedInventory>,
    scope: Receiver<WatchScope>,
    config: WatchConfig,
) -> Infallible {
    let reflector =
        |kind| Reflector(WatchContext { client: client.clone(), inventory: Arc::clone(&inventory), kind, config });
    let (service_cidrs, addresses, nodes) =
        (reflector(ResourceKind::ServiceCidrs), reflector(ResourceKind::IpAddresses), reflector(ResourceKind::Nodes));
    let (never, ..) = tokio::join!(service_cidrs.follow(), addresses.follow(), follow_nodes(nodes, scope));
    never
}

async fn follow_nodes(reflector: Reflector, mut scope: Receiver<WatchScope>) -> Infallible {
    loop {
        until(&mut scope, |scope| scope.nodes).await;
        tokio::select! {
            never = reflector.follow() => return never,
            () = until(&mut scope, |scope| !scope.nodes) => reflector.0.inventory.stop_following(ResourceKind::Nodes).await,
        }
        tracing::info!("nodes are no longer watched");
    }
}

/// Waits until a condition is true of the scope; forever if its sender is gone.
async fn until(scope: &mut Receiver<WatchScope>, condition: impl Fn(&WatchScope) -> bool) {
    if scope.wait_for(condition).await.is_err() {
        pending::<()>().await;
    }
}
