//! The policy file: the full error of each mistake, and the example policies.

use std::fs;
use std::path::Path;

use servicecidr_guard::config::{Loaded, MAX_POLICY_BYTES, schema};

use crate::program::run;

const HEADER: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\n";

/// `body` follows the two header lines and starts at line 3.
#[track_caller]
fn check(body: &str, expected: &str) {
    check_file(&format!("{HEADER}{body}"), expected);
}

#[track_caller]
fn check_file(text: &str, expected: &str) {
    let seen = match Loaded::from_bytes("policy.yaml", text.as_bytes()) {
        Ok(loaded) => loaded.notes.iter().map(|note| format!("note {note:#}")).collect::<Vec<_>>().join("\n"),
        Err(error) => format!("{error:#}"),
    };
    assert_eq!(seen, expected, "{text}");
}

#[test]
fn valid_policy_has_no_notes() {
    check(
        "allowedRanges:\n  ranges: [10.96.0.0/16, \"2001:db8::/64\", ::/0]\n  validationActions: [Deny, Audit]\n",
        "",
    );
    check("denyAll: {}\n", "");
    check("denyAll:\n  operations: [DELETE]\n  validationActions: [Warn, Audit]\n", "");
    check_file(&format!("# comment\n---\n{HEADER}denyAll: {{}}\n"), "");
    check_file(
        "{\n\t\"apiVersion\": \"servicecidr-guard/v1alpha1\",\n\t\"kind\": \"Policy\",\n\t\"denyAll\": {}\n}\n",
        "",
    );
}

#[test]
fn policy_without_rules_is_an_error() {
    check_file("", "policy.yaml: empty: a policy needs at least one rule");
    check_file(" \n\n", "policy.yaml: empty: a policy needs at least one rule");
    check_file("# nothing but a comment\n", "policy.yaml: empty: a policy needs at least one rule");
    check(
        "",
        "policy.yaml: no rule: set at least one of denyAll, allowedRanges, prefixLength, reservedNetworks, noOverlap, usable, deletion",
    );
}

#[test]
fn empty_rule_is_an_error() {
    let expected = "policy.yaml:3:8: expected fields, as `name: value`\n  3 | denyAll:\n    |        ^";
    check("denyAll:\nallowedRanges: {ranges: [10.0.0.0/8]}\n", expected);
    let expected = "policy.yaml:3:10: expected fields, as `name: value`\n  3 | denyAll: null\n    |          ^";
    check("denyAll: null\n", expected);
    check(
        "denyAll:\n  operations:\n",
        "policy.yaml:4:13: expected a list\n  4 |   operations:\n    |             ^\n\
         hint: write it as [a, b], or one `- ` line an entry",
    );
}

#[test]
fn unknown_field_suggests_similar_name() {
    check(
        "allowedRange:\n  ranges: [10.0.0.0/8]\n",
        "policy.yaml:3:1: unknown field `allowedRange`\n  3 | allowedRange:\n    | ^\nhint: did you mean `allowedRanges`?",
    );
    check(
        "allowedRanges:\n  ranges: [10.0.0.0/8]\n  validationaction: [Deny]\n",
        "policy.yaml:5:3: unknown field `validationaction`\n  5 |   validationaction: [Deny]\n    |   ^\n\
         hint: did you mean `validationActions`?",
    );
    check(
        "colour: red\n",
        "policy.yaml:3:1: unknown field `colour`\n  3 | colour: red\n    | ^\n\
         hint: expected one of `apiVersion`, `kind`, `ipFamilies`, `networks`, `allowedRanges`, `denyAll`, `noOverlap`, `reservedNetworks`, `prefixLength`, `usable`, `deletion`, `staleness`, `preview`",
    );
    check_file(
        "{\n\t\"kind\": \"Policy\",\n\t\"denyAll\": {\"operation\": []}\n}",
        "policy.yaml:3:14: unknown field `operation`\n  3 | \t\"denyAll\": {\"operation\": []}\n    | \t            ^\n\
         hint: did you mean `operations`?",
    );
}

