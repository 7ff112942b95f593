//! Findings as a SARIF 2.1.0 log, for code scanning.

use crate::policy::RuleId;
use crate::text::sha256_hex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::cli::exit::Exit;

use super::checked::{CheckedFinding, CheckedObject, Level};

/// The characters that are escaped in the path of a URI.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The log as text.
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
                "rules": RuleId::ALL.iter().copied().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&log).map_err(Exit::io)?))
}

fn rule(rule: RuleId) -> Value {
    let (id, summary) = (rule.as_str(), rule.summary());
    // The rules that no policy sets share a section of the documentation.
    let place = format!("docs/policy.md#{}", rule.config_key().map_or("scope-and-exemptions", |_| id));
    json!({
        "id": id,
        "shortDescription": {"text": summary},
        "help": {"text": format!("{summary}. See {place}."), "markdown": format!("{summary}. See `{place}`.")},
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
    // The identity of a finding when lines move: without the line, and without the message, which may contain counts.
    let identity = [found.rule.as_str(), &uri, &judged.name, &found.field].join("\n");
    json!({
        "ruleId": found.rule.as_str(),
        "ruleIndex": found.rule as usize,
        "level": level,
        "message": {"text": found.with_hint(&found.diagnostic.message)},
        "locations": [{
            "physicalLocation": place,
            "logicalLocations": [{"name": judged.name, "fullyQualifiedName": object, "kind": "resource"}],
        }],
        "partialFingerprints": {"servicecidrGuard/v1": sha256_hex(identity.as_bytes())},
    })
}

/// A path as a URI; a relative path stays relative.
fn uri(path: &str) -> String {
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    format!("{scheme}{}", utf8_percent_encode(path, ESCAPED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_encoded_as_uri() {
        assert_eq!(uri("../a b/ü:%.yaml"), "../a%20b/%C3%BC%3A%25.yaml");
        assert_eq!(uri("/etc/a.yaml"), "file:///etc/a.yaml");
    }

    #[test]
    fn rule_index_matches_rule_order() {
        for (index, id) in RuleId::ALL.iter().enumerate() {
            assert_eq!(*id as usize, index, "{id:?}");
        }
    }
}
