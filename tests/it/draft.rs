//! `init`: drafts for twenty clusters load, deny nothing that exists, and warn about conflicts.

use std::collections::BTreeSet;

use servicecidr_guard::config::{Loaded, draft};
use servicecidr_guard::inventory::{Change, Inventory, Node, ObservedInventory, Operation, Readiness, ServiceCidr};
use servicecidr_guard::policy::{Policy, Request, Subresource, Verdict, evaluate};

/// A cluster: its ServiceCIDRs, and its Nodes with pod CIDRs and an address.
struct Cluster {
    what: &'static str,
    service_cidrs: &'static [(&'static str, &'static [&'static str])],
    nodes: &'static [(&'static str, &'static [&'static str], &'static str)],
}

const fn cluster(
    what: &'static str,
    service_cidrs: &'static [(&'static str, &'static [&'static str])],
    nodes: &'static [(&'static str, &'static [&'static str], &'static str)],
) -> Cluster {
    Cluster { what, service_cidrs, nodes }
}

const NODES: &[(&str, &[&str], &str)] =
    &[("worker-1", &["10.244.0.0/24"], "192.168.1.11"), ("worker-2", &["10.244.1.0/24"], "192.168.1.12")];

const CLUSTERS: [Cluster; 20] = [
    cluster("kubeadm's default", &[("kubernetes", &["10.96.0.0/12"])], NODES),
    cluster("no Nodes", &[("kubernetes", &["10.96.0.0/12"])], &[]),
    cluster("IPv6 alone", &[("kubernetes", &["fd00:10:96::/112"])], &[("w", &["fd00:10:244::/64"], "fd00:1::11")]),
    cluster("dual-stack", &[("kubernetes", &["10.96.0.0/16", "fd00:10:96::/112"])], NODES),
    cluster("dual-stack, IPv6 first", &[("kubernetes", &["fd00:10:96::/112", "10.96.0.0/16"])], NODES),
    cluster("a range added", &[("kubernetes", &["10.96.0.0/24"]), ("more", &["10.97.0.0/24"])], NODES),
    cluster("a range grown", &[("kubernetes", &["10.96.0.0/24"]), ("wider", &["10.96.0.0/20"])], NODES),
    cluster(
        "equal ranges",
        &[("kubernetes", &["10.96.0.0/24"]), ("a", &["10.96.0.0/24"]), ("b", &["10.96.0.0/24"])],
        NODES,
    ),
    cluster("terminating", &[("kubernetes", &["10.96.0.0/24"]), ("going-away", &["10.97.0.0/24"])], NODES),
    cluster("not ready", &[("kubernetes", &["10.96.0.0/24"]), ("not-ready", &["10.97.0.0/24"])], NODES),
    cluster("no kubernetes", &[("team-a", &["10.97.0.0/24"])], NODES),
    cluster("Services where pods are", &[("kubernetes", &["10.244.0.0/16"])], NODES),
    cluster("Services where Nodes are", &[("kubernetes", &["192.168.0.0/16"])], NODES),
    cluster(
        "named as GKE does",
        &[("kubernetes", &["34.118.224.0/20"])],
        &[("gke-a-pool-1", &["10.4.0.0/24"], "10.128.0.2")],
    ),
    cluster(
        "named as AKS does",
        &[("kubernetes", &["10.0.0.0/16"])],
        &[("aks-pool-1", &["10.244.0.0/24"], "10.224.0.4")],
    ),
    cluster(
        "named as EKS does",
        &[("kubernetes", &["172.20.0.0/16"])],
        &[("ip-10-0-1-2.eu-west-1.compute.internal", &[], "10.0.1.2")],
    ),
    cluster("within a preset", &[("kubernetes", &["100.64.0.0/16"])], NODES),
    cluster(
        "tiny and huge",
        &[("kubernetes", &["10.0.0.0/8"]), ("tiny", &["11.0.0.0/31"]), ("six", &["fd00::/20"])],
        NODES,
    ),
    cluster(
        "hostile names",
        &[("kubernetes", &["10.96.0.0/24"]), ("x\ndenyAll: {}\n#\u{2028}\u{85}\u{1b}[31m", &["10.96.0.0/25"])],
        &[("n\nkind: Pwned\r#", &["10.96.0.0/26"], "10.96.0.9")],
    ),
    cluster(
        "odd pods",
        &[("kubernetes", &["10.96.0.0/24"])],
        &[("a", &["10.244.0.0/24", "fd00::/64"], "10.0.0.1"), ("b", &[], "fd00:1::1")],
    ),
];

