//! The program: a running server with its own CA, and the other commands.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The time limit of everything that a test waits for.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The program without arguments, and without the environment of the user.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_servicecidr-guard"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SERVICECIDR_GUARD_")) {
        command.env_remove(name);
    }
    // Never the user's own cluster.
    command.env("KUBECONFIG", "/nowhere/kubeconfig").env_remove("KUBERNETES_SERVICE_HOST");
    command
}

/// A server on free ports, with a certificate and a policy in its own folder.
pub struct Server {
    pub folder: TempDir,
    pub webhook: String,
    pub health: String,
    pub child: Child,
    agent: ureq::Agent,
    log: Receiver<Value>,
}

/// Status and body of a response.
pub type HttpResponse = (u16, Vec<u8>);

impl Server {
    pub fn start(policy: &str) -> Self {
        Self::start_with(policy, &[])
    }

    /// Starts a server with more arguments.
    pub fn start_with(policy: &str, more: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("policy.yaml"), policy).unwrap();
        let output = program().arg("certs").arg("--out").arg(folder.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        Self::serve_with(folder, "policy.yaml", "tls.crt", "tls.key", more)
    }

    /// Starts a server with these files in `folder`, which also contains `ca.crt`.
    pub fn serve(folder: TempDir, policy: &str, cert: &str, key: &str) -> Self {
        Self::serve_with(folder, policy, cert, key, &[])
    }

    /// Starts a server with these files and more arguments.
    pub fn serve_with(folder: TempDir, policy: &str, cert: &str, key: &str, more: &[&str]) -> Self {
        let mut command = program();
        command.arg("serve").arg("--policy").arg(folder.path().join(policy));
        command.arg("--tls-cert").arg(folder.path().join(cert)).arg("--tls-key").arg(folder.path().join(key));
        command.args(["--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0", "--log-format", "json"]);
        command.args(more);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = follow(&mut child);
        let started = wait_for(&log, "serving");
        let address = |field: &str| started[field].as_str().unwrap().to_owned();
        let agent = agent(&fs::read(folder.path().join("ca.crt")).unwrap());
        Self {
            webhook: format!("https://{}", address("listen")),
            health: format!("http://{}", address("health_listen")),
            folder,
            child,
            agent,
            log,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn post(&self, path: &str, body: &[u8]) -> HttpResponse {
        let url = format!("{}{path}", self.webhook);
        let mut answer = self.agent.post(&url).content_type("application/json").send(body).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_vec().unwrap())
    }

    /// The response to a review, which must have status 200.
    pub fn review(&self, body: &[u8]) -> Value {
        let (status, answer) = self.post("/validate", body);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap()
    }

    /// Status, headers and body of a GET.
    pub fn get(&self, url: &str) -> http::Response<String> {
        let mut answer = self.agent.get(url).call().unwrap();
        let body = answer.body_mut().read_to_string().unwrap();
        answer.map(|_| body)
    }

    /// The value of a line of /metrics.
    pub fn metric(&self, name_and_labels: &str) -> Option<String> {
        let page = self.get(&format!("{}/metrics", self.health)).into_body();
        page.lines().find_map(|line| line.strip_prefix(name_and_labels)?.strip_prefix(' ').map(str::to_owned))
    }

    /// Waits for the next log line with this message.
    pub fn wait_for_log(&self, message: &str) -> Value {
        wait_for(&self.log, message)
    }

    /// The messages that were logged since the last call.
    pub fn messages(&self) -> Vec<String> {
        self.log.try_iter().map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the exit code.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP client that trusts one CA, and returns responses with an error status.
pub fn agent(ca: &[u8]) -> ureq::Agent {
    let root = ureq::tls::Certificate::from_pem(ca).unwrap();
    let tls = ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::new_with_certs(&[root])).build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .timeout_global(Some(TEST_TIMEOUT))
        .build();
    config.new_agent()
}

/// Runs a command to its end.
pub fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

/// Waits until a condition is true.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < TEST_TIMEOUT, "{what}: not within {TEST_TIMEOUT:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn follow(child: &mut Child) -> Receiver<Value> {
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
            let _ = sender.send(line);
        }
    });
    receiver
}

fn wait_for(log: &Receiver<Value>, message: &str) -> Value {
    let began = Instant::now();
    let mut seen = Vec::new();
    while let Some(left) = TEST_TIMEOUT.checked_sub(began.elapsed()) {
        match log.recv_timeout(left) {
            Ok(line) if line["message"] == message => return line,
            Ok(line) => seen.push(line),
            Err(_) => break,
        }
    }
    panic!("no {message:?} in the log: {seen:#?}");
}
