//! The server while the API server is slow, silent or failing: readiness and violations.

use std::fs;

use servicecidr_guard::inventory::ResourceKind;
use servicecidr_guard::policy::RuleId;

use crate::program::{Server, eventually, fixtures};
use crate::violations;

use super::fake_api_server::FakeApiServer;
use super::fake_cluster::{ADDRESSES, FakeResponse, SERVICE_CIDRS, address, service_cidr};
use super::follower::source;

const HEADER: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\n";

/// A server with the inventory of a fake API server.
fn following(api_server: &FakeApiServer, rules: &str) -> (Server, tempfile::NamedTempFile) {
    let (_, kubeconfig) = source(&format!("http://{}", api_server.address));
    let path = kubeconfig.path().to_str().unwrap().to_owned();
    let server = Server::start_with(
        &format!("{HEADER}{rules}"),
        &["--inventory", "cluster", "--kubeconfig", &path, "--context", "x"],
    );
    (server, kubeconfig)
}

fn api_server(addresses: u32) -> FakeApiServer {
    let api_server = FakeApiServer::start();
    let mut cluster = api_server.cluster();
    cluster.put(SERVICE_CIDRS, service_cidr("kubernetes", &["10.96.0.0/16"]));
    for number in 0..addresses {
        cluster.put(ADDRESSES, address(&std::net::Ipv4Addr::from(0x0a60_0001 + number).to_string(), "s"));
    }
    drop(cluster);
    api_server
}

/// Status and body of a path of the health port.
fn get(server: &Server, path: &str) -> (u16, String) {
    let answer = server.get(&format!("{}{path}", server.health));
    (answer.status().as_u16(), answer.into_body())
}

/// The message of a denied creation of `cidr`; empty if it is allowed.
fn denial(server: &Server, cidr: &str) -> String {
    let recorded = fs::read_to_string(fixtures().join("recorded/007-create-newcidr1.json")).unwrap();
    let answer = server.review(recorded.replace("10.96.0.0/24", cidr).as_bytes());
    answer["response"]["status"]["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn report_waits_for_addresses_but_readyz_does_not() {
    let api_server = api_server(600);
    api_server.respond_with(|request| {
        if request.query.contains_key("continue") { FakeResponse::Hang } else { FakeResponse::Normal }
    });
    let (server, _file) = following(&api_server, "noOverlap: {validationActions: [Deny]}\n");
    eventually("the ServiceCIDRs are read", || get(&server, "/readyz") == (200, "ok\n".to_owned()));
    eventually("the first page is read", || {
        get(&server, "/report") == (503, "syncing IPAddresses 500/600\n".to_owned())
    });
    assert_eq!(
        denial(&server, "10.96.5.0/24"),
        violations::overlap("10.96.5.0/24", [("10.96.0.0/16", "kubernetes")]).to_string()
    );
    assert_eq!(server.metric(r#"servicecidr_guard_inventory_synced{kind="IPAddress"}"#).as_deref(), Some("0"));
    assert_eq!(server.metric(r#"servicecidr_guard_clusterip_family_usable_ips{family="IPv4"}"#), None);
}

#[test]
fn readyz_waits_for_service_cidrs() {
    let api_server = api_server(1);
    api_server
        .respond_with(|request| if request.path == SERVICE_CIDRS { FakeResponse::Hang } else { FakeResponse::Normal });
    let (server, _file) = following(&api_server, "noOverlap: {validationActions: [Deny]}\n");
    let (status, body) = get(&server, "/readyz");
    assert_eq!(
        (status, body.as_str()),
        (
            503,
            "[+]policy ok: no-overlap\n[+]certificate ok\n[-]inventory failed: syncing ServiceCIDRs 0\nreadyz check failed\n"
        )
    );
    assert_eq!(
        denial(&server, "10.97.0.0/24"),
        violations::syncing(RuleId::NoOverlap, ResourceKind::ServiceCidrs).to_string()
    );
}

#[test]
fn readyz_and_metrics_report_missing_permission() {
    let api_server = api_server(1);
    api_server.respond_with(|request| match request.path.as_str() {
        SERVICE_CIDRS => FakeResponse::Status(403, "", "no"),
        _ => FakeResponse::Normal,
    });
    let (server, _file) = following(&api_server, "noOverlap: {validationActions: [Deny]}\n");
    eventually("/readyz reports the missing permission", || {
        let (status, body) = get(&server, "/readyz");
        status == 503 && body.contains("can't list servicecidrs.networking.k8s.io: forbidden")
    });
    let refused = r#"servicecidr_guard_inventory_errors_total{kind="ServiceCIDR",reason="forbidden"}"#;
    assert_ne!(server.metric(refused).unwrap(), "0");
}

#[test]
fn silent_watch_is_stale_until_a_bookmark() {
    let api_server = api_server(1);
    let rules = "allowedRanges: {ranges: [10.0.0.0/8]}\nnoOverlap: {validationActions: [Deny]}\nstaleness: {maxStaleness: 3s}\n";
    let (server, _file) = following(&api_server, rules);
    eventually("the inventory is fresh", || {
        api_server.cluster().bookmark(SERVICE_CIDRS);
        denial(&server, "10.97.0.0/24").is_empty()
    });
    eventually("the inventory is stale", || {
        let message = denial(&server, "10.97.0.0/24");
        (3..60)
            .any(|age| message == violations::stale(RuleId::NoOverlap, ResourceKind::ServiceCidrs, age, 3).to_string())
    });
    // Rules without an inventory are evaluated.
    let outside = violations::outside(0, "172.20.0.0/16", &["10.0.0.0/8"]).to_string();
    assert!(denial(&server, "172.20.0.0/16").contains(&outside));
    eventually("the inventory is fresh again", || {
        api_server.cluster().bookmark(SERVICE_CIDRS);
        denial(&server, "10.97.0.0/24").is_empty()
    });
    // Dry runs don't use stale addresses either.
    eventually("the addresses are stale", || {
        let age = server.metric(r#"servicecidr_guard_inventory_age_seconds{kind="IPAddress"}"#);
        age.is_some_and(|age| age.parse::<f64>().unwrap() > 3.0)
    });
}
