//! `Program`: the server as people run it, a process of its own, and what the kernel says of it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::api::Api;

/// How long anything may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(120);
/// What needs no inventory, and what does.
const RULES: &str = "\
apiVersion: servicecidr-guard/v1alpha1
kind: Policy
allowedRanges: {ranges: [10.0.0.0/8, 'fd00::/8'], validationActions: [Deny]}
reservedNetworks: {presets: [loopback, linkLocal, multicast, documentation, cgnat], validationActions: [Deny]}
";
const LIVE_RULE: &str = "noOverlap: {validationActions: [Deny]}\n";

pub struct Program {
    pub webhook: SocketAddr,
    /// How long it took from its start to its first `/readyz` with 200.
    pub ready_after: Duration,
    health: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Program {
    /// Starts it beside an API server, or without an inventory, and waits until it is ready.
    pub fn start(api: Option<&Api>) -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        let made = program().arg("certs").arg("--out").arg(folder.path()).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let (webhook, health) = (free_port(), free_port());
        let mut command = program();
        command.arg("serve").arg("--policy").arg(path("policy.yaml"));
        command.arg("--tls-cert").arg(path("tls.crt")).arg("--tls-key").arg(path("tls.key"));
        command.args(["--listen", &webhook.to_string(), "--health-listen", &health.to_string()]);
        let mut policy = RULES.to_owned();
        if let Some(api) = api {
            policy += LIVE_RULE;
            fs::write(path("kubeconfig"), kubeconfig(api.address)).unwrap();
            command.args(["--inventory", "cluster", "--kubeconfig"]).arg(path("kubeconfig"));
        }
        fs::write(path("policy.yaml"), policy).unwrap();
        command.stdout(Stdio::null()).stderr(File::create(path("log")).unwrap());
        let began = Instant::now();
        let child = command.spawn().unwrap();
        let mut new = Self { webhook, health, child, folder, ready_after: Duration::ZERO };
        while new.get("/readyz").is_none_or(|answer| !answer.starts_with("HTTP/1.1 200")) {
            assert!(began.elapsed() < PATIENCE, "not ready: {}", new.log());
            thread::sleep(Duration::from_micros(500));
        }
        new.ready_after = began.elapsed();
        new
    }

    /// Head and body of a GET; `None` while nobody listens.
    pub fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.health).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Waits until a list of addresses was read to its end for the `times`th time.
    pub fn wait_for_list(&self, times: usize) {
        let began = Instant::now();
        let is_list = |line: &&str| line.contains(r#""listed""#) && line.contains("ipaddresses");
        while self.log().lines().filter(is_list).count() < times {
            assert!(began.elapsed() < PATIENCE, "no list: {}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The time that it took on processors, in nanoseconds.
    pub fn cpu(&self) -> f64 {
        let threads = fs::read_dir(self.proc("task")).unwrap();
        let of = |path: PathBuf| fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        let texts = threads.map(|thread| of(thread.unwrap().path()));
        texts.filter_map(|text| text.split(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Its memory in MiB: `VmRSS`, or `VmHWM`, its peak.
    pub fn memory(&self, field: &str) -> f64 {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Forgets the peak of its memory.
    pub fn forget_peak(&self) {
        fs::write(self.proc("clear_refs"), "5").unwrap();
    }

    pub fn ca(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("ca.crt")).unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn proc(&self, name: &str) -> PathBuf {
        format!("/proc/{}/{name}", self.child.id()).into()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_servicecidr-guard"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SERVICECIDR_GUARD_")) {
        command.env_remove(name);
    }
    command
}

fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
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
