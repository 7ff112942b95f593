//! The rules of the policy file: defaults and errors.

use core::time::Duration;

use servicecidr_guard::config::Loaded;
use servicecidr_guard::inventory::NodeNetwork;
use servicecidr_guard::net::Relation;
use servicecidr_guard::policy::{OnStale, Policy, RuleId, Staleness, ValidationActions, WarnOn};

fn load(body: &str) -> Result<Loaded, String> {
    let text = format!("apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\n{body}");
    Loaded::from_bytes("policy.yaml", text.as_bytes()).map_err(|error| format!("{error:#}"))
}

fn policy(body: &str) -> Policy {
    load(body).unwrap_or_else(|error| panic!("{body}: {error}")).policy
}

/// Checks the first line of an error, without the file name.
#[track_caller]
fn check(body: &str, expected: &str) {
    let error = load(body).map(|loaded| format!("{loaded:?}")).unwrap_err();
    assert_eq!(error.lines().next().unwrap().strip_prefix("policy.yaml:").unwrap(), expected, "{body}");
}

#[test]
fn omitted_fields_have_defaults() {
    let written = policy("noOverlap: {}\nusable: {}\ndeletion: {}\nprefixLength: {ipv4: {longest: 28}}\n");
    let no_overlap = written.no_overlap.as_ref().unwrap();
    assert_eq!(no_overlap.relations, [Relation::Same, Relation::Within, Relation::Contains]);
    assert_eq!(no_overlap.actions, ValidationActions::WARN);
    assert_eq!(written.usable.as_ref().unwrap().actions, ValidationActions::WARN);
    let deletion = written.deletion.as_ref().unwrap();
    assert_eq!((deletion.blocked, deletion.stranded), (ValidationActions::WARN, ValidationActions::DENY));
    let lengths = written.prefix_length.as_ref().unwrap();
    assert_eq!((lengths.ipv4.clone(), lengths.ipv6.clone()), (0..=28, 0..=128));
    assert_eq!(lengths.actions, ValidationActions::DENY);
    assert_eq!(written.staleness, Staleness { max: Duration::from_secs(120), on_stale: OnStale::RuleAction });
    assert_eq!(written.warn_on, WarnOn::DryRun);
    let rules: Vec<&str> = written.rules().into_iter().map(RuleId::as_str).collect();
    assert_eq!(rules, ["prefix-length", "no-overlap", "usable", "deletion"]);
    let reserved = policy("reservedNetworks: {presets: [cgnat]}\n").reserved_networks.unwrap();
    assert_eq!((reserved.actions, reserved.discover), (ValidationActions::DENY, vec![]));
}

#[test]
fn written_fields_are_applied() {
    let written = policy(
        "reservedNetworks: {discover: [nodeAddresses, nodePodCIDRs], validationActions: [Audit]}\n\
         staleness: {maxStaleness: 2m30s, onStale: Warn}\npreview: {warnOn: Never}\n\
         deletion: {blocked: [Deny, Audit], stranded: [Warn]}\n",
    );
    let reserved = written.reserved_networks.as_ref().unwrap();
    assert_eq!(reserved.discover, [NodeNetwork::Address, NodeNetwork::PodCidr]);
    assert!(reserved.actions.audit() && !reserved.actions.deny());
    assert_eq!(written.staleness, Staleness { max: Duration::from_secs(150), on_stale: OnStale::Warn });
    assert_eq!(written.warn_on, WarnOn::Never);
    let deletion = written.deletion.as_ref().unwrap();
    assert!(deletion.blocked.deny() && deletion.blocked.audit() && deletion.stranded.warn());
    assert_eq!(policy("usable: {}\npreview: {warnOn: Always}\n").warn_on, WarnOn::Always);
}

#[test]
fn every_rule_yaml_sets_every_rule() {
    let text = include_bytes!("../fixtures/manifests/every-rule.yaml");
    let written = Loaded::from_bytes("every-rule.yaml", text).unwrap().policy;
    let rules: Vec<RuleId> = RuleId::ALL.iter().copied().filter(|rule| rule.config_key().is_some()).collect();
    assert_eq!(written.rules(), rules);
}

