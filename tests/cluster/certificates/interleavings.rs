//! Random sequences of faults: everything is right again within a short time, and no unverified peer is ever asked.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Installation, NAME, SECRET};
use crate::chart::pod::Pod;
use crate::control_plane::base64;
use crate::program::{Server, eventually};
use crate::webhook::create;

/// Two tests run half of the sequences each, at the same time.
const SEQUENCES: u64 = 100;
const FAULTS_PER_SEQUENCE: usize = 3;
const MAX_PODS: usize = 4;
/// How long kube-apiserver is unreachable.
const OUTAGE: Duration = Duration::from_secs(5);
/// Everything must be right this long after the last fault and the end of an outage.
const MAX_RECOVERY: Duration = Duration::from_secs(15);
const LIFETIMES: &str = "--set=tls.managed.caOverlap=1s,tls.managed.duration=60s,tls.managed.renewBefore=40s";

const IMPOSTOR_POLICY: &str =
    "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\nusable: {validationActions: [Warn]}\n";

#[derive(Clone, Copy, Debug)]
enum Fault {
    Rotate,
    WipeBundle,
    ForeignBundle,
    WipeSecret,
    CorruptSecret,
    KillPod,
    StartPod,
    Outage,
}

/// Numbers that depend only on the seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }

    fn fault(&mut self) -> Fault {
        match self.below(22) {
            0..3 => Fault::Rotate,
            3..6 => Fault::WipeBundle,
            6..9 => Fault::ForeignBundle,
            9..12 => Fault::WipeSecret,
            12..15 => Fault::CorruptSecret,
            15..18 => Fault::KillPod,
            18..21 => Fault::StartPod,
            _ => Fault::Outage,
        }
    }
}

/// Carries out a fault. An outage ends before the function returns.
fn inflict(installation: &mut Installation, fault: Fault, number: u64, foreign: &str) {
    let plane = &installation.plane;
    match fault {
        Fault::Rotate => {
            let rotate = format!("servicecidr-guard/rotate-ca={number}");
            plane.kubectl_ok(&["annotate", "secret", &format!("{NAME}-managed-ca"), &rotate, "--overwrite"], "");
        }
        Fault::WipeBundle => installation.set_bundle(None),
        Fault::ForeignBundle => installation.set_bundle(Some(foreign)),
        Fault::WipeSecret => installation.patch(SECRET, &json!({ "data": null })),
        Fault::CorruptSecret => installation.patch(SECRET, &json!({ "data": { "ca.crt": foreign } })),
        Fault::KillPod => {
            if installation.pods.len() > 1 {
                installation.pods.remove(0);
            }
        }
        Fault::StartPod => {
            if installation.pods.len() < MAX_PODS {
                let pod = installation.spawn_pod();
                installation.pods.push(pod);
            }
        }
        Fault::Outage => {
            plane.signal_apiserver("STOP");
            thread::sleep(OUTAGE);
            plane.signal_apiserver("CONT");
        }
    }
}

fn check_sequences(seed: u64) {
    let mut installation = Installation::start(2, &[LIFETIMES]);
    let foreign = base64(&std::fs::read_to_string(installation.plane.folder.path().join("ca.crt")).unwrap());
    // A peer with a certificate of another CA, which would allow everything.
    let impostor = Server::start(IMPOSTOR_POLICY);
    let impostor: u16 = impostor.webhook.rsplit_once(':').unwrap().1.parse().unwrap();
    let (mut random, mut slowest) = (Random(seed), Duration::ZERO);
    for sequence in 0..SEQUENCES {
        let faults: Vec<Fault> = (0..FAULTS_PER_SEQUENCE).map(|_| random.fault()).collect();
        let name = format!("sequence {sequence} of seed {seed}: {faults:?}");
        installation.balancer.send_to(installation.pods.iter().map(|pod| pod.port).chain([impostor]));
        for (number, fault) in (0_u64..).zip(&faults) {
            inflict(&mut installation, *fault, sequence * 10 + number, &foreign);
            check_denied(&installation, &name);
            thread::sleep(Duration::from_millis(random.below(300)));
        }
        let began = Instant::now();
        while !installation.is_right() {
            check_denied(&installation, &name);
            let readiness: Vec<String> = installation.pods.iter().map(Pod::readiness).collect();
            assert!(began.elapsed() < MAX_RECOVERY, "{name}: {readiness:?}");
            thread::sleep(Duration::from_millis(20));
        }
        slowest = slowest.max(began.elapsed());
        installation.send_to_pods();
        eventually(&name, || create(&installation.plane, "inside", &["10.96.1.0/24"], true).0 == 201);
    }
    println!("seed {seed}: {SEQUENCES} sequences, right after at most {} ms", slowest.as_millis());
}

/// kube-apiserver never takes the answer of the impostor: a ServiceCIDR outside the ranges is not created, whether or not
/// the webhook can be called.
fn check_denied(installation: &Installation, name: &str) {
    let (status, answer) = create(&installation.plane, "outside", &["172.20.0.0/16"], true);
    assert!(status >= 400, "{name}: {answer}");
}

#[test]
fn everything_is_right_after_random_faults() {
    check_sequences(0x5EED);
}

#[test]
fn everything_is_right_after_other_random_faults() {
    check_sequences(0xBEEF);
}