#[test]
fn duplicate_field_is_an_error() {
    check(
        "denyAll: {}\ndenyAll: {}\n",
        "policy.yaml:4:1: duplicate field `denyAll`\n  4 | denyAll: {}\n    | ^\nhint: keep one of the two",
    );
}

#[test]
fn invalid_value_error_has_position() {
    check(
        "allowedRanges:\n  ranges:\n    - 10.0.0.0/8\n    - 10.0.0.0/99\n",
        "policy.yaml:6:7: allowedRanges.ranges: `10.0.0.0/99` is not a CIDR: write it as 10.9.8.0/24 or 2001:db8::/64\n  \
         6 |     - 10.0.0.0/99\n    |       ^",
    );
    check(
        "allowedRanges: {ranges: [010.0.0.0/8]}\n",
        "policy.yaml:3:26: allowedRanges.ranges: `010.0.0.0/8` has leading zeros: write every number without them\n  \
         3 | allowedRanges: {ranges: [010.0.0.0/8]}\n    |                          ^",
    );
    check(
        "allowedRanges: {ranges: [\"::ffff:10.0.0.0/104\"]}\n",
        "policy.yaml:3:26: allowedRanges.ranges: `::ffff:10.0.0.0/104` is an IPv4-mapped IPv6 CIDR: write it as IPv4\n  \
         3 | allowedRanges: {ranges: [\"::ffff:10.0.0.0/104\"]}\n    |                          ^",
    );
    check(
        "allowedRanges: {ranges: []}\n",
        "policy.yaml:3:25: allowedRanges.ranges: needs at least one range: to allow none, use denyAll\n  \
         3 | allowedRanges: {ranges: []}\n    |                         ^",
    );
    check(
        "allowedRanges: {}\n",
        "policy.yaml:3:16: missing field `ranges`\n  3 | allowedRanges: {}\n    |                ^",
    );
    check(
        "allowedRanges: {ranges: 10.0.0.0/8}\n",
        "policy.yaml:3:25: expected a list\n  3 | allowedRanges: {ranges: 10.0.0.0/8}\n    |                         ^\n\
         hint: write it as [a, b], or one `- ` line an entry",
    );
    check(
        "denyAll: {operations: [CREATE, CREATE]}\n",
        "policy.yaml:3:23: denyAll.operations: names CREATE twice\n  3 | denyAll: {operations: [CREATE, CREATE]}\n    |                       ^",
    );
    check(
        "denyAll: {operations: []}\n",
        "policy.yaml:3:23: denyAll.operations: needs at least one entry\n  \
         3 | denyAll: {operations: []}\n    |                       ^",
    );
    check(
        "denyAll: {operations: [create]}\n",
        "policy.yaml:3:24: unknown value `create`\n  3 | denyAll: {operations: [create]}\n    |                        ^\n\
         hint: did you mean `CREATE`?",
    );
}

#[test]
fn validation_actions_follow_binding_rules() {
    let at = |list: &str, problem: &str| {
        let line = format!("denyAll: {{validationActions: {list}}}");
        check(
            &format!("{line}\n"),
            &format!("policy.yaml:3:30: denyAll.validationActions: {problem}\n  3 | {line}\n    | {:>30}", "^"),
        );
    };
    at("[]", "needs at least one of Deny, Warn, Audit");
    at("[Audit, Audit]", "names Audit twice");
    at("[Deny, Warn]", "can't contain both Deny and Warn: the client would get the same message twice");
}

#[test]
fn duplicate_networks_and_families_are_errors() {
    check("denyAll: {}\nipFamilies: [IPv6]\nnetworks: [{name: pods, cidr: 10.244.0.0/16, description: Pods}]\n", "");
    check(
        "denyAll: {}\nipFamilies: [IPv6, IPv6]\n",
        "policy.yaml:4:13: ipFamilies: names IPv6 twice\n  4 | ipFamilies: [IPv6, IPv6]\n    |             ^",
    );
    check(
        "denyAll: {}\nipFamilies: [ipv4]\n",
        "policy.yaml:4:14: unknown value `ipv4`\n  4 | ipFamilies: [ipv4]\n    |              ^\nhint: did you mean `IPv4`?",
    );
    check(
        "denyAll: {}\nnetworks:\n  - {name: a, cidr: 10.0.0.0/8}\n  - {name: a, cidr: 11.0.0.0/8}\n",
        "policy.yaml:6:12: networks: `a` is declared twice\n  6 |   - {name: a, cidr: 11.0.0.0/8}\n    |            ^",
    );
    check(
        "networks: [{name: a, cidr: 10.0.0.0/8}]\n",
        "policy.yaml: no rule: set at least one of denyAll, allowedRanges, prefixLength, reservedNetworks, noOverlap, usable, deletion",
    );
}