fn inventory(cluster: &Cluster) -> Inventory {
    let mut inventory = Inventory::default();
    for (name, cidrs) in cluster.service_cidrs {
        inventory.insert_service_cidr(ServiceCidr {
            name: (*name).to_owned(),
            cidrs: cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect(),
            unreadable: if *name == "more" { vec!["010.0.0.0/8".to_owned()] } else { Vec::new() },
            readiness: match *name {
                "going-away" => Readiness::Terminating,
                "not-ready" => Readiness::NotReady,
                _ => Readiness::Ready,
            },
            has_finalizer: true,
            created: None,
        });
    }
    for (name, pods, address) in cluster.nodes {
        inventory.insert_node(Node {
            name: (*name).to_owned(),
            pod_cidrs: pods.iter().map(|cidr| cidr.parse().unwrap()).collect(),
            addresses: vec![address.parse().unwrap()],
        });
    }
    inventory
}

fn create(policy: &Policy, inventory: &Inventory, name: &str, cidrs: &[String]) -> Verdict {
    let change = Change::diff(Operation::Create, name, &[], cidrs);
    let request = Request { change, subresource: Subresource::None, requester: String::new(), dry_run: false };
    evaluate(policy, &ObservedInventory::static_file(inventory), &request)
}

/// The rules that a CREATE of one CIDR violates. A draft denies nothing.
fn warned(policy: &Policy, inventory: &Inventory, cidr: &str) -> BTreeSet<&'static str> {
    let verdict = create(policy, inventory, "new", &[cidr.to_owned()]);
    assert!(verdict.allows(), "{cidr}: {verdict:?}");
    verdict.warnings().map(|violation| violation.rule().as_str()).collect()
}

#[test]
fn draft_denies_no_existing_service_cidr() {
    for cluster in &CLUSTERS {
        let inventory = inventory(cluster);
        let text = draft(&inventory);
        let loaded = Loaded::from_bytes("draft.yaml", text.as_bytes());
        let loaded = loaded.unwrap_or_else(|error| panic!("{}: {error:#}\n{text}", cluster.what));
        assert_eq!(loaded.notes, [], "{}\n{text}", cluster.what);
        for (name, cidrs) in cluster.service_cidrs {
            let mut others = inventory.clone();
            others.remove_service_cidr(name);
            let cidrs: Vec<String> = cidrs.iter().map(|cidr| (*cidr).to_owned()).collect();
            let verdict = create(&loaded.policy, &others, name, &cidrs);
            let rules: Vec<_> = verdict.findings.iter().map(|finding| finding.violation.rule().as_str()).collect();
            assert!(verdict.allows(), "{}: {name} is denied by {rules:?}\n{text}", cluster.what);
            assert!(
                !rules.contains(&"allowed-ranges") && !rules.contains(&"prefix-length"),
                "{}: {rules:?}",
                cluster.what
            );
        }
    }
}

