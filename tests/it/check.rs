//! `check` and `scan`: hostile input, positions, and SARIF output.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{fixtures, program};

const FORMATS: [&str; 7] = ["table", "wide", "json", "yaml", "name", "sarif", "github"];

/// Runs `check` with the policy of the fixtures.
fn check(arguments: &[&str]) -> Output {
    let policy = fixtures().join("manifests/policy.yaml");
    let folder = fixtures().join("inventories");
    program().arg("check").args(arguments).arg("--policy").arg(policy).current_dir(folder).output().unwrap()
}

fn output_text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn path_str(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A ServiceCIDR in YAML. Its CIDR is at line 4, column 16.
fn manifest(name: &str, cidr: &str) -> String {
    let (name, cidr) = (quoted(name), quoted(cidr));
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {{name: {name}}}\nspec: {{cidrs: [{cidr}]}}\n"
    )
}

/// A string literal for JSON and YAML.
fn quoted(path_str: &str) -> String {
    let escaped = |c: char| if c.is_ascii_graphic() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) };
    format!("\"{}\"", path_str.chars().map(escaped).collect::<String>())
}

#[test]
fn flags_of_a_cluster_need_the_cluster() {
    let refused = check(&["-f", "listed.json", "--context", "prod"]);
    assert_eq!(output_text(&refused), "error: --context is for --inventory cluster only\n");
}

#[test]
fn output_escapes_control_characters() {
    let folder = TempDir::new().unwrap();
    let hostile = "a\u{1b}[31m\u{202e}x\u{9b}2J\u{200b}\r\n::error::y";
    let inner = manifest(hostile, hostile);
    fs::write(folder.path().join("b\u{1b}[2J\n::error::z\u{202e}.yaml"), &inner).unwrap();
    let kinds = format!("kind: {}\n---\n{inner}---\n{inner}", quoted(hostile));
    fs::write(folder.path().join("kinds.yaml"), kinds).unwrap();
    let broken = format!("kind: ServiceCIDR\n# {hostile}\n{hostile}: [\n");
    let broken_path = folder.path().join("broken");
    fs::write(&broken_path, broken).unwrap();
    let mut outputs: Vec<(String, Output)> = Vec::new();
    for format in FORMATS {
        let output = check(&["-f", path_str(folder.path()), "-o", format]);
        assert_eq!(output.status.code(), Some(1), "{}", output_text(&output));
        outputs.push((format.to_owned(), output));
    }
    let output = check(&["-f", path_str(&broken_path)]);
    assert_eq!(output.status.code(), Some(2), "{}", output_text(&output));
    outputs.push(("broken".to_owned(), output));
    for (format, output) in outputs {
        let printed = output_text(&output);
        let raw = printed.chars().find(|c| (c.is_control() && *c != '\n') || "\u{202e}\u{200b}".contains(*c));
        assert_eq!(raw, None, "{format}: {printed:?}");
        assert!(!printed.contains("\n::error::"), "{format}: {printed}");
    }
}

