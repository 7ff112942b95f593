//! The live inventory with a fake API server, through every fault.

mod events;
mod fake_api_server;
mod fake_cluster;
mod faults;
mod follower;
mod model;
mod served;
mod snapshot;

use std::time::{Duration, Instant};

use servicecidr_guard::inventory::ResourceKind;
use servicecidr_guard::k8s::{WatchConfig, WatchScope};

use fake_api_server::FakeApiServer;
use fake_cluster::{ADDRESSES, FakeResponse, Fault, NODES, SERVICE_CIDRS, address, node, service_cidr};
use follower::{FAST_CONFIG, Follower, until};

/// A fake API server with a ServiceCIDR, a Node and addresses.
fn api_server(addresses: u32) -> FakeApiServer {
    let api_server = FakeApiServer::start();
    let mut cluster = api_server.cluster();
    cluster.put(SERVICE_CIDRS, service_cidr("kubernetes", &["10.96.0.0/16"]));
    cluster.put(NODES, node("a", &["10.244.0.0/24"], "192.0.2.1"));
    for number in 0..addresses {
        let text = std::net::Ipv4Addr::from(0x0a60_0001 + number).to_string();
        cluster.put(ADDRESSES, address(&text, "s"));
    }
    drop(cluster);
    api_server
}

fn is_listed(follower: &Follower) -> bool {
    [ResourceKind::ServiceCidrs, ResourceKind::IpAddresses].iter().all(|kind| follower.status(*kind).is_listed)
}

#[test]
fn inventory_is_listed_then_watched() {
    let api_server = api_server(20);
    let follower = Follower::start(&api_server, FAST_CONFIG);
    follower.wait_until_synced(&api_server);
    until("a list", || is_listed(&follower));
    let status = follower.status(ResourceKind::IpAddresses);
    assert_eq!((status.is_listed, status.seen, status.expected, status.objects), (true, 20, Some(20), 20));
    {
        let mut cluster = api_server.cluster();
        cluster.put(ADDRESSES, address("fd00::1", "six"));
        cluster.put(ADDRESSES, address("10.96.0.1", "moved"));
        cluster.delete(ADDRESSES, "10.96.0.2");
        cluster.put(SERVICE_CIDRS, service_cidr("more", &["10.97.0.0/24", "fd00::/112"]));
        cluster.delete(SERVICE_CIDRS, "kubernetes");
        cluster.put(NODES, node("a", &["10.244.9.0/24", "fd01::/64"], "192.0.2.9"));
    }
    follower.wait_until_synced(&api_server);
    assert_eq!(follower.live.read().count(ResourceKind::IpAddresses), 20);
    let cluster = api_server.cluster();
    assert_eq!([SERVICE_CIDRS, ADDRESSES, NODES].map(|path| cluster.count(path, false)), [1, 3, 1]);
    let first = &cluster.requests[0];
    assert_eq!(first.agent, concat!("servicecidr-guard/", env!("CARGO_PKG_VERSION")));
    assert_eq!((first.query["limit"].as_str(), first.version()), ("7", None));
    let watch = cluster.requests.iter().find(|request| request.is_watch()).unwrap();
    assert_eq!((watch.query["allowWatchBookmarks"].as_str(), watch.query["timeoutSeconds"].as_str()), ("true", "1"));
}

#[test]
fn watch_resumes_from_last_version() {
    let api_server = api_server(1);
    api_server.cluster().watch_lifetime = Duration::from_millis(100);
    let follower = Follower::start(&api_server, FAST_CONFIG);
    follower.wait_until_synced(&api_server);
    let listed = api_server.cluster().version;
    let bookmark = {
        let mut cluster = api_server.cluster();
        // Other kinds increase the version too.
        cluster.put(NODES, node("b", &[], "192.0.2.2"));
        cluster.bookmark(ADDRESSES);
        cluster.version
    };
    until("a watch from the bookmark", || api_server.cluster().watch_versions(ADDRESSES).contains(&bookmark));
    assert_eq!(api_server.cluster().watch_versions(ADDRESSES)[0], listed);
    let event = {
        let mut cluster = api_server.cluster();
        cluster.put(ADDRESSES, address("10.96.9.9", "s"));
        cluster.version
    };
    until("a watch from the event", || api_server.cluster().watch_versions(ADDRESSES).contains(&event));
    follower.wait_until_synced(&api_server);
    assert_eq!(follower.status(ResourceKind::IpAddresses).relists, 0);
    // A watch counts only after its response.
    until("two watches after the first", || follower.status(ResourceKind::IpAddresses).reconnects >= 2);
}

