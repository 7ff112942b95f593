//! A real control plane for a test: etcd, kube-apiserver, kube-controller-manager.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binaries;
use crate::program::{agent, eventually, run};

/// The number of control planes that run at the same time.
const MAX_CONTROL_PLANES: usize = 2;
static RUNNING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

pub const ADMIN: &str = "admin";
/// A user with the permissions that a test grants.
pub const READER: &str = "reader";
const CONTROLLER_MANAGER: &str = "controller-manager";

/// A control plane with the service range 10.96.0.0/28. Its processes end on drop.
pub struct ControlPlane {
    pub folder: TempDir,
    agent: ureq::Agent,
    port: u16,
    etcd_port: u16,
    range: &'static str,
    flags: Vec<String>,
    etcd: Child,
    apiserver: Child,
    controller_manager: Child,
    _slot: Slot,
}

/// A slot for a running control plane.
struct Slot;

impl ControlPlane {
    /// Starts a control plane, and waits until it and the ServiceCIDR `kubernetes` are ready.
    pub fn start() -> Self {
        Self::start_with("10.96.0.0/28")
    }

    /// Starts a control plane with another `--service-cluster-ip-range`.
    pub fn start_with(range: &'static str) -> Self {
        Self::start_with_flags(range, Vec::new())
    }

    /// Starts a control plane with more flags of kube-apiserver.
    pub fn start_with_flags(range: &'static str, flags: Vec<String>) -> Self {
        let slot = Slot::take();
        let folder = TempDir::new().unwrap();
        assert!(run(&["certs", "--out", folder.path().to_str().unwrap()]).status.success());
        let tokens = format!(
            "{ADMIN},admin,admin,\"system:masters\"\n\
             {CONTROLLER_MANAGER},system:kube-controller-manager,system:kube-controller-manager\n\
             {READER},reader,reader\n"
        );
        fs::write(folder.path().join("tokens.csv"), tokens).unwrap();
        let [port, etcd_port, peer_port] = free_ports();
        for user in [ADMIN, CONTROLLER_MANAGER, READER] {
            write_kubeconfig(folder.path(), port, user, user);
        }
        let plane = Self {
            agent: agent(&fs::read(folder.path().join("ca.crt")).unwrap()),
            port,
            etcd_port,
            etcd: etcd(folder.path(), etcd_port, peer_port),
            apiserver: apiserver(folder.path(), port, etcd_port, range, &flags),
            range,
            flags,
            controller_manager: controller_manager(folder.path()),
            folder,
            _slot: slot,
        };
        plane.wait_until_ready();
        plane.wait_for_default();
        plane
    }

    pub fn wait_until_ready(&self) {
        eventually("kube-apiserver is ready", || self.is_ready());
    }

    /// Waits until the ServiceCIDR `kubernetes` has its finalizer and is ready.
    fn wait_for_default(&self) {
        eventually("kubernetes has its finalizer and is ready", || {
            let default = self.get("/apis/networking.k8s.io/v1/servicecidrs/kubernetes").1;
            default["metadata"]["finalizers"].is_array() && is_ready(&default)
        });
    }

    /// Deletes `kubernetes` while kube-apiserver is down. kube-apiserver recreates it, and kube-controller-manager
    /// adds the finalizer and sets the condition Ready.
    pub fn recreate_default(&mut self) {
        self.stop_apiserver();
        self.delete_from_etcd("/registry/servicecidrs/kubernetes");
        self.start_apiserver();
        self.wait_until_ready();
        self.wait_for_default();
    }

    pub fn is_ready(&self) -> bool {
        self.try_request("GET", "/readyz", None).is_ok_and(|(status, _)| status == 200)
    }

    /// Stops kube-apiserver and waits for its exit.
    pub fn stop_apiserver(&mut self) {
        stop(&mut self.apiserver);
    }

    /// Starts kube-apiserver again, on the same port.
    pub fn start_apiserver(&mut self) {
        self.apiserver = apiserver(self.folder.path(), self.port, self.etcd_port, self.range, &self.flags);
    }