#[test]
fn directory_symlinks_are_not_followed() {
    let folder = TempDir::new().unwrap();
    let deep = folder.path().join("a/b");
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("one.yaml"), manifest("one", "10.96.0.0/24")).unwrap();
    // One link only: with more, following them would never end.
    for (to, name) in [("../..", "a/b/back"), ("nowhere", "dangling.yaml")] {
        std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
    }
    // Links to files are followed: volumes of ConfigMaps contain such links.
    std::os::unix::fs::symlink("a/b/one.yaml", folder.path().join("linked.yaml")).unwrap();
    let output = check(&["-R", "-f", path_str(folder.path()), "-o", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sources = report["results"].as_array().unwrap().iter().map(|result| result["source"].as_str().unwrap());
    let names: Vec<&str> = sources.map(|source| source.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["one.yaml:4:16", "linked.yaml:4:16"]);
}

/// Runs `check` on a stream, with limited address space.
fn check_stream(pieces: &'static [u8], times: usize, first: &'static [u8], arguments: &[&str]) -> Output {
    let policy = fixtures().join("manifests/policy.yaml");
    let line = format!(
        "ulimit -v 400000; exec {} check -f - --policy {} {}",
        env!("CARGO_BIN_EXE_servicecidr-guard"),
        path_str(&policy),
        arguments.join(" ")
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = thread::spawn(move || {
        // A command that rejects its input early closes it.
        let _ = input.write_all(first).and_then(|()| (0..times).try_for_each(|_| input.write_all(pieces)));
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

#[test]
fn memory_is_bounded_by_one_document() {
    const MIB: usize = 1 << 20;
    static BLANKS: [u8; MIB] = [b' '; MIB];
    static ZEROS: [u8; MIB] = [0; MIB];
    static LETTERS: [u8; MIB] = [b'x'; MIB];
    static LINES: LazyLock<Vec<u8>> = LazyLock::new(|| [&[b'#'; 1023], &b"\n"[..]].concat().repeat(1024));
    let too_large = "error: standard input:1:1: a document larger than 8 MiB is not a manifest: split it with ---";
    for (pieces, first) in [
        (&ZEROS, &b""[..]),
        (&LETTERS, b"kind: "),
        (&LETTERS, b"{\"kind\":\""),
        (&BLANKS, b"a:\n - b\n"),
        (&BLANKS, b"{\"a\":"),
    ] {
        let output = check_stream(pieces, 1024, first, &[]);
        assert_eq!(output.status.code(), Some(2), "{}", output_text(&output));
        assert!(output_text(&output).contains(too_large), "{}", output_text(&output));
    }
    // Documents without objects have no size limit.
    let output = check_stream(&LINES, 1024, b"", &[]);
    assert_eq!(
        (output.status.code(), output_text(&output).contains("no ServiceCIDR was evaluated")),
        (Some(0), true),
        "{}",
        output_text(&output)
    );
}

#[test]
fn all_of_100000_documents_are_checked() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("many.yaml");
    let one = |number: usize| {
        // One of fifty is outside the range.
        let first = if number.is_multiple_of(50) { 11 } else { 10 };
        format!(
            "---\n{}",
            manifest(&format!("n{number}"), &format!("{first}.{}.{}.0/24", number / 256 % 256, number % 256))
        )
    };
    fs::write(&path, (0..100_000).map(one).collect::<String>()).unwrap();
    let policy = folder.path().join("policy.yaml");
    fs::write(&policy, "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\nallowedRanges: {ranges: [10.0.0.0/8]}\n")
        .unwrap();
    let output =
        program().args(["check", "-f", path_str(&path), "-o", "name", "--policy", path_str(&policy)]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).ends_with("2000 denied, 98000 allowed\n"),
        "{}",
        output_text(&output)
    );
    let names = String::from_utf8(output.stdout).unwrap();
    let expected = (0..100_000).step_by(50).map(|number| format!("servicecidr.networking.k8s.io/n{number}"));
    assert!(names.lines().eq(expected), "{names}");
}

#[test]
fn deep_nesting_and_alias_expansion_are_rejected() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.yaml");
    let check_file = |content: &str, code: i32, expected: &str| {
        fs::write(&path, content).unwrap();
        let output = check(&["-f", path_str(&path)]);
        assert_eq!(output.status.code(), Some(code), "{}", output_text(&output));
        assert!(output_text(&output).contains(expected), "{}", output_text(&output));
    };
    check_file(&format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)), 2, "not YAML: ");
    check_file(&format!("{}1{}", "{\"items\":".repeat(100_000), "}".repeat(100_000)), 0, "1 without a kind");
    let list = |inner: &str| format!("{{\"kind\":\"List\",\"items\":[{inner}]}}");
    let nested = (0..5).fold(manifest_json("deep"), |inner, _| list(&inner));
    check_file(&nested, 2, "too many nested lists: split them");
    let nested = (0..4).fold(manifest_json("deep"), |inner, _| list(&inner));
    check_file(&nested, 0, "1 allowed");
    // Not every kind that ends in List is a list.
    let other = r#"{"apiVersion":"example.com/v1","kind":"AllowList","spec":{}}"#;
    check_file(&format!("{other}{}", other.replace("\"spec\"", "\"items\"")), 0, "2 AllowList");
    check_file(r#"{"apiVersion":"v1","kind":"List"}"#, 2, "x.yaml:1:1: a list without items");
    check_file(r#"{"apiVersion":"v1","kind":"List","items":{}}"#, 2, "x.yaml:1:42: items is not a list");
    // A large text with many aliases.
    let long = format!("a: &a {}\nb:\n{}", "x".repeat(1 << 20), "- *a\n".repeat(5000));
    check_file(&long, 2, "too much for one document");
}

fn manifest_json(name: &str) -> String {
    format!(
        r#"{{"apiVersion":"networking.k8s.io/v1","kind":"ServiceCIDR","metadata":{{"name":"{name}"}},"spec":{{"cidrs":["10.96.0.0/24"]}}}}"#
    )
}

#[test]
fn positions_after_document_markers_are_correct() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.yaml");
    let of = |content: &str| {
        fs::write(&path, content).unwrap();
        let output = check(&["-f", path_str(&path), "-o", "json"]);
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", output_text(&output)));
        let results = report["results"].as_array().unwrap().iter();
        let sources =
            results.map(|result| result["source"].as_str().unwrap().rsplit("x.yaml").next().unwrap().to_owned());
        sources.collect::<Vec<_>>()
    };
    let one = manifest("a", "10.96.0.0/24");
    let json = manifest_json("a");
    assert_eq!(of(&format!("--- {json}\n--- {json}\n")), [":1:104", ":2:104"]);
    assert_eq!(of(&format!("---\n---\n# c\n\n--- # d\n{one}")), [":9:16"]);
    assert_eq!(of(&format!("%YAML 1.2\n---\n{one}...\n")), [":6:16"]);
    assert_eq!(of(&format!("\u{feff}{one}---\r\n{}", one.replace('\n', "\r\n"))), [":4:16", ":9:16"]);
    let indented = one.replace('\n', "\n  ");
    assert_eq!(of(&format!("  \n  {indented}")), [":5:18"]);
    assert_eq!(of(&format!("---x: 1\n---\n{one}")), [":6:16"]);
    assert_eq!(of(&format!("\n {json}{json}\n\n{json}")), [":2:101", ":2:217", ":4:100"]);
    // Columns count characters, not bytes; an alias has its own position.
    assert_eq!(
        of(
            "x: [ü, &c 10.96.0.0/24]\napiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: a}\nspec: {ü: 1, cidrs: [*c]}\n"
        ),
        [":5:22"]
    );
    let far = format!("# {}\n", "ü".repeat(9000));
    assert_eq!(of(&format!("x: 1\n{far}---\n{far}{one}")), [":8:16"]);
    let wide = json.replace("\"spec\"", &format!("\"ü\":\"{}\",\"spec\"", "ü".repeat(9000)));
    assert_eq!(of(&wide), [format!(":1:{}", 100 + 9000 + 7)]);
}

/// The schema published by OASIS. tests/fixtures/sarif/NOTICE.md names the source.
fn schema_of_sarif() -> Value {
    let schema = fs::read_to_string(fixtures().join("sarif/sarif-schema-2.1.0.json")).unwrap();
    // The published pattern of `language` is an invalid regular expression: it has one bracket too many.
    let schema: Value = serde_json::from_str(&schema.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$")).unwrap();
    assert_eq!(schema["title"], "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema");
    schema
}

#[test]
fn sarif_matches_published_schema() {
    let schema = jsonschema::options().should_validate_formats(true).build(&schema_of_sarif()).unwrap();
    let complaints = |log: &Value| schema.iter_errors(log).map(|error| error.to_string()).collect::<Vec<_>>();
    let mut results = 0;
    let mut logs = Vec::new();
    for name in ["team-a.yaml", "good.yaml", "warned.yaml", "refused.yaml", "outside.json"] {
        let output = check(&["-f", &format!("../manifests/{name}"), "-o", "sarif"]);
        logs.push((name, output));
    }
    // A path that must be encoded as URI.
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a b%:\u{fc}\n\u{202e}[1]?#.yaml");
    fs::write(&path, manifest("\n\u{1b}[2J", "\u{202e}")).unwrap();
    logs.push(("a path", check(&["-f", path_str(&path), "-o", "sarif"])));
    logs.push(("standard input", check_stream(b"{\"kind\":\"ServiceCIDR\"}", 1, b"", &["-o", "sarif"])));
    for name in ["extended.json", "odd.json", "terminating.json", "full.json", "odd.yaml"] {
        let mut command = program();
        command.args(["scan", "-o", "sarif", "-f", name, "--policy", "../manifests/every-rule.yaml"]);
        logs.push((name, command.current_dir(fixtures().join("inventories")).output().unwrap()));
    }
    for (name, output) in &logs {
        let log = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{name}: {}", output_text(output)));
        assert_eq!(complaints(&log), Vec::<String>::new(), "{name}: {log:#}");
        results += log["runs"][0]["results"].as_array().unwrap().len();
        let mut broken = log.clone();
        broken["runs"][0]["tool"]["driver"]["name"] = Value::Null;
        assert_ne!(complaints(&broken), Vec::<String>::new(), "{name}: the schema accepts anything");
    }
    println!("{} logs, {results} results", logs.len());
    assert!(results > 20, "{results}");
}

#[test]
fn sarif_results_have_rule_position_and_fingerprint() {
    let mut levels = Vec::new();
    for arguments in [["-f", "../manifests/team-a.yaml"], ["-f", "../recorded"], ["-f", "../manifests/refused.yaml"]] {
        let output = check(&[&arguments[..], &["-o", "sarif"]].concat());
        let log: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let mut prints = Vec::new();
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
            let place = &result["locations"][0]["physicalLocation"];
            let [line, column] = ["startLine", "startColumn"].map(|name| place["region"][name].as_u64().unwrap());
            assert!(line >= 1 && column >= 1, "{result}");
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(uri.starts_with(arguments[1]), "{uri}");
            let print = &result["partialFingerprints"]["servicecidrGuard/v1"];
            assert_eq!(print.as_str().unwrap().len(), 64);
            prints.push((print.clone(), result["ruleId"].clone(), uri.to_owned()));
            levels.push(result["level"].as_str().unwrap().to_owned());
        }
        assert!(!prints.is_empty());
        let headings = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policy.md")).unwrap();
        for rule in rules {
            let path_str = rule["help"]["text"].as_str().unwrap();
            let heading = path_str.rsplit_once('#').unwrap().1.trim_end_matches('.');
            let is_there = headings
                .lines()
                .any(|line| line.starts_with("## ") && line[3..].to_lowercase().replace(' ', "-") == heading);
            assert!(is_there, "docs/policy.md has no heading {heading}");
        }
    }
    levels.sort();
    levels.dedup();
    assert_eq!(levels, ["error", "warning"]);
}
