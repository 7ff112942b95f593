//! `snapshot`: one list of each kind, for commands.

use http::Request;
use kube::Client;
use kube::core::Request as Resource;
use kube::core::params::ListParams;
use serde::Deserialize;
use thiserror::Error;

use crate::inventory::{Inventory, ResourceKind, SweepStatus};
use crate::k8s::item::{InventoryObject, UnreadableReason};
use crate::k8s::list::{Reading, SkippedObject};

use super::config::WatchConfig;
use super::entry::Entry;
use super::failure::{FailureReason, WatchFailure};
use super::http::fetch_page;
use super::page::Page;
use super::resource::{path, resource};

/// How often a list is restarted because its `continue` token expired.
const MAX_LIST_ATTEMPTS: u32 = 5;

/// What was listed.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The number of objects of each kind, and those that were skipped.
    pub reading: Reading,
    /// The optional kinds that can't be listed.
    pub unlisted: Vec<SnapshotError>,
}

/// Why a kind can't be listed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("can't list {resource}: {message}")]
pub struct SnapshotError {
    /// The resource, with its group.
    pub resource: &'static str,
    /// The reason, as in metrics of the webhook.
    pub reason: FailureReason,
    /// The error message.
    pub message: String,
}

/// A resource to list.
#[derive(Clone, Copy)]
enum SnapshotResource {
    Kind(ResourceKind),
    Services,
}

/// A complete list.
#[derive(Default)]
struct List {
    /// Objects that must not be stored before the list is complete.
    kept: Vec<InventoryObject>,
    count: u64,
    skipped: Vec<(u64, String, UnreadableReason)>,
    /// The number of objects in the list.
    items: u64,
}