    /// Removes a key from etcd, without kube-apiserver.
    pub fn delete_from_etcd(&self, key: &str) {
        let url = format!("http://127.0.0.1:{}/v3/kv/deleterange", self.etcd_port);
        let body = json!({ "key": base64(key) }).to_string();
        let mut answer = self.agent.post(&url).send(body).unwrap();
        let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        assert_eq!(answer["deleted"], "1", "{key}: {answer}");
    }

    /// Compacts etcd, so that no watch can resume from an old version.
    pub fn compact_etcd(&self) {
        let call = |path: &str, body: Value| -> Value {
            let url = format!("http://127.0.0.1:{}/v3/kv/{path}", self.etcd_port);
            let mut answer = self.agent.post(&url).send(body.to_string()).unwrap();
            serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
        };
        let now = call("range", json!({ "key": base64("/registry") }));
        let answer = call("compaction", json!({ "revision": now["header"]["revision"], "physical": true }));
        assert!(answer["header"].is_object(), "{answer}");
    }

    /// Status code and body of a GET.
    pub fn get(&self, path: &str) -> (u16, Value) {
        self.request("GET", path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.request("POST", path, Some(body))
    }

    pub fn delete(&self, path: &str) -> (u16, Value) {
        self.request("DELETE", path, None)
    }

    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.try_request(method, path, body).unwrap()
    }

    fn try_request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value), ureq::Error> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = http::Request::builder()
            .method(method)
            .uri(format!("https://127.0.0.1:{}{path}", self.port))
            .header("Authorization", format!("Bearer {ADMIN}"))
            .header("Content-Type", "application/json")
            .body(body)
            .unwrap();
        let mut answer = self.agent.run(request)?;
        let text = answer.body_mut().read_to_string()?;
        Ok((answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_of(ADMIN)
    }

    pub fn kubeconfig_of(&self, user: &str) -> PathBuf {
        self.folder.path().join(format!("{user}.kubeconfig"))
    }

    /// Creates a service account in the namespace `default`, and a kubeconfig with its token.
    pub fn create_service_account(&self, name: &str) {
        let accounts = "/api/v1/namespaces/default/serviceaccounts";
        let (status, answer) = self.post(accounts, &json!({ "metadata": { "name": name } }));
        assert_eq!(status, 201, "{answer}");
        self.service_account_kubeconfig(name);
    }

    /// A kubeconfig with a token of an existing service account in the namespace `default`.
    pub fn service_account_kubeconfig(&self, name: &str) -> PathBuf {
        let path = format!("/api/v1/namespaces/default/serviceaccounts/{name}/token");
        let token_request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        let (status, answer) = self.post(&path, &token_request);
        assert_eq!(status, 201, "{answer}");
        let token = answer["status"]["token"].as_str().unwrap();
        write_kubeconfig(self.folder.path(), self.port, name, token);
        self.kubeconfig_of(name)
    }

    /// Sends a signal to kube-apiserver. SIGSTOP makes it unreachable, SIGCONT ends that.
    pub fn signal_apiserver(&self, signal: &str) {
        let process = self.apiserver.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &process]).status().unwrap().success());
    }

    /// Runs kubectl, with `input` on its standard input.
    pub fn kubectl(&self, arguments: &[&str], input: &str) -> Output {
        self.run_tool("kubectl", arguments, input)
    }

    /// The output of kubectl, stdout and stderr. Checks that it exits with 0.
    pub fn kubectl_ok(&self, arguments: &[&str], input: &str) -> String {
        let output = self.kubectl(arguments, input);
        assert!(output.status.success(), "kubectl {arguments:?}: {}", output_text(&output));
        output_text(&output)
    }

    /// Runs kubectl or helm against this control plane.
    pub fn run_tool(&self, name: &str, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(binaries::path(name))
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if thread::panicking() {
            for log in ["etcd", "kube-apiserver", "kube-controller-manager"] {
                let text = fs::read_to_string(self.folder.path().join(format!("{log}.log"))).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                eprintln!("--- the end of {log}.log\n{}", lines[lines.len().saturating_sub(12)..].join("\n"));
            }
        }
        stop(&mut self.controller_manager);
        stop(&mut self.apiserver);
        stop(&mut self.etcd);
    }
}