#[test]
fn host_bits_are_masked_with_a_note() {
    check(
        "allowedRanges: {ranges: [10.96.5.7/16]}\n",
        "note policy.yaml:3:26: allowedRanges.ranges: `10.96.5.7/16` has host bits set: use 10.96.0.0/16: read as 10.96.0.0/16\n  \
         3 | allowedRanges: {ranges: [10.96.5.7/16]}\n    |                          ^",
    );
}

#[test]
fn other_documents_are_rejected() {
    check_file(
        "apiVersion: servicecidr-guard/v1\nkind: Policy\ndenyAll: {}\n",
        "policy.yaml:1:13: unknown value `servicecidr-guard/v1`\n  1 | apiVersion: servicecidr-guard/v1\n    |             ^\n\
         hint: expected `servicecidr-guard/v1alpha1`",
    );
    check_file(
        "kind: Policy\ndenyAll: {}\n",
        "policy.yaml:2:1: missing field `apiVersion`\n  2 | denyAll: {}\n    | ^",
    );
    check_file("[1, 2]\n", "policy.yaml:1:1: expected fields, as `name: value`\n  1 | [1, 2]\n    | ^");
    check("denyAll: {\n", "policy.yaml:3:10: unclosed bracket '{'\n  3 | denyAll: {\n    |          ^");
    check(
        "denyAll: {}\n---\nkind: Policy\n",
        "policy.yaml:5:1: a second YAML document: a policy file has one\n  5 | kind: Policy\n    | ^",
    );
    let error = Loaded::from_bytes("policy.yaml", b"\xff\xfe").unwrap_err().to_string();
    assert_eq!(error, "policy.yaml: not text: invalid utf-8 sequence of 1 bytes from index 0");
}

#[test]
fn alias_bombs_and_oversized_files_are_rejected() {
    let level = |level: u32| format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1);
    let bomb = format!("a0: &a0 [x, x]\n{}", (1..64).map(level).collect::<String>());
    assert!(Loaded::from_bytes("policy.yaml", bomb.as_bytes()).is_err());
    assert!(Loaded::from_bytes("policy.yaml", "[".repeat(100_000).as_bytes()).is_err());

    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("policy.yaml");
    fs::write(&path, vec![b'#'; usize::try_from(MAX_POLICY_BYTES).unwrap() + 1]).unwrap();
    let error = Loaded::from_file(&path).unwrap_err().to_string();
    assert_eq!(error, format!("{}: larger than 1048576 bytes: not a policy file", path.display()));
    let error = Loaded::from_file(&folder.path().join("absent")).unwrap_err().to_string();
    assert_eq!(error, format!("{}/absent: No such file or directory (os error 2)", folder.path().display()));
}

#[test]
fn committed_policy_schema_matches_output() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policy.schema.json");
    assert!(
        fs::read_to_string(committed).unwrap() == schema(),
        "docs/policy.schema.json is out of date: write what `servicecidr-guard schema` prints"
    );
    let printed = run(&["schema"]);
    assert!(printed.status.success());
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), schema());
}

#[test]
fn example_policies_load() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = [root.join("README.md"), root.join("docs/policy.md")];
    let mut count = 0;
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for block in text.split("```yaml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            if block.contains("kind: Policy\n") {
                let loaded = Loaded::from_bytes(&document.display().to_string(), block.as_bytes()).unwrap();
                assert_eq!(loaded.notes, []);
                count += 1;
            }
        }
    }
    assert!(count >= 3, "only {count} example policies were found");
    Loaded::from_file(&root.join("examples/policy.yaml")).unwrap();
}
