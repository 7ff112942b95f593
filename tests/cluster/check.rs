//! `check --inventory cluster` admits the same manifests as the API server with the webhook.

use std::fs;

use serde_json::{Value, json};
use servicecidr_guard::inventory::NodeNetwork;

use crate::control_plane::ControlPlane;
use crate::program::{Server, eventually, program};
use crate::violations;
use crate::webhook::{self, POLICY, SERVICE_CIDRS, create_ready, exists};

use super::dry_run_scenario::synced_report;

const MANIFESTS: usize = 300;
const RULES: &str = "\
allowedRanges: {ranges: [10.96.0.0/14, \"fd00::/48\"]}
noOverlap: {validationActions: [Deny], relations: [Same, Within]}
prefixLength: {ipv4: {shortest: 16, longest: 29}}
usable: {validationActions: [Deny]}
reservedNetworks: {presets: [loopback], discover: [nodePodCIDRs], validationActions: [Deny]}
";

/// A pseudo-random generator with the same numbers in every run.
struct Rng(u64);

impl Rng {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

fn cidr(rng: &mut Rng) -> String {
    match rng.below(12) {
        0 => format!("10.{}.{}.0/24", 100 + rng.below(4), rng.below(256)),
        1 => rng
            .pick(&[
                "10.96.0.1/24",
                "10.97.3.0/16",
                "nonsense",
                "10.97.0.0/33",
                "",
                "10.096.0.0/24",
                "::ffff:10.97.0.0/120",
            ])
            .to_owned(),
        2 => rng.pick(&["10.97.0.0/30", "10.96.0.0/14", "10.98.0.0/15", "10.97.7.7/32"]).to_owned(),
        3 => format!("fd00:0:0:{:x}::/112", rng.below(300)),
        4 => format!("10.99.244.{}/28", 16 * rng.below(16)),
        5 | 6 => format!("10.97.{}.{}/26", rng.below(16), 64 * rng.below(4)),
        _ => format!("10.{}.{}.0/24", 96 + rng.below(4), rng.below(256)),
    }
}

/// A manifest, mostly with a new name, sometimes with a stored one.
fn manifest(rng: &mut Rng, place: usize, stored: &[Value]) -> Value {
    let name = match rng.below(14) {
        0 => rng.pick(&["Team", "a_b", "-a", "a..b", "10.1.1.0/24"]).to_owned(),
        1 => "kubernetes".to_owned(),
        2..=5 if !stored.is_empty() => {
            let one = &stored[usize::try_from(rng.below(stored.len() as u64)).unwrap()];
            let mut again = one.clone();
            let cidrs = again["spec"]["cidrs"].as_array_mut().unwrap();
            match rng.below(5) {
                0 => {}
                1 => cidrs[0] = json!(cidr(rng)),
                2 => cidrs.push(json!(cidr(rng))),
                3 => cidrs.push(json!(format!("fd00:0:0:{:x}::/112", 300 + rng.below(300)))),
                _ => cidrs.truncate(1),
            }
            return again;
        }
        _ => format!("team-{place}"),
    };
    let cidrs: Vec<String> = match rng.below(20) {
        0 => vec![],
        1 => vec![cidr(rng), cidr(rng)],
        2 => vec![cidr(rng), format!("fd00:0:0:{:x}::/112", rng.below(300))],
        3 => vec![cidr(rng), cidr(rng), cidr(rng)],
        _ => vec![cidr(rng)],
    };
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": name}, "spec": {"cidrs": cidrs}})
}

fn manifests() -> Vec<Value> {
    let mut rng = Rng(0x5eed_cafe_f00d);
    let mut all: Vec<Value> = Vec::new();
    for place in 0..MANIFESTS {
        let named: Vec<Value> = all
            .iter()
            .filter(|one| one["metadata"]["name"].as_str().unwrap().starts_with("team-"))
            .filter(|one| one["spec"]["cidrs"].as_array().is_some_and(|cidrs| !cidrs.is_empty()))
            .cloned()
            .collect();
        all.push(manifest(&mut rng, place, &named));
    }
    all
}

/// Applies a manifest with kubectl. Returns whether it was admitted, and the output.
fn apply(plane: &ControlPlane, manifest: &Value) -> (bool, String) {
    let output = plane.kubectl(&["apply", "--validate=false", "-f", "-"], &manifest.to_string());
    (output.status.success(), crate::control_plane::output_text(&output))
}

/// Waits until the ServiceCIDR is ready and in the webhook's inventory.
fn wait_for(plane: &ControlPlane, server: &Server, name: &str) {
    eventually("the ServiceCIDR is ready", || {
        let stored = plane.get(&format!("{SERVICE_CIDRS}/{name}")).1;
        stored["metadata"]["finalizers"].is_array() && crate::control_plane::is_ready(&stored)
    });
    synced_report(plane, server);
}

#[test]
fn check_matches_api_server_for_300_manifests() {
    let plane = ControlPlane::start();
    create_ready(&plane, "team-before", &["10.97.0.0/24"]);
    let node = json!({"metadata": {"name": "worker-1"}, "spec": {"podCIDR": "10.99.244.0/24", "podCIDRs": ["10.99.244.0/24"]}});
    assert_eq!(plane.post("/api/v1/nodes", &node).0, 201);
    let server = webhook::start_with_inventory(&plane, RULES);
    webhook::wait_until_refused(
        &plane,
        "10.99.244.0/28",
        &violations::reserved_by_node("10.99.244.0/28", NodeNetwork::PodCidr, "10.99.244.0/24", "worker-1").to_string(),
    );

    let all = manifests();
    let (file, policy) = (plane.folder.path().join("manifests.yaml"), server.path("policy.yaml"));
    let text: Vec<String> = all.iter().map(|one| serde_json::to_string_pretty(one).unwrap()).collect();
    fs::write(&file, format!("---\n{}\n", text.join("\n---\n"))).unwrap();
    assert!(fs::read_to_string(&policy).unwrap().starts_with(POLICY));
    let mut check = program();
    check.args(["check", "-o", "json", "--inventory", "cluster", "--kubeconfig"]).arg(plane.kubeconfig());
    let output = check.arg("--policy").arg(&policy).arg("-f").arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checked = report["results"].as_array().unwrap();
    assert_eq!(checked.len(), MANIFESTS);

    let (mut allowed, mut updates, mut differing) = (0, 0, Vec::new());
    for (manifest, checked) in all.iter().zip(checked) {
        let name = manifest["metadata"]["name"].as_str().unwrap();
        let was_there = exists(&plane, name);
        let (is_admitted, output) = apply(&plane, manifest);
        if checked["allowed"] != is_admitted {
            differing.push(format!("{manifest}: check {checked}\nkubectl: {output}"));
        }
        if is_admitted {
            allowed += 1;
            updates += usize::from(was_there);
            wait_for(&plane, &server, name);
        }
    }
    println!("{MANIFESTS} manifests: {allowed} allowed, of them {updates} updates; {} denied", MANIFESTS - allowed);
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
    assert!(allowed >= 60 && MANIFESTS - allowed >= 60 && updates >= 10, "{allowed} {updates}");
}