#[test]
fn stalled_list_reports_progress() {
    let api_server = api_server(20);
    api_server.respond_with(|request| {
        if request.query.contains_key("continue") { FakeResponse::Hang } else { FakeResponse::Normal }
    });
    let follower =
        Follower::start(&api_server, WatchConfig { page_timeout: Duration::from_millis(200), ..FAST_CONFIG });
    until("the first page", || follower.status(ResourceKind::IpAddresses).seen == 7);
    let status = follower.status(ResourceKind::IpAddresses);
    assert_eq!((status.is_listed, status.expected, status.age, status.objects), (false, Some(20), None, 7));
    until("the other list", || follower.status(ResourceKind::ServiceCidrs).is_listed);
    until("a retry", || follower.status(ResourceKind::IpAddresses).last_error.is_some());
    let error = follower.status(ResourceKind::IpAddresses).last_error.unwrap();
    assert_eq!(error, "can't list ipaddresses.networking.k8s.io: no complete page within 0.2 s");
    api_server.respond_with(|_| FakeResponse::Normal);
    follower.wait_until_synced(&api_server);
    until("the remaining pages", || follower.status(ResourceKind::IpAddresses).is_listed);
    // The pages that were read are not requested again.
    assert_eq!(
        api_server
            .cluster()
            .requests
            .iter()
            .filter(|request| request.path == ADDRESSES
                && !request.is_watch()
                && !request.query.contains_key("continue"))
            .count(),
        1
    );
}

#[test]
fn relist_keeps_objects_until_it_ends() {
    let api_server = api_server(20);
    let follower = Follower::start(&api_server, FAST_CONFIG);
    follower.wait_until_synced(&api_server);
    api_server.respond_with(|request| match request.query.get("continue") {
        Some(_) => FakeResponse::Hang,
        None if request.is_watch() => FakeResponse::EventsThenFault(0, Fault::Silence),
        None => FakeResponse::Normal,
    });
    {
        // Removed without an event, before the watch is restarted.
        let mut cluster = api_server.cluster();
        cluster.objects.get_mut(ADDRESSES).unwrap().retain(|name, _| name != "10.96.0.1" && name != "10.96.0.20");
        cluster.version += 1;
        cluster.compact();
    }
    until("the first page of the relist", || follower.status(ResourceKind::IpAddresses).seen == 7);
    assert_eq!(follower.status(ResourceKind::IpAddresses).expected, Some(18));
    let status = follower.status(ResourceKind::IpAddresses);
    assert_eq!((status.is_listed, status.objects, status.relists), (true, 20, 0));
    assert!(status.age.is_some());
    drop(follower);

    let follower = Follower::start(&api_server, FAST_CONFIG);
    api_server.respond_with(|_| FakeResponse::Normal);
    until("a list", || is_listed(&follower));
    {
        let mut cluster = api_server.cluster();
        cluster.objects.get_mut(ADDRESSES).unwrap().retain(|name, _| name.ends_with('5'));
        cluster.version += 1;
        cluster.compact();
    }
    follower.wait_until_synced(&api_server);
    assert_eq!(follower.status(ResourceKind::IpAddresses).objects, 2);
    until("the end of the relist", || follower.status(ResourceKind::IpAddresses).relists == 1);
}

#[test]
fn age_grows_until_a_bookmark_or_event() {
    let api_server = api_server(1);
    let follower = Follower::start(&api_server, FAST_CONFIG);
    until("a list", || is_listed(&follower));
    until("a watch", || api_server.cluster().count(SERVICE_CIDRS, true) == 1);
    until("an age", || follower.status(ResourceKind::ServiceCidrs).age.unwrap() > Duration::from_millis(200));
    let now = Instant::now();
    let age =
        |after: u64| follower.live.status_at(ResourceKind::ServiceCidrs, now + Duration::from_secs(after)).age.unwrap();
    assert_eq!(age(1000), age(10) + Duration::from_secs(990));
    assert!(age(120) > Duration::from_secs(120));
    api_server.cluster().bookmark(SERVICE_CIDRS);
    // At an instant before the bookmark, the age is zero.
    until("a new confirmation", || {
        follower.live.status_at(ResourceKind::ServiceCidrs, now).age == Some(Duration::ZERO)
    });
    api_server.cluster().put(ADDRESSES, address("10.96.1.1", "s"));
    until("a new confirmation", || follower.live.status_at(ResourceKind::IpAddresses, now).age == Some(Duration::ZERO));
}

#[test]
fn nodes_are_watched_on_demand() {
    let api_server = api_server(1);
    let follower = Follower::start_with_scope(&api_server, FAST_CONFIG, WatchScope::default());
    until("a list", || is_listed(&follower));
    let status = follower.status(ResourceKind::Nodes);
    assert_eq!((status.is_wanted, status.is_listed, status.objects), (false, false, 0));
    assert_eq!(api_server.cluster().count(NODES, false), 0);
    for _ in 0..2 {
        follower.wanted.send(WatchScope { nodes: true }).unwrap();
        follower.wait_until_synced(&api_server);
        until("a list", || follower.status(ResourceKind::Nodes).is_listed);
        follower.wanted.send(WatchScope { nodes: false }).unwrap();
        until("the nodes are removed", || follower.live.read().count(ResourceKind::Nodes) == 0);
        let status = follower.status(ResourceKind::Nodes);
        assert_eq!((status.is_wanted, status.is_listed, status.age), (false, false, None));
    }
    assert_eq!(api_server.cluster().count(NODES, false), 2);
    assert_eq!(follower.live.read().count(ResourceKind::IpAddresses), 1);
}
