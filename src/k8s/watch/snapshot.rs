//! `snapshot`: one list of each kind, for a command that looks once.

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

/// How often a list is begun anew because its pages had to be given up meanwhile.
const MAX_LIST_ATTEMPTS: u32 = 5;

/// What was read.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// How many objects of each kind, and what was left out.
    pub reading: Reading,
    /// The kinds that more would be known from, and couldn't be listed.
    pub unlisted: Vec<SnapshotError>,
}

/// Why a kind couldn't be listed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("can't list {resource}: {message}")]
pub struct SnapshotError {
    /// The resource, with its group.
    pub resource: &'static str,
    /// Why, as metrics of the webhook would count it.
    pub reason: FailureReason,
    /// For people.
    pub message: String,
}

/// What is listed.
#[derive(Clone, Copy)]
enum SnapshotResource {
    Kind(ResourceKind),
    Services,
}

/// One list that was read to its end.
#[derive(Default)]
struct List {
    /// What must not be taken up before the list is whole.
    kept: Vec<InventoryObject>,
    count: u64,
    left_out: Vec<(u64, String, UnreadableReason)>,
    /// How many objects were seen.
    items: u64,
}

/// Reads ServiceCIDRs, IPAddresses and Services, and Nodes if they are wanted, into an inventory. `progress` is told
/// how many of which resource, and of how many if the API server says so.
///
/// # Errors
/// If ServiceCIDRs or IPAddresses can't be listed. Without the others less is known, and the result says so.
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
        for (item, name, reason) in list.left_out {
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
                // What was read of it belongs to a state that is no more.
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
        list.left_out.extend(parts.into_iter().map(|part| (item, name.clone(), part)));
        match (object, self) {
            (Ok(object), Self::Services) => list.kept.push(object),
            (Ok(object), Self::Kind(_)) => object.put(inventory),
            (Err(reason), _) => {
                list.left_out.push((item, name, reason));
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
        let WatchFailure { reason, message, retry_after: _ } = failure;
        SnapshotError { resource: self.resource(), reason, message }
    }
}

/// What the API server says of its own version, to be put behind a sentence.
async fn version(client: &Client, timing: &WatchConfig) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        git_version: String,
    }
    let request = Request::get("/version").body(Vec::new()).ok()?;
    // That it can't be had was said already, of what was asked for first.
    let bytes = fetch_page(client, timing, request).await.ok()?;
    let version: Version = serde_json::from_slice(&bytes).ok()?;
    Some(format!("; the API server is {}", crate::text::escape_truncated(&version.git_version)))
}