/// Lists ServiceCIDRs, IPAddresses and Services, and Nodes if requested, into an inventory. `progress` gets the
/// resource, the number of its objects so far, and their total if the API server reports it.
///
/// # Errors
/// If ServiceCIDRs or IPAddresses can't be listed. The others are optional, and the result names those that are
/// missing.
pub async fn snapshot(
    client: &Client,
    timing: &WatchConfig,
    wants_nodes: bool,
    inventory: &mut Inventory,
    progress: &mut (dyn FnMut(&'static str, u64, Option<u64>) + Send),
) -> Result<Snapshot, SnapshotError> {
    let mut snapshot = Snapshot::default();
    let mut all = vec![
        SnapshotResource::Kind(ResourceKind::ServiceCidrs),
        SnapshotResource::Kind(ResourceKind::IpAddresses),
        SnapshotResource::Services,
    ];
    all.extend(wants_nodes.then_some(SnapshotResource::Kind(ResourceKind::Nodes)));
    for listed in all {
        let outcome = listed.read(client, timing, inventory, progress).await;
        let list = match (outcome, listed) {
            (Ok(list), _) => list,
            (Err(failure), SnapshotResource::Services | SnapshotResource::Kind(ResourceKind::Nodes)) => {
                snapshot.unlisted.push(listed.error(failure));
                continue;
            }
            (Err(failure), SnapshotResource::Kind(ResourceKind::ServiceCidrs))
                if failure.reason == FailureReason::NotFound =>
            {
                let version = version(client, timing).await.unwrap_or_default();
                return Err(listed.error(WatchFailure { message: format!("{}{version}", failure.message), ..failure }));
            }
            (Err(failure), SnapshotResource::Kind(_)) => return Err(listed.error(failure)),
        };
        *listed.count(&mut snapshot.reading) = list.count;
        if let SnapshotResource::Services = listed {
            inventory.mark_services_listed();
        }
        list.kept.into_iter().for_each(|object| object.put(inventory));
        for (item, name, reason) in list.skipped {
            let source_name = listed.resource().to_owned();
            snapshot.reading.skip(SkippedObject { source_name, item, name, reason });
        }
    }
    Ok(snapshot)
}

/// The names of all ServiceCIDRs.
///
/// # Errors
/// If they can't be listed.
pub async fn service_cidr_names(client: &Client, timing: &WatchConfig) -> Result<Vec<String>, SnapshotError> {
    let (listed, mut inventory) = (SnapshotResource::Kind(ResourceKind::ServiceCidrs), Inventory::default());
    let read = listed.read(client, timing, &mut inventory, &mut |_, _, _| ()).await;
    read.map_err(|failure| listed.error(failure))?;
    Ok(inventory.service_cidrs().map(|service_cidr| service_cidr.name.clone()).collect())
}

impl SnapshotResource {
    async fn read(
        self,
        client: &Client,
        timing: &WatchConfig,
        inventory: &mut Inventory,
        progress: &mut (dyn FnMut(&'static str, u64, Option<u64>) + Send),
    ) -> Result<List, WatchFailure> {
        let mut tries = 1;
        loop {
            match self.read_pages(client, timing, inventory, progress).await {
                // The pages so far belong to an expired state.
                Err(failure) if failure.reason == FailureReason::Expired && tries < MAX_LIST_ATTEMPTS => tries += 1,
                outcome => return outcome,
            }
        }
    }

    async fn read_pages(
        self,
        client: &Client,
        timing: &WatchConfig,
        inventory: &mut Inventory,
        progress: &mut (dyn FnMut(&'static str, u64, Option<u64>) + Send),
    ) -> Result<List, WatchFailure> {
        let mut list = List::default();
        let mut next: Option<String> = None;
        if let Self::Kind(kind) = self {
            inventory.begin_relist(kind);
        }
        loop {
            let mut params = ListParams::default().limit(timing.page_size);
            params.continue_token = next;
            let request = Resource::new(self.path()).list(&params);
            let request = request.map_err(|error| WatchFailure::from_error(FailureReason::Rejected, &error))?;
            let bytes = fetch_page(client, timing, request).await?;
            let page = Page::decode(self.name(), &bytes)?;
            for entry in page.items.entries(self.name()) {
                self.take(entry, &mut list, inventory);
            }
            progress(self.resource(), list.items, page.remaining.map(|remaining| list.items + remaining));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        if let Self::Kind(kind) = self {
            while inventory.sweep(kind) == SweepStatus::Unfinished {}
        }
        Ok(list)
    }

    fn take(self, entry: Entry, list: &mut List, inventory: &mut Inventory) {
        let Entry { name, object, parts } = entry;
        list.items += 1;
        let item = list.items;
        list.skipped.extend(parts.into_iter().map(|part| (item, name.clone(), part)));
        match (object, self) {
            (Ok(object), Self::Services) => list.kept.push(object),
            (Ok(object), Self::Kind(_)) => object.put(inventory),
            (Err(reason), _) => {
                list.skipped.push((item, name, reason));
                return;
            }
        }
        list.count += 1;
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.as_str(),
            Self::Services => "Service",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Kind(kind) => path(kind),
            Self::Services => "/api/v1/services",
        }
    }

    fn resource(self) -> &'static str {
        match self {
            Self::Kind(kind) => resource(kind),
            Self::Services => "services",
        }
    }

    fn count(self, reading: &mut Reading) -> &mut u64 {
        match self {
            Self::Kind(ResourceKind::ServiceCidrs) => &mut reading.service_cidrs,
            Self::Kind(ResourceKind::IpAddresses) => &mut reading.addresses,
            Self::Kind(ResourceKind::Nodes) => &mut reading.nodes,
            Self::Services => &mut reading.services,
        }
    }

    fn error(self, failure: WatchFailure) -> SnapshotError {
        let WatchFailure { reason, message, .. } = failure;
        SnapshotError { resource: self.resource(), reason, message }
    }
}

/// The version of the API server, as a suffix for a message.
async fn version(client: &Client, timing: &WatchConfig) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        git_version: String,
    }
    let request = Request::get("/version").body(Vec::new()).ok()?;
    // The first request has reported the failure already.
    let bytes = fetch_page(client, timing, request).await.ok()?;
    let version: Version = serde_json::from_slice(&bytes).ok()?;
    Some(format!("; the API server is {}", crate::text::escape_truncated(&version.git_version)))
}