#[test]
fn draft_warns_about_conflicting_cidrs() {
    for cluster in &CLUSTERS {
        let inventory = inventory(cluster);
        let policy = Loaded::from_bytes("draft.yaml", draft(&inventory).as_bytes()).unwrap().policy;
        let warned = |cidr: &str| warned(&policy, &inventory, cidr);
        let all = |rules: &[&'static str]| rules.iter().copied().collect::<BTreeSet<_>>();
        let has_ipv4 = inventory.families().contains(servicecidr_guard::net::IpFamily::IPv4);
        let what = cluster.what;
        // Outside of all ranges.
        let usable = |rules: &[&'static str]| {
            let mut rules = all(rules);
            rules.extend((!has_ipv4).then_some("usable"));
            rules
        };
        assert_eq!(warned("198.18.0.0/24"), usable(&["allowed-ranges"]), "{what}");
        // Never valid for Services.
        assert_eq!(warned("127.0.0.0/24"), usable(&["allowed-ranges", "reserved-networks"]), "{what}");
        // No allocatable address.
        let tiny = ["allowed-ranges", "prefix-length", "usable"];
        let tiny = all(if what == "tiny and huge" || !has_ipv4 { &["allowed-ranges", "usable"] } else { &tiny });
        assert_eq!(warned("198.18.0.0/31"), tiny, "{what}");
        // Overlaps a Node.
        for (_, pods, address) in cluster.nodes {
            let address = format!("{address}/{}", if address.contains(':') { 128 } else { 32 });
            for cidr in pods.iter().copied().chain([address.as_str()]) {
                assert!(warned(cidr).contains("reserved-networks"), "{what}: {cidr}");
            }
        }
        // Overlaps a ServiceCIDR.
        for (name, cidrs) in cluster.service_cidrs {
            for cidr in *cidrs {
                assert!(warned(cidr).contains("no-overlap"), "{what}: {cidr} of {name}");
            }
        }
    }
}

#[test]
fn draft_comments_on_existing_problems() {
    let draft_of = |what: &str| draft(&inventory(CLUSTERS.iter().find(|cluster| cluster.what == what).unwrap()));
    let says = |what: &str, line: &str| {
        let text = draft_of(what);
        assert!(text.lines().any(|seen| seen == line), "{what} doesn't say `{line}`:\n{text}");
    };
    says(
        "no kubernetes",
        "# ipFamilies is omitted: there is no ServiceCIDR kubernetes, so the IP families of kube-apiserver are unknown.",
    );
    says("dual-stack, IPv6 first", "ipFamilies: [IPv4, IPv6]");
    says("terminating", "    - 10.97.0.0/24  # ServiceCIDR going-away, Terminating");
    says("terminating", "# Unusable today: 10.97.0.0/24 of going-away: Terminating");
    says("equal ranges", "    - 10.96.0.0/24  # ServiceCIDR a; ServiceCIDR b; ServiceCIDR kubernetes");
    says("a range grown", "# Today: 10.96.0.0/20 of wider contains 10.96.0.0/24 of kubernetes");
    says("a range added", "# Omitted, because Kubernetes rejects it today: `010.0.0.0/8` of ServiceCIDR more");
    says("within a preset", "# Omitted: cgnat: ServiceCIDR kubernetes has 100.64.0.0/16 of 100.64.0.0/10");
    says("kubeadm's default", "# Pod CIDRs of the Nodes: 10.244.0.0/23");
    says(
        "Services where Nodes are",
        "# Conflicts today: 192.168.0.0/16 of ServiceCIDR kubernetes overlaps address 192.168.1.11 of Node worker-1; 192.168.0.0/16 of ServiceCIDR kubernetes overlaps address 192.168.1.12 of Node worker-2",
    );
    says("named as GKE does", "    - gke  # a Node is named as GKE names them");
    says("named as AKS does", "    - aks  # a Node is named as AKS names them");
    says("named as EKS does", "    - eks  # a Node is named as EC2 names them");
    says("tiny and huge", "  ipv4: {shortest: 8, longest: 31}  # current: /8 to /31");
    let text = draft_of("hostile names");
    assert!(!text.chars().any(|it| it != '\n' && (it.is_control() || it == '\u{2028}')), "{text:?}");
}
