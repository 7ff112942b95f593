//! The content of the fake API server: objects and the log of their changes, as in etcd.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

/// The served paths, and the kinds of their objects.
pub const SERVICE_CIDRS: &str = "/apis/networking.k8s.io/v1/servicecidrs";
pub const ADDRESSES: &str = "/apis/networking.k8s.io/v1/ipaddresses";
pub const NODES: &str = "/api/v1/nodes";
pub const SERVICES: &str = "/api/v1/services";

pub fn kind(path: &str) -> &'static str {
    match path {
        SERVICE_CIDRS => "ServiceCIDR",
        ADDRESSES => "IPAddress",
        NODES => "Node",
        SERVICES => "Service",
        other => panic!("{other} is not served"),
    }
}

/// A request that the fake API server received.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub agent: String,
}

impl RecordedRequest {
    pub fn is_watch(&self) -> bool {
        self.query.contains_key("watch")
    }

    pub fn version(&self) -> Option<u64> {
        self.query.get("resourceVersion").map(|version| version.parse().unwrap())
    }
}

/// How the fake API server responds to a request.
#[derive(Clone, Debug)]
pub enum FakeResponse {
    Normal,
    /// Closes the connection without a response.
    CloseConnection,
    /// Sends no response and keeps the connection open.
    Hang,
    /// A status code, header lines, and a message.
    Status(u16, &'static str, &'static str),
    /// For a list: half of the bytes, then the end. For a watch: the same as `Normal`.
    Truncated,
    /// This body, with status 200.
    Body(&'static str),
    /// For a watch: this number of events, then a fault.
    EventsThenFault(usize, Fault),
}

/// How a watch fails.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The connection ends after a whole event.
    Disconnect,
    /// The connection ends within an event.
    DisconnectMidEvent,
    /// The response ends within an event.
    EndMidEvent,
    /// The response ends.
    EndResponse,
    /// An ERROR event with a code.
    Error(u16),
    /// This line in place of the event.
    InvalidLine(&'static str),
    /// The event is sent twice.
    DuplicateEvent,
    /// The first event is sent again after later ones.
    RepeatOldEvent,
    /// No more events, and no end.
    Silence,
}

impl Fault {
    pub fn requires_event(self) -> bool {
        matches!(self, Self::DisconnectMidEvent | Self::EndMidEvent | Self::DuplicateEvent | Self::RepeatOldEvent)
    }
}

pub struct LoggedChange {
    pub path: &'static str,
    pub version: u64,
    pub kind: &'static str,
    pub object: Value,
}

pub struct FakeCluster {
    pub version: u64,
    pub objects: BTreeMap<&'static str, BTreeMap<String, Value>>,
    pub log: VecDeque<LoggedChange>,
    /// Changes up to this version are compacted.
    pub compacted: u64,
    pub requests: Vec<RecordedRequest>,
    pub answer: Box<dyn FnMut(&RecordedRequest) -> FakeResponse + Send>,
    /// The duration of a watch.
    pub watch_lifetime: Duration,
    pub snapshots: BTreeMap<String, (u64, Vec<Value>)>,
}

impl Default for FakeCluster {
    fn default() -> Self {
        Self {
            version: 100,
            objects: [SERVICE_CIDRS, ADDRESSES, NODES, SERVICES].map(|path| (path, BTreeMap::new())).into(),
            log: VecDeque::new(),
            compacted: 0,
            requests: Vec::new(),
            answer: Box::new(|_| FakeResponse::Normal),
            watch_lifetime: Duration::from_secs(3600),
            snapshots: BTreeMap::new(),
        }
    }
}

impl FakeCluster {
    pub fn put(&mut self, path: &'static str, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let old = self.objects.get_mut(path).unwrap().insert(name, object.clone());
        let kind = if old.is_some() { "MODIFIED" } else { "ADDED" };
        self.log.push_back(LoggedChange { path, version: self.version, kind, object });
    }

    pub fn delete(&mut self, path: &'static str, name: &str) {
        let Some(mut object) = self.objects.get_mut(path).unwrap().remove(name) else { return };
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.log.push_back(LoggedChange { path, version: self.version, kind: "DELETED", object });
    }

    pub fn bookmark(&mut self, path: &'static str) {
        self.version += 1;
        let object = json!({"kind": kind(path), "metadata": {"resourceVersion": self.version.to_string()}});
        self.log.push_back(LoggedChange { path, version: self.version, kind: "BOOKMARK", object });
    }

    /// Compacts the log of changes.
    pub fn compact(&mut self) {
        self.compacted = self.version;
        self.log.clear();
    }

    /// All objects, in the format of [`super::follower::summary`].
    pub fn summary(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let texts = |value: &Value| {
            value.as_array().into_iter().flatten().map(|one| one.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let mut all = Vec::new();
        for (name, object) in &self.objects[SERVICE_CIDRS] {
            all.push(format!("{name} {:?}", texts(&object["spec"]["cidrs"])));
        }
        for (name, object) in &self.objects[ADDRESSES] {
            let parent = &object["spec"]["parentRef"];
            all.push(format!("{name} {}/{}", text(&parent["namespace"]), text(&parent["name"])));
        }
        for (name, object) in &self.objects[NODES] {
            let addresses = object["status"]["addresses"].as_array().into_iter().flatten();
            let addresses: Vec<String> = addresses.map(|one| text(&one["address"])).collect();
            all.push(format!("{name} {:?} {addresses:?}", texts(&object["spec"]["podCIDRs"])));
        }
        all.sort();
        all
    }

    pub fn count(&self, path: &str, is_watch: bool) -> usize {
        self.requests.iter().filter(|request| request.path == path && request.is_watch() == is_watch).count()
    }

    /// The versions that watches started from.
    pub fn watch_versions(&self, path: &str) -> Vec<u64> {
        self.requests.iter().filter(|request| request.path == path).filter_map(RecordedRequest::version).collect()
    }
}

pub fn service_cidr(name: &str, cidrs: &[&str]) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": name, "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]},
        "spec": {"cidrs": cidrs},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    })
}

pub fn address(address: &str, service: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {"name": address},
        "spec": {"parentRef": {"group": "", "resource": "services", "namespace": "n", "name": service}},
    })
}

pub fn node(name: &str, pod_cidrs: &[&str], address: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": {"podCIDR": pod_cidrs.first(), "podCIDRs": pod_cidrs},
        "status": {"addresses": [{"type": "InternalIP", "address": address}], "conditions": [{"type": "Ready"}]},
    })
}
