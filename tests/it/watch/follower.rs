//! A live inventory of a fake API server, in its own thread.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use servicecidr_guard::inventory::{Inventory, ResourceKind};
use servicecidr_guard::k8s::{SharedInventory, Source, Status, WatchConfig, WatchScope, connect, run};
use servicecidr_guard::net::{AddressRange, Cidr};
use tokio::sync::{oneshot, watch};

use super::fake_api_server::FakeApiServer;

/// Like in a cluster, but about a hundred times faster.
pub const FAST_CONFIG: WatchConfig = WatchConfig {
    backoff_initial: Duration::from_millis(4),
    backoff_max: Duration::from_millis(60),
    stable_after: Duration::from_millis(30),
    watch: Duration::from_secs(1),
    idle_timeout: Duration::from_secs(3600),
    response_timeout: Duration::from_secs(3600),
    page_timeout: Duration::from_secs(3600),
    page_size: 7,
};

pub struct Follower {
    pub live: Arc<SharedInventory>,
    pub wanted: watch::Sender<WatchScope>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    pub fn start(api_server: &FakeApiServer, timing: WatchConfig) -> Self {
        Self::start_with_scope(api_server, timing, WatchScope { nodes: true })
    }

    pub fn start_with_scope(api_server: &FakeApiServer, timing: WatchConfig, wanted: WatchScope) -> Self {
        let live = Arc::new(SharedInventory::default());
        let (wanted, receiver) = watch::channel(wanted);
        let (stop, stopped) = oneshot::channel();
        let its = Arc::clone(&live);
        let server = format!("http://{}", api_server.address);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (source, _file) = source(&server);
                let client = connect(&source).await.unwrap();
                tokio::select! {
                    never = run(client, its, receiver, timing) => match never {},
                    _ = stopped => {}
                }
            });
        });
        Self { live, wanted, stop: Some(stop), thread: Some(thread) }
    }

    pub fn status(&self, kind: ResourceKind) -> Status {
        self.live.status(kind)
    }

    pub fn summary(&self) -> Vec<String> {
        summary(&self.live.read())
    }

    /// Waits until the inventory has the objects of the API server.
    #[track_caller]
    pub fn wait_until_synced(&self, api_server: &FakeApiServer) {
        wait(|| {
            let (seen, expected) = (self.summary(), api_server.cluster().summary());
            if seen == expected { Ok(()) } else { Err(format!("{seen:#?}\nis not\n{expected:#?}")) }
        });
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        drop(self.stop.take());
        let result = self.thread.take().unwrap().join();
        assert!(result.is_ok() || thread::panicking(), "the inventory thread panicked");
    }
}

/// A kubeconfig for a server.
pub fn source(server: &str) -> (Source, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    });
    std::fs::write(file.path(), text.to_string()).unwrap();
    (Source { kubeconfig: Some(file.path().to_owned()), context: Some("x".to_owned()), ..Source::default() }, file)
}

/// Waits until a condition is true, long enough for a slow machine.
#[track_caller]
pub fn wait(condition: impl Fn() -> Result<(), String>) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        match condition() {
            Ok(()) => return,
            Err(problem) => assert!(Instant::now() < end, "{problem}"),
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Like [`wait`], for a named condition.
#[track_caller]
pub fn until(what: &str, condition: impl Fn() -> bool) {
    wait(|| if condition() { Ok(()) } else { Err(format!("never: {what}")) });
}

/// All objects, in the format of [`super::fake_cluster::FakeCluster::summary`].
pub fn summary(inventory: &Inventory) -> Vec<String> {
    let mut all = Vec::new();
    let texts = |cidrs: &[Cidr]| cidrs.iter().map(ToString::to_string).collect::<Vec<_>>();
    for service_cidr in inventory.service_cidrs() {
        all.push(format!("{} {:?}", service_cidr.name, texts(&service_cidr.cidrs)));
    }
    for cidr in ["0.0.0.0/0", "::/0"] {
        for allocation in inventory.addresses().list(AddressRange::from(cidr.parse::<Cidr>().unwrap())) {
            let parent = allocation.parent;
            all.push(format!("{} {}/{}", allocation.address, parent.namespace, parent.name));
        }
    }
    for node in inventory.nodes() {
        let addresses: Vec<String> = node.addresses.iter().map(ToString::to_string).collect();
        all.push(format!("{} {:?} {addresses:?}", node.name, texts(&node.pod_cidrs)));
    }
    all.sort();
    all
}
