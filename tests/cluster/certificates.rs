//! The sources of certificates on a real control plane: pods of the chart, with the permissions of its ServiceAccount
//! only.

use std::io::{self, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use crate::binaries;
use crate::chart::install::Release;
use crate::chart::pod::Pod;
use crate::control_plane::{ControlPlane, output_text};
use crate::program::TEST_TIMEOUT;
use crate::webhook::create;

mod cert_manager; // `tls.mode: certManager` with a real cert-manager
mod faults; // damaged objects, missing permissions, an unreachable kube-apiserver
mod gitops; // tools that apply and replace rendered objects
mod helm; // releases by Helm 3 and Helm 4
mod interleavings; // random sequences of faults
mod permissions; // what the ServiceAccount may do
mod rotation; // rotations under load

const NAME: &str = "guard-servicecidr-guard";
const CONFIGURATION: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/guard-servicecidr-guard";
const SECRET: &str = "/api/v1/namespaces/default/secrets/guard-servicecidr-guard-managed-ca";
const ALLOWED: &str = "--set-json=policy.allowedRanges.ranges=[\"10.96.0.0/16\"]";

/// Sends connections to the pods in turns, like a Service.
struct Balancer {
    port: u16,
    ports: Arc<Mutex<Vec<u16>>>,
}

impl Balancer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let ports = Arc::new(Mutex::new(Vec::<u16>::new()));
        let targets = Arc::clone(&ports);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let connect = || {
                    let mut ports = targets.lock().unwrap_or_else(PoisonError::into_inner);
                    (0..ports.len()).find_map(|_| {
                        ports.rotate_left(1);
                        TcpStream::connect(("127.0.0.1", ports[0])).ok()
                    })
                };
                let Some(server) = connect() else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    copy(from.try_clone().unwrap(), to.try_clone().unwrap());
                }
            }
        });
        Self { port, ports }
    }

    /// Sends new connections to these ports.
    fn send_to(&self, ports: impl IntoIterator<Item = u16>) {
        *self.ports.lock().unwrap_or_else(PoisonError::into_inner) = ports.into_iter().collect();
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// A control plane with a release and its pods.
struct Installation {
    pods: Vec<Pod>,
    balancer: Balancer,
    plane: ControlPlane,
}

impl Installation {
    /// Installs the chart with these values and starts pods.
    fn start(count: usize, values: &[&str]) -> Self {
        let (plane, balancer) = (ControlPlane::start(), Balancer::start());
        Release::new(&plane, balancer.port).install(&[&[ALLOWED], values].concat());
        let mut installation = Self { pods: Vec::new(), balancer, plane };
        for _ in 0..count {
            let pod = installation.spawn_pod();
            installation.pods.push(pod);
        }
        installation.wait_until_ready();
        installation.send_to_pods();
        installation
    }

    fn wait_until_ready(&self) {
        let began = Instant::now();
        while !self.pods.iter().all(Pod::is_ready) {
            let readiness: Vec<String> = self.pods.iter().map(Pod::readiness).collect();
            assert!(began.elapsed() < TEST_TIMEOUT, "{readiness:?}\n{}", self.pods[0].log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// `helm upgrade` with the same values.
    fn upgrade(&self) {
        self.helm(&["upgrade", "guard", &crate::chart::chart(), "--reuse-values"]);
    }

    fn helm(&self, arguments: &[&str]) -> String {
        Release::new(&self.plane, self.balancer.port).helm(arguments)
    }

    fn spawn_pod(&self) -> Pod {
        Pod::spawn(&self.plane, 0)
    }

    fn send_to_pods(&self) {
        self.balancer.send_to(self.pods.iter().map(|pod| pod.port));
    }

    fn configuration(&self) -> Value {
        self.plane.get(CONFIGURATION).1
    }

    fn secret(&self) -> Value {
        self.plane.get(SECRET).1
    }

    /// Whether every webhook's `caBundle` verifies the certificate of every pod, and the Secret has a CA.
    fn is_right(&self) -> bool {
        let configuration = self.configuration();
        self.secret()["data"]["ca.crt"].is_string()
            && self.pods.iter().all(|pod| pod.is_ready() && verifies(&configuration, pod.port).is_ok())
    }

    /// Patches an object by a merge patch.
    fn patch(&self, path: &str, merged: &Value) {
        let (kind, name) = match path {
            SECRET => ("secret", format!("{NAME}-managed-ca")),
            _ => ("validatingwebhookconfiguration", NAME.to_owned()),
        };
        self.plane.kubectl_ok(&["patch", kind, &name, "--type=merge", "--patch", &merged.to_string()], "");
    }

    /// Sets the `caBundle` of every webhook, or removes it.
    fn set_bundle(&self, bundle: Option<&str>) {
        let mut configuration = self.configuration();
        for webhook in configuration["webhooks"].as_array_mut().unwrap() {
            webhook["clientConfig"]["caBundle"] = json!(bundle);
        }
        // Again if a pod writes at the same moment.
        crate::program::eventually("caBundle is set", || {
            let version = self.configuration()["metadata"]["resourceVersion"].clone();
            configuration["metadata"]["resourceVersion"] = version;
            self.plane.request("PUT", CONFIGURATION, Some(&configuration)).0 == 200
        });
    }
}

/// Whether a client that trusts the `caBundle` of every webhook accepts the certificate at a port.
fn verifies(configuration: &Value, port: u16) -> io::Result<()> {
    configuration["webhooks"].as_array().unwrap().iter().try_for_each(|webhook| {
        accepts(&decoded(webhook["clientConfig"]["caBundle"].as_str().unwrap_or_default()), port)
    })
}

/// Whether a client that trusts a PEM bundle accepts the certificate at a port.
fn accepts(bundle: &[u8], port: u16) -> io::Result<()> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bundle) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(session, TcpStream::connect(("127.0.0.1", port))?);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    stream.flush()
}

/// The bytes of base64 text.
fn decoded(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// Creates ServiceCIDRs as dry runs until dropped, and collects what failed.
struct Load {
    is_over: AtomicBool,
    sent: AtomicUsize,
    failures: Mutex<Vec<Value>>,
}

impl Load {
    fn new() -> Self {
        Self { is_over: AtomicBool::new(false), sent: AtomicUsize::new(0), failures: Mutex::default() }
    }

    /// Sends requests until `stop`, one per interval, or one after the other if they take longer.
    fn run(&self, plane: &ControlPlane, interval: Duration) {
        let mut next = Instant::now();
        while !self.is_over.load(Ordering::Relaxed) {
            let (status, answer) = create(plane, "inside", &["10.96.1.0/24"], true);
            self.sent.fetch_add(1, Ordering::Relaxed);
            if status != 201 {
                self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
            }
            next = Instant::now().max(next + interval);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    fn failures(&self) -> Vec<Value> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Runs a closure under load, one request per interval and client, and stops it, also when the closure panics.
fn under_load<T>(plane: &ControlPlane, clients: usize, interval: Duration, run: impl FnOnce(&Load) -> T) -> (T, Load) {
    struct Stop<'a>(&'a Load);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.stop();
        }
    }
    let load = Load::new();
    let result = thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| load.run(plane, interval));
        }
        let _stop = Stop(&load);
        run(&load)
    });
    (result, load)
}

/// The objects that the chart renders, as YAML.
fn rendered(port: u16, values: &[&str]) -> String {
    let url = format!("--set=webhook.url=https://127.0.0.1:{port}/validate");
    let chart = crate::chart::chart();
    let fixed = ["template", "guard", &chart, "--namespace=default", "--kube-version=1.37.2", ALLOWED, &url];
    let without = ["--set=tests.enabled=false,resourceQuota.enabled=false"];
    let output = Command::new(binaries::path("helm"))
        .args([&fixed[..], &without[..], values].concat())
        .env("KUBECONFIG", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", output_text(&output));
    String::from_utf8(output.stdout).unwrap()
}