#[test]
fn rules_report_required_inventory() {
    let needs = |body| policy(body).rules_requiring_inventory().next().map(RuleId::as_str);
    assert_eq!(needs("noOverlap: {}\n"), Some("no-overlap"));
    assert_eq!(needs("deletion: {}\n"), Some("deletion"));
    assert_eq!(needs("reservedNetworks: {discover: [nodePodCIDRs]}\n"), Some("reserved-networks"));
    assert_eq!(needs("reservedNetworks: {presets: [cgnat]}\nusable: {}\nprefixLength: {ipv4: {longest: 28}}\n"), None);
    assert!(policy("reservedNetworks: {discover: [nodePodCIDRs]}\n").requires_nodes());
    assert!(!policy("reservedNetworks: {presets: [cgnat]}\n").requires_nodes());
}

#[test]
fn invalid_rule_fields_have_position() {
    check("noOverlap: {relations: []}\n", "3:24: noOverlap.relations: needs at least one entry");
    check("noOverlap: {relations: [Same, Same]}\n", "3:24: noOverlap.relations: names Same twice");
    check("noOverlap: {relations: [Disjoint]}\n", "3:25: unknown value `Disjoint`");
    check(
        "noOverlap: {validationActions: [Deny, Warn]}\n",
        "3:32: noOverlap.validationActions: can't contain both Deny and Warn: the client would get the same message twice",
    );
    check(
        "reservedNetworks: {}\n",
        "3:19: reservedNetworks: no network is reserved: declare networks, or set presets or discover",
    );
    check(
        "networks: [{name: a, cidr: 10.0.0.0/8}]\nreservedNetworks: {declared: false}\n",
        "4:19: reservedNetworks: no network is reserved: declare networks, or set presets or discover",
    );
    check("reservedNetworks: {presets: [rfc1918]}\n", "3:30: unknown value `rfc1918`");
    check("reservedNetworks: {presets: [cgnat, cgnat]}\n", "3:29: reservedNetworks.presets: names cgnat twice");
    check(
        "reservedNetworks: {discover: [nodeAddresses, nodeAddresses]}\n",
        "3:30: reservedNetworks.discover: names nodeAddresses twice",
    );
    check("prefixLength: {}\n", "3:15: prefixLength: no limit is set: set ipv4, ipv6 or both");
    check("prefixLength: {ipv4: {}}\n", "3:22: prefixLength.ipv4: no limit is set: set shortest, longest or both");
    check("prefixLength: {ipv4: {longest: 33}}\n", "3:22: prefixLength.ipv4: /33 is longer than /32");
    check("prefixLength: {ipv6: {shortest: 129}}\n", "3:22: prefixLength.ipv6: /129 is longer than /128");
    check(
        "prefixLength: {ipv4: {shortest: 28, longest: 12}}\n",
        "3:22: prefixLength.ipv4: shortest /28 is longer than longest /12: no CIDR fits",
    );
    check("deletion: {blocked: []}\n", "3:21: deletion.blocked: needs at least one of Deny, Warn, Audit");
    for (text, shown) in
        [("0s", "0s"), ("61m", "61m"), ("-120s", "-120s"), ("120", "120"), ("soon", "soon"), ("\"\"", "")]
    {
        check(
            &format!("usable: {{}}\nstaleness: {{maxStaleness: {text}}}\n"),
            &format!("4:27: staleness.maxStaleness: `{shown}` is not a duration from 1s to 1h: write it as 120s or 2m"),
        );
    }
    check("usable: {}\nstaleness: {onStale: Allow}\n", "4:22: unknown value `Allow`");
    check("usable: {}\npreview: {warnOn: Sometimes}\n", "4:19: unknown value `Sometimes`");
    check(
        "preview: {warnOn: Always}\n",
        " no rule: set at least one of denyAll, allowedRanges, prefixLength, reservedNetworks, noOverlap, usable, deletion",
    );
}

#[test]
fn short_max_staleness_has_a_note() {
    let notes = load("usable: {}\nstaleness: {maxStaleness: 30s}\n").unwrap().notes;
    let notes: Vec<String> = notes.iter().map(|note| format!("{note:#}")).collect();
    assert_eq!(notes.len(), 1);
    let first = notes[0].lines().next().unwrap();
    assert_eq!(first, "policy.yaml:4:27: staleness.maxStaleness: watches confirm the state only once a minute");
}
