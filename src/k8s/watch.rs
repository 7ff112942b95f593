//! Lists and watches of a cluster, into an inventory that is always there to be read, or once.
//!
//! A loop a kind, each on its own: one that fails, or lacks a permission, holds up no other. What is
//! known stays, with an age, while the API server can't be reached.

mod config;
mod entry;
mod event;
mod failure;
mod http;
mod lines;
mod list;
mod page;
mod reflector;
mod resource;
mod resource_version;
mod shared_inventory;
mod snapshot;
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
pub use shared_inventory::SharedInventory;
pub use snapshot::{Snapshot, SnapshotError, service_cidr_names, snapshot};
pub use status::Status;

use reflector::Reflector;

/// What is to be followed beside ServiceCIDRs and IPAddresses. A policy may change it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchScope {
    /// Nodes: their pod networks and addresses.
    pub nodes: bool,
}

/// Keeps an inventory up to date, until it is cancelled. To be run in a tokio runtime.
///
/// `wanted` may change at any time: Nodes are listed when they begin to be wanted, and forgotten when
/// they cease to be. When its sender is gone, it stays as it was.
pub async fn run(
    client: Client,
    live: Arc<SharedInventory>,
    wanted: Receiver<WatchScope>,
    timing: WatchConfig,
) -> Infallible {
    let feed = |kind| Reflector { client: client.clone(), live: Arc::clone(&live), kind, timing };
    let (service_cidrs, addresses, nodes) =
        (feed(ResourceKind::ServiceCidrs), feed(ResourceKind::IpAddresses), feed(ResourceKind::Nodes));
    let (never, ..) = tokio::join!(service_cidrs.follow(), addresses.follow(), follow_nodes(nodes, wanted));
    never
}

async fn follow_nodes(feed: Reflector, mut wanted: Receiver<WatchScope>) -> Infallible {
    loop {
        until(&mut wanted, |wanted| wanted.nodes).await;
        tokio::select! {
            never = feed.follow() => return never,
            () = until(&mut wanted, |wanted| !wanted.nodes) => feed.live.stop_following(ResourceKind::Nodes).await,
        }
        tracing::info!("nodes are no longer followed");
    }
}

/// Waits until what is wanted is so. For ever, if nobody is left to change it.
async fn until(wanted: &mut Receiver<WatchScope>, is_so: impl Fn(&WatchScope) -> bool) {
    if wanted.wait_for(is_so).await.is_err() {
        pending::<()>().await;
    }
}
