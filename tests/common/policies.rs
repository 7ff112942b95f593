//! Two policies that alternate under load. They differ in every rule, so that a mix of them gives a response that
//! neither gives.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use tempfile::TempDir;

use super::authority::Authority;
use super::volume::Volume;
use crate::connection::{Connection, request, trusting};
use crate::program::{Server, eventually, fixtures};

/// Denies the IPv4 CIDR, which is outside the ranges and overlaps a network; allows the IPv6 CIDR.
pub const FIRST_POLICY: &str = "\
apiVersion: servicecidr-guard/v1alpha1
kind: Policy
ipFamilies: [IPv4]
networks: [{name: one, cidr: 10.0.0.0/9}]
allowedRanges: {ranges: [10.128.0.0/9, 'fd00::/8']}
reservedNetworks: {}
usable: {}
preview: {warnOn: Always}
";
/// Allows the IPv4 CIDR, denies the IPv6 CIDR.
pub const SECOND_POLICY: &str = "\
apiVersion: servicecidr-guard/v1alpha1
kind: Policy
ipFamilies: [IPv4, IPv6]
networks: [{name: other, cidr: 'fd00::/9'}]
allowedRanges: {ranges: [10.0.0.0/8]}
reservedNetworks: {}
prefixLength: {ipv4: {longest: 20}, validationActions: [Warn]}
preview: {warnOn: Always}
";
/// Invalid policies, which must never be loaded.
const INVALID_POLICIES: [&str; 5] = [
    "",
    "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\n",
    "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\nallowedRanges: {ranges: [0.0.0.0/0, '::/0'",
    "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\nallowedRanges: {ranges: [10.0.0.0/40]}\n",
    "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\nallowRanges: {ranges: [0.0.0.0/0, '::/0']}\n",
];
const CIDRS: [&str; 3] = [r#""10.96.0.0/24""#, r#""fd00::/112""#, r#""10.96.0.0/24", "fd00::/112""#];
const CLIENTS: usize = 4;

/// The responses to every review under one policy.
type Answers = Vec<Vec<u8>>;

/// Reviews of CREATEs.
pub fn reviews() -> Vec<Vec<u8>> {
    let recorded = fs::read_to_string(fixtures().join("recorded/007-create-newcidr1.json")).unwrap();
    CIDRS.iter().map(|cidrs| request(recorded.replace(r#""10.96.0.0/24""#, cidrs).as_bytes())).collect()
}

/// Alternates the two policies `reloads` times during `requests` requests, and checks every response.
pub fn run_alternating_policies(requests: usize, reloads: usize) {
    let authority = Authority::new();
    let pair = authority.sign();
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("ca.crt"), &authority.ca).unwrap();
    let inventory = fixtures().join("inventories/fresh.json");
    let files = [("policy.yaml", FIRST_POLICY), ("tls.crt", &pair.cert), ("tls.key", &pair.key)];
    let files = files.map(|(name, text)| (name, text.as_bytes().to_vec())).to_vec();
    let mut volume = Volume::mount(folder.path(), files);
    let more = [
        "--inventory",
        inventory.to_str().unwrap(),
        "--log-level",
        "info,servicecidr_guard::server::http::admission=warn",
    ];
    let server = Server::serve_with(folder, "policy.yaml", "tls.crt", "tls.key", &more);
    let address = server.webhook.strip_prefix("https://").unwrap().parse().unwrap();
    let trust = trusting(authority.ca.as_bytes());
    let reviews = reviews();
    let open = || Connection::open(address, &trust).unwrap();
    let mut swap = |policy: &str| {
        volume.update(&[("policy.yaml", policy.as_bytes())]);
        server.signal("HUP");
        server.wait_for_log("files read after SIGHUP");
    };
    let mut own = open();
    let mut all = || -> Answers { reviews.iter().map(|review| own.send(review).unwrap().body).collect() };
    let one = all();
    swap(SECOND_POLICY);
    let other = all();
    assert!(one.iter().zip(&other).all(|(one, other)| one != other), "both policies give the same response");
    swap(FIRST_POLICY);
    let expected = Arc::new([one, other]);

    let (is_over, response_count, seen) =
        (AtomicBool::new(false), AtomicUsize::new(0), [const { AtomicUsize::new(0) }; 2]);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (mut connection, expected, reviews) = (open(), Arc::clone(&expected), &reviews);
            let (is_over, response_count, seen) = (&is_over, &response_count, &seen);
            scope.spawn(move || {
                for number in client.. {
                    let place = number % CIDRS.len();
                    let reply = connection.send(&reviews[place]).unwrap();
                    let by = expected.iter().position(|answers| reply.status == 200 && answers[place] == reply.body);
                    let by = by.unwrap_or_else(|| {
                        panic!("a response of neither policy: {}", String::from_utf8_lossy(&reply.body))
                    });
                    seen[by].fetch_add(1, Ordering::Relaxed);
                    response_count.fetch_add(1, Ordering::Relaxed);
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        for reload in 1..=reloads {
            let now = reload % 2;
            swap([FIRST_POLICY, SECOND_POLICY][now]);
            assert_eq!(all(), expected[now], "reload {reload}");
            if reload % 10 == 0 {
                swap(INVALID_POLICIES[reload / 10 % INVALID_POLICIES.len()]);
                assert_eq!(all(), expected[now], "the invalid policy after reload {reload}");
            }
            eventually("requests got responses", || {
                response_count.load(Ordering::Relaxed) >= requests * reload / reloads
            });
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let [by_one, by_other] = seen.map(AtomicUsize::into_inner);
    println!("{by_one} responses by one policy, {by_other} by the other, none by a mix, in {reloads} reloads");
    assert!(by_one > requests / 10 && by_other > requests / 10);
    let count =
        |result: &str| server.metric(&format!(r#"servicecidr_guard_config_reloads_total{{result="{result}"}}"#));
    assert_eq!(count("failure").unwrap(), (reloads / 10).to_string());
    assert_eq!(count("success").unwrap(), (reloads + 2).to_string());
}
