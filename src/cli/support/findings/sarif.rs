//! Findings as a SARIF 2.1.0 log, for code scanning.

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::cli::exit::Exit;

use super::checked::{CheckedFinding, CheckedObject, Level};

/// Each rule: its id, what it asks for, and where docs/policy.md tells of it.
const RULES: [(&str, &str, &str); 9] = [
    ("invalid-request", "What is written is a ServiceCIDR that kube-apiserver takes", "what-is-judged"),
    ("default-service-cidr", "The ServiceCIDR kubernetes is left to kube-apiserver", "what-is-judged"),
    ("deny-all", "No ServiceCIDR may change but kubernetes", "deny-all"),
    ("allowed-ranges", "A CIDR lies within one of the allowed ranges", "allowed-ranges"),
    ("prefix-length", "A CIDR is neither too wide nor too narrow", "prefix-length"),
    ("reserved-networks", "A CIDR touches no network that isn't for Services", "reserved-networks"),
    ("no-overlap", "A CIDR shares no address with other ServiceCIDRs", "no-overlap"),
    ("usable", "A CIDR gives addresses", "usable"),
    ("removal", "A deletion leaves no IPAddress and no IP family behind", "removal"),
];

/// The log, as text.
pub(super) fn log(all: &[CheckedObject]) -> Result<String, Exit> {
    let results: Vec<Value> =
        all.iter().flat_map(|judged| judged.found.iter().map(|found| result(judged, found))).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "servicecidr-guard",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": RULES.map(rule),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&log).map_err(Exit::io)?))
}

fn rule((id, asks, heading): (&str, &str, &str)) -> Value {
    let place = format!("docs/policy.md#{heading}");
    json!({
        "id": id,
        "shortDescription": {"text": asks},
        "help": {"text": format!("{asks}. See {place}."), "markdown": format!("{asks}. See `{place}`.")},
    })
}

fn result(judged: &CheckedObject, found: &CheckedFinding) -> Value {
    let level = match judged.level(found) {
        Level::Denied => "error",
        Level::Warned => "warning",
        Level::Audited => "note",
    };
    let uri = uri(&judged.file);
    let region = found.diagnostic.at.map(|(line, column)| json!({"startLine": line, "startColumn": column}));
    let place = match region {
        Some(region) => json!({"artifactLocation": {"uri": uri}, "region": region}),
        None => json!({"artifactLocation": {"uri": uri}}),
    };
    let object = format!("servicecidr.networking.k8s.io/{}", judged.name);
    // What a finding is, wherever its line goes: not the line, and not the sentence, which may hold counts.
    let identity = [found.rule, &uri, &judged.name, &found.field].join("\n");
    let fingerprint = digest(&SHA256, identity.as_bytes());
    let fingerprint = fingerprint.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    json!({
        "ruleId": found.rule,
        "ruleIndex": RULES.iter().position(|(id, ..)| *id == found.rule),
        "level": level,
        "message": {"text": found.with_hint(&found.diagnostic.message)},
        "locations": [{
            "physicalLocation": place,
            "logicalLocations": [{"name": judged.name, "fullyQualifiedName": object, "kind": "resource"}],
        }],
        "partialFingerprints": {"servicecidrGuard/v1": fingerprint},
    })
}

/// A path as a URI, relative where it is: as it was given.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            other => uri = format!("{uri}%{other:02X}"),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn a_path_is_a_uri_as_it_was_given() {
        assert_eq!(uri("../a b/ü:%.yaml"), "../a%20b/%C3%BC%3A%25.yaml");
        assert_eq!(uri("/etc/a.yaml"), "file:///etc/a.yaml");
    }

    #[test]
    fn every_rule_of_a_policy_has_an_entry() {
        let text = include_str!("../../../../tests/fixtures/manifests/every-rule.yaml");
        let policy: Policy = crate::config::Loaded::from_bytes("every-rule.yaml", text.as_bytes()).unwrap().policy;
        assert_eq!(policy.rules().len(), 7);
        for id in policy.rules() {
            assert!(RULES.iter().any(|(known, ..)| *known == id), "{id}");
        }
    }
}
