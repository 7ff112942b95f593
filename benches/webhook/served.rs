//! `Served`: a running webhook, servicecidr-guard or a peer.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::bare;
use crate::common::api::Api;
use crate::common::client::{Client, Target};
use crate::common::peer;
use crate::common::process::{Process, free_port};
use crate::common::program::{Program, make_certs};

/// The policy of the Kubernetes documentation, which all peers except the bare one enforce.
pub const RULES: &str = "allowedRanges: {ranges: [10.96.0.0/16, '2001:db8::/64'], validationActions: [Deny]}\n";
const RANGES: &str = "10.96.0.0/16,2001:db8::/64";
/// Expected content of an allowed and of a denied response.
pub const ALLOWED: &str = r#""allowed":true"#;
pub const OUTSIDE: (&str, &str) = ("172.20.0.0/16", "spec.cidrs[0]: 172.20.0.0/16 is outside the allowed ranges");
/// The time limit of a start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

pub struct Served {
    pub label: &'static str,
    pub target: Target,
    pub process: Process,
    /// Time from the start until ready; for a peer, until it accepts a connection.
    pub ready_after: Duration,
    _folder: TempDir,
}

pub const OURS: &str = "servicecidr-guard";
pub const BARE: &str = "bare actix-web and rustls";
pub const NET_HTTP: &str = "Go, net/http and k8s.io/api";
pub const RUNTIME: &str = "Go, controller-runtime";

/// Starts servicecidr-guard with rules and arguments.
pub fn ours(label: &'static str, api: Option<&Api>, rules: &str, more: &[&str]) -> Served {
    let Program { target, process, ready_after, folder, .. } = Program::start_with(api, rules, more);
    Served { label, target, process, ready_after, _folder: folder }
}

/// Starts this program as the bare server.
pub fn bare() -> Served {
    let program = std::env::current_exe().unwrap();
    start_peer(BARE, |listen, certs| {
        let mut command = Command::new(program);
        command.args([bare::FLAG, listen, certs]);
        command
    })
}

pub fn net_http() -> Option<Served> {
    let program = peer::program("nethttp")?;
    Some(start_peer(NET_HTTP, |listen, certs| in_go(program, listen, certs)))
}

/// The peer with controller-runtime, with a cache of ServiceCIDRs if there is an API server.
pub fn runtime(api: Option<&Api>) -> Option<Served> {
    let program = peer::program("runtime")?;
    Some(start_peer(RUNTIME, |listen, certs| {
        let mut command = in_go(program, listen, certs);
        if let Some(api) = api {
            command.arg("-api").arg(format!("http://{}", api.address));
            // The API server of the benchmark supports LIST and WATCH, as before Kubernetes 1.34.
            command.env("KUBE_FEATURE_WatchListClient", "false");
        }
        command
    }))
}

/// All webhooks, servicecidr-guard first, after a check of their verdicts.
pub fn all() -> Vec<Served> {
    let mut all = vec![ours(OURS, None, RULES, &[]), bare()];
    all.extend(net_http());
    all.extend(runtime(None));
    for served in &all {
        served.client();
        if served.label != BARE {
            Client::new(&served.target, OUTSIDE.0, false, OUTSIDE.1);
        }
    }
    all
}

fn in_go(program: PathBuf, listen: &str, certs: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["-listen", listen, "-certs", certs, "-allowed", RANGES]);
    command
}

fn start_peer(label: &'static str, command: impl FnOnce(&str, &str) -> Command) -> Served {
    let folder = TempDir::new().unwrap();
    make_certs(folder.path());
    let target = Target::new(free_port(), &fs::read(folder.path().join("ca.crt")).unwrap());
    let mut command = command(&target.address.to_string(), folder.path().to_str().unwrap());
    let log = folder.path().join("log");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
    let began = Instant::now();
    let process = Process::start(&mut command);
    while TcpStream::connect(target.address).is_err() {
        assert!(
            began.elapsed() < START_TIMEOUT,
            "{label} accepts no connection: {}",
            fs::read_to_string(&log).unwrap()
        );
        thread::sleep(Duration::from_micros(500));
    }
    Served { label, target, process, ready_after: began.elapsed(), _folder: folder }
}

impl Served {
    /// A client whose requests are allowed.
    pub fn client(&self) -> Client {
        Client::new(&self.target, crate::common::client::CIDR, false, ALLOWED)
    }
}