impl Slot {
    fn take() -> Self {
        let (running, changed) = &RUNNING;
        let running = running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = changed
            .wait_while(running, |running| *running >= MAX_CONTROL_PLANES)
            .unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        Self
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let (running, changed) = &RUNNING;
        *running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        changed.notify_one();
    }
}

/// Whether a ServiceCIDR is Ready.
pub fn is_ready(service_cidr: &Value) -> bool {
    condition(service_cidr) == Some("True")
}

/// The status of the condition Ready.
pub fn condition(service_cidr: &Value) -> Option<&str> {
    let conditions = service_cidr["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == "Ready")?["status"].as_str()
}

/// The output of a program, stdout and stderr.
pub fn output_text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub fn free_ports<const N: usize>() -> [u16; N] {
    // All ports stay bound until all are chosen, so that they differ.
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.each_ref().map(|listener| listener.local_addr().unwrap().port())
}

fn etcd(folder: &Path, port: u16, peer_port: u16) -> Child {
    let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
    let mut command = start("etcd", folder);
    command.arg("--data-dir").arg(folder.join("etcd"));
    command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
    command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
    command.args(["--initial-cluster", &format!("default={peer}"), "--unsafe-no-fsync"]);
    command.spawn().unwrap()
}

fn apiserver(folder: &Path, port: u16, etcd_port: u16, range: &str, flags: &[String]) -> Child {
    let mut command = start("kube-apiserver", folder);
    command.arg(format!("--etcd-servers=http://127.0.0.1:{etcd_port}"));
    command.arg(format!("--secure-port={port}")).arg("--bind-address=127.0.0.1");
    command.arg(format!("--cert-dir={}", folder.join("apiserver").display()));
    for (flag, file) in [
        ("--tls-cert-file", "tls.crt"),
        ("--tls-private-key-file", "tls.key"),
        ("--service-account-key-file", "tls.crt"),
        ("--service-account-signing-key-file", "tls.key"),
        ("--token-auth-file", "tokens.csv"),
    ] {
        command.arg(format!("{flag}={}", folder.join(file).display()));
    }
    command.arg(format!("--service-cluster-ip-range={range}"));
    command.args([
        "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
    ]);
    command.args(flags);
    command.spawn().unwrap()
}

fn controller_manager(folder: &Path) -> Child {
    let mut command = start("kube-controller-manager", folder);
    command.arg(format!("--kubeconfig={}", folder.join(format!("{CONTROLLER_MANAGER}.kubeconfig")).display()));
    command.args([
        "--controllers=service-cidr-controller,garbage-collector-controller",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--secure-port=0",
    ]);
    command.spawn().unwrap()
}

/// A command of a server that logs into `folder`.
fn start(name: &str, folder: &Path) -> Command {
    let log = fs::File::options().create(true).append(true).open(folder.join(format!("{name}.log"))).unwrap();
    let mut command = Command::new(binaries::path(name));
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command
}

/// Stops a child by its id: SIGTERM, then SIGKILL.
fn stop(child: &mut Child) {
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn write_kubeconfig(folder: &Path, port: u16, user: &str, token: &str) {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority": folder.join("ca.crt"),
        }}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
    });
    fs::write(folder.join(format!("{user}.kubeconfig")), config.to_string()).unwrap();
}

/// Base64 with padding.
pub fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |chunk: &[u8]| {
        let bits = chunk.iter().chain([0, 0].iter()).take(3).fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        let digit = |place: usize| match place {
            _ if place > chunk.len() => '=',
            _ => char::from(ALPHABET[bits >> (18 - 6 * place) & 63]),
        };
        [digit(0), digit(1), digit(2), digit(3)]
    };
    text.as_bytes().chunks(3).flat_map(digits).collect()
}
