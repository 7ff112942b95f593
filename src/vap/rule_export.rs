//! `RuleExport`: the data of a rule for its CEL.

use serde_json::{Value, json};

use crate::inventory::{DeclaredNetwork, Operation};
use crate::net::IpFamily;
use crate::policy::{ConflictOwner, Policy, Preset, ReservedNetworks, RuleId, ValidationActions};
use crate::text::{MAX_QUOTED_CHARS, is_dns_subdomain};

/// The data of a rule for its CEL.
pub(super) struct RuleExport {
    /// The rule.
    pub rule: RuleId,
    pub actions: ValidationActions,
    /// The data of the rule, as JSON.
    pub data: Value,
    pub evaluates_delete: bool,
}

/// The data of each rule, and the rules that CEL can't express.
pub(super) fn export_rules(policy: &Policy) -> (Vec<RuleExport>, Vec<&'static str>) {
    // Every field is named, so that a new rule can't be forgotten.
    let Policy {
        deny_all,
        allowed_ranges,
        prefix_length,
        reserved_networks,
        no_overlap,
        usable,
        deletion,
        staleness: _,
        warn_on: _,
        ip_families,
        networks: declared,
    } = policy;
    let export = |rule, actions, data| RuleExport { rule, actions, data, evaluates_delete: false };
    let (mut export_rules, mut unsupported) = (Vec::new(), Vec::new());
    if let Some(rule) = deny_all {
        let operations: Vec<&str> = rule.operations.iter().map(|operation| operation.as_str()).collect();
        let evaluates_delete = rule.operations.contains(&Operation::Delete);
        export_rules.push(RuleExport { evaluates_delete, ..export(RuleId::DenyAll, rule.actions, json!(operations)) });
    }
    if let Some(rule) = allowed_ranges {
        let ranges: Vec<String> = rule.ranges.iter().map(|range| range.to_string()).collect();
        export_rules.push(export(RuleId::AllowedRanges, rule.actions, json!(ranges)));
    }
    if let Some(rule) = prefix_length {
        let [ipv4, ipv6] = [&rule.ipv4, &rule.ipv6].map(|lengths| [*lengths.start(), *lengths.end()]);
        export_rules.push(export(RuleId::PrefixLength, rule.actions, json!({"IPv4": ipv4, "IPv6": ipv6})));
    }
    if let Some(rule) = reserved_networks {
        let networks = networks(rule, declared);
        if !networks.is_empty() {
            export_rules.push(export(RuleId::ReservedNetworks, rule.actions, json!(networks)));
        }
        if !rule.discover.is_empty() {
            unsupported.push("reservedNetworks.discover: CEL doesn't see the nodes");
        }
    }
    if no_overlap.is_some() {
        unsupported.push("noOverlap: CEL doesn't see the other ServiceCIDRs");
    }
    match (usable, ip_families) {
        (Some(rule), Some(families)) => {
            let families: Vec<String> = families.iter().map(IpFamily::to_string).collect();
            export_rules.push(export(RuleId::Usable, rule.actions, json!(families)));
        }
        (Some(_), None) => unsupported.push("usable: CEL doesn't see which IP families there are: set ipFamilies"),
        (None, _) => {}
    }
    if deletion.is_some() {
        unsupported.push("deletion: CEL doesn't see the IPAddresses");
    }
    (export_rules, unsupported)
}

/// The networks of a rule: the declared ones, then those of the presets, each in the order of its list.
fn networks(rule: &ReservedNetworks, declared: &[DeclaredNetwork]) -> Vec<Value> {
    let mut placed: Vec<_> = rule
        .fixed()
        .filter_map(|(cidr, neighbour)| {
            let (place, of) = match neighbour {
                ConflictOwner::Declared { name, description } => {
                    let place = declared.iter().position(|network| network.name == *name)?;
                    ((0, place), declared_network(name, description))
                }
                ConflictOwner::Preset { preset, source } => {
                    let place = Preset::ALL.iter().position(|listed| listed == preset)?;
                    let within = preset.networks().iter().position(|(text, _)| *text == cidr.to_string())?;
                    ((1 + place, within), format!("preset {preset} ({source})"))
                }
                ConflictOwner::ServiceCidr { .. } | ConflictOwner::Node { .. } => return None,
            };
            Some((place, json!({"cidr": cidr.to_string(), "of": of})))
        })
        .collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, network)| network).collect()
}

/// The name of a network in messages. The webhook escapes characters that are not printable; a chart template can't,
/// so a text that is not plain ASCII is omitted here.
fn declared_network(name: &str, description: &str) -> String {
    let is_shown = |text: &str| {
        let is_shown = |byte: u8| (byte == b' ' || byte.is_ascii_graphic()) && byte != b'`' && byte != b'\\';
        (1..=MAX_QUOTED_CHARS).contains(&text.len()) && text.bytes().all(is_shown)
    };
    let name = match name {
        name if !is_shown(name) => String::new(),
        name if is_dns_subdomain(name) => format!(" {name}"),
        name => format!(" `{name}`"),
    };
    let description = if is_shown(description) { format!(" ({description})") } else { String::new() };
    format!("declared network{name}{description}")
}
