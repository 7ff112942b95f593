//! `Program`: the server in its own process.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::api::Api;
use super::client::Target;
use super::process::{Process, free_port};

/// The time limit of a start or a list.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// Rules without and with an inventory.
const RULES: &str = "\
allowedRanges: {ranges: [10.0.0.0/8, 'fd00::/8'], validationActions: [Deny]}
reservedNetworks: {presets: [loopback, linkLocal, multicast, documentation, cgnat], validationActions: [Deny]}
";
const LIVE_RULE: &str = "noOverlap: {validationActions: [Deny]}\n";

pub struct Program {
    pub target: Target,
    pub process: Process,
    /// Time from the start to the first `/readyz` with 200.
    pub ready_after: Duration,
    health: SocketAddr,
    pub folder: TempDir,
}

impl Program {
    /// Starts the server with or without an API server, and waits until it is ready.
    pub fn start(api: Option<&Api>) -> Self {
        let live_rule = api.map_or("", |_| LIVE_RULE);
        Self::start_with(api, &format!("{RULES}{live_rule}"), &[])
    }

    /// Starts the server with other rules and arguments.
    pub fn start_with(api: Option<&Api>, rules: &str, more: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        make_certs(folder.path());
        let (webhook, health) = (free_port(), free_port());
        let mut command = program();
        command.arg("serve").arg("--policy").arg(path("policy.yaml"));
        command.arg("--tls-cert").arg(path("tls.crt")).arg("--tls-key").arg(path("tls.key"));
        command.args(["--listen", &webhook.to_string(), "--health-listen", &health.to_string()]);
        command.args(more);
        if let Some(api) = api {
            fs::write(path("kubeconfig"), kubeconfig(api.address)).unwrap();
            command.args(["--inventory", "cluster", "--kubeconfig"]).arg(path("kubeconfig"));
        }
        let policy = format!("apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\n{rules}");
        fs::write(path("policy.yaml"), policy).unwrap();
        command.stdout(Stdio::null()).stderr(File::create(path("log")).unwrap());
        let target = Target::new(webhook, &fs::read(path("ca.crt")).unwrap());
        let began = Instant::now();
        let process = Process::start(&mut command);
        let mut new = Self { target, process, health, folder, ready_after: Duration::ZERO };
        while new.get("/readyz").is_none_or(|answer| !answer.starts_with("HTTP/1.1 200")) {
            assert!(began.elapsed() < START_TIMEOUT, "not ready: {}", new.log());
            thread::sleep(Duration::from_micros(500));
        }
        new.ready_after = began.elapsed();
        new
    }

    /// Head and body of a GET; `None` while the port is closed.
    pub fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.health).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Waits until a list of addresses has ended for the `times`th time.
    pub fn wait_for_list(&self, times: usize) {
        let began = Instant::now();
        let is_list = |line: &&str| line.contains(r#""listed""#) && line.contains("ipaddresses");
        while self.log().lines().filter(is_list).count() < times {
            assert!(began.elapsed() < START_TIMEOUT, "no list: {}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

/// Writes ca.crt, tls.crt and tls.key for 127.0.0.1.
pub fn make_certs(folder: &Path) {
    let output = program().arg("certs").arg("--out").arg(folder).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_servicecidr-guard"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SERVICECIDR_GUARD_")) {
        command.env_remove(name);
    }
    command
}

fn kubeconfig(address: SocketAddr) -> String {
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    })
    .to_string()
}
