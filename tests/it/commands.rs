//! Commands on recorded inventories: output and exit code, as shown in `tests/fixtures/commands` and the documents.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::doc_examples::REPLAYED;
use crate::generated::UPDATE;
use crate::program::{fixtures, program, run};

/// Runs the commands of a console block, and returns the block with their output.
fn replay(block: &str, folder: &Path) -> String {
    let again = |command: &str| {
        let line = command.lines().next().unwrap();
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let output = program().args(&arguments).current_dir(folder).output().unwrap();
        ["$ servicecidr-guard ", line, "\n", &rendered(&output)].concat()
    };
    block.split("$ servicecidr-guard ").skip(1).map(again).collect()
}

/// stdout and stderr, and the exit code if it isn't 0.
fn rendered(output: &Output) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(0) => text,
        code => format!("{text}[exit code {}]\n", code.unwrap()),
    }
}

#[test]
fn console_blocks_match_output() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents: Vec<_> =
        fs::read_dir(fixtures().join("commands")).unwrap().map(|entry| entry.unwrap().path()).collect();
    documents.extend(REPLAYED.map(|name| root.join(name)));
    let (mut count, mut differing) = (0, Vec::new());
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        let mut updated = text.clone();
        // Commands of README.md run in the root of the repository, all others in the folder of the inventories.
        let is_readme = document == root.join("README.md");
        let folder = if is_readme { root.to_owned() } else { fixtures().join("inventories") };
        for block in text.split("```console\n").skip(1).map(|block| block.split("```").next().unwrap()) {
            if block.starts_with("$ servicecidr-guard ") {
                count += 1;
                let seen = replay(block, &folder);
                if seen != block {
                    updated = updated.replace(block, &seen);
                    differing.push(format!("{}\n{seen}", document.display()));
                }
            }
        }
        if std::env::var_os(UPDATE).is_some() && updated != text {
            fs::write(&document, updated).unwrap();
            differing.clear();
        }
    }
    assert!(differing.is_empty(), "{UPDATE}=1 writes these blocks:\n{}", differing.join("\n"));
    assert!(count >= 10, "only {count} console blocks were found");
}

/// The result of a list on standard input: stdout, stderr, exit code.
fn report_on(list: &str) -> (String, String, Option<i32>) {
    let mut child = program()
        .args(["report", "-f", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that rejects its input early closes it.
    let _ = child.stdin.take().unwrap().write_all(list.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[track_caller]
fn check_refused(list: &str, expected: &str) {
    let (stdout, stderr, code) = report_on(list);
    assert_eq!((stdout.as_str(), code), ("", Some(2)), "{stderr}");
    assert_eq!(stderr, expected);
}

const KUBERNETES: &str = r#"{"kind":"ServiceCIDR","metadata":{"name":"kubernetes"},"spec":{"cidrs":["10.96.0.0/28"]}}"#;

#[test]
fn invalid_lists_are_rejected_with_position() {
    let hint = "hint: kubectl get servicecidrs,ipaddresses,services --all-namespaces -o json\n";
    check_refused("", &format!("error: no ServiceCIDR was read: the total would be wrong\n{hint}"));
    check_refused(
        r#"{"kind":"List","items":[]}"#,
        &format!("error: no ServiceCIDR was read: the total would be wrong\n{hint}"),
    );
    check_refused(
        &format!(r#"{{"kind":"List","items":[{KUBERNETES},{KUBERNETES}"#),
        "error: standard input: EOF while parsing a list at line 1 column 203 (after item 2)\n",
    );
    check_refused(r#"{"kind":"List"}"#, "error: standard input: a List without items at line 1 column 15\n");
    check_refused(
        r#"{"kind":"List","items":7}"#,
        "error: standard input: invalid type: integer `7`, expected a list of objects at line 1 column 25\n",
    );
    check_refused("kind: List\nitems: [\n", "error: standard input: unclosed bracket '[' at line 2 column 8\n");
    check_refused("just text\n", "error: standard input: expected mapping start at line 1 column 1\n");
    // With any amount of white space first.
    let blank = "\n".repeat(300_000);
    check_refused(&format!("{blank}[1]"), "error: standard input: expected mapping start at line 300001 column 1\n");
    check_refused(
        &format!("{blank}{{"),
        "error: standard input: EOF while parsing an object at line 300001 column 1\n",
    );
    let (_, stderr, code) = report_on(r#"{"kind":"Policy","metadata":{"name":"x"}}"#);
    assert_eq!(code, Some(2));
    assert!(
        stderr.starts_with(
            "skipped: standard input: item 1 `x`: has kind Policy, not ServiceCIDR, IPAddress, Service or Node\n"
        ),
        "{stderr}"
    );
}

#[test]
fn skipped_objects_are_reported_and_fail_the_command() {
    let broken = [
        r#"{"kind":"IPAddress","metadata":{"name":"010.96.0.1"}}"#,
        r#"{"kind":"IPAddress","metadata":{}}"#,
        r#"{"kind":"IPAddress","metadata":{"name":7}}"#,
        r#"{"metadata":{"name":"10.96.0.2"}}"#,
        r#"{"kind":"Pod","metadata":{"name":"p","namespace":"n"}}"#,
        r#"{"kind":"ServiceCIDR","metadata":{"name":"old"},"spec":{"cidrs":["010.0.0.0/24","10.1.0.0/24"]}}"#,
        "7",
    ];
    let (stdout, stderr, code) =
        report_on(&format!(r#"{{"kind":"List","items":[{KUBERNETES},{}]}}"#, broken.join(",")));
    assert_eq!(code, Some(2));
    assert_eq!(
        stderr,
        "skipped: standard input: item 2 `010.96.0.1`: metadata.name: not an IP address\n\
         skipped: standard input: item 3: has no metadata.name\n\
         skipped: standard input: item 4: invalid type: integer `7`, expected a string\n\
         skipped: standard input: item 5 `10.96.0.2`: has no kind\n\
         skipped: standard input: item 6 `n/p`: has kind Pod, not ServiceCIDR, IPAddress, Service or Node\n\
         skipped: standard input: item 7 `old`: spec.cidrs[0]: \"010.0.0.0/24\" has leading zeros: write every number without them\n\
         skipped: standard input: item 8: invalid type: integer `7`, expected struct Item\n\
         note: no IPAddress was read: every address is counted as free\n\
         error: the result is incomplete: objects were skipped\n"
    );
    // The readable objects are reported.
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["families"][0]["usable"], "268");
}

#[test]
fn many_skipped_objects_are_counted() {
    let address = |number: u32| {
        let name = if number.is_multiple_of(100) {
            format!("x{number}")
        } else {
            std::net::Ipv4Addr::from(0x0a64_0000 + number).to_string()
        };
        format!(
            r#"{{"kind":"IPAddress","metadata":{{"name":"{name}"}},"spec":{{"parentRef":{{"resource":"services","namespace":"default","name":"s{number}"}}}}}}"#
        )
    };
    let addresses: Vec<String> = (0..100_000).map(address).collect();
    let (stdout, stderr, code) =
        report_on(&format!(r#"{{"kind":"List","items":[{KUBERNETES},{}]}}"#, addresses.join(",")));
    assert_eq!(code, Some(2));
    assert_eq!(stderr.lines().filter(|line| line.starts_with("skipped: standard input: item ")).count(), 10);
    assert!(stderr.contains("\nskipped: 990 others\n"), "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["families"][0]["outsideServiceCIDRs"], "99000");
}

#[test]
fn all_list_formats_are_equivalent() {
    let read = |arguments: &[&str]| {
        let folder = fixtures().join("inventories");
        let output = program().arg("report").args(arguments).args(["-o", "json"]).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let whole = read(&["-f", "odd.json"]);
    assert_eq!(read(&["-f", "odd.yaml"]), whole);
    assert_eq!(read(&["--inventory", "odd.json", "-f", "odd.yaml"]), whole);

    // Concatenated objects, typed lists, whose items have no kind, and several YAML documents.
    let list: Value =
        serde_json::from_str(&fs::read_to_string(fixtures().join("inventories/odd.json")).unwrap()).unwrap();
    let items = list["items"].as_array().unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let texts: Vec<String> = items.iter().map(Value::to_string).collect();
    fs::write(folder.path().join("objects.json"), texts.join("\n")).unwrap();
    assert_eq!(read(&["-f", folder.path().join("objects.json").to_str().unwrap()]), whole);
    fs::write(folder.path().join("documents.yaml"), format!("---\n{}\n...\n", texts.join("\n---\n# next\n"))).unwrap();
    assert_eq!(read(&["-f", folder.path().join("documents.yaml").to_str().unwrap()]), whole);
    fs::remove_file(folder.path().join("objects.json")).unwrap();
    fs::remove_file(folder.path().join("documents.yaml")).unwrap();
    for kind in ["ServiceCIDR", "IPAddress", "Service"] {
        let of_kind: Vec<Value> = items
            .iter()
            .filter(|item| item["kind"] == kind)
            .map(|item| {
                let mut item = item.clone();
                item.as_object_mut().unwrap().remove("kind");
                item
            })
            .collect();
        let list = serde_json::json!({"kind": format!("{kind}List"), "items": of_kind});
        // `kind` must come before `items`, as kube-apiserver writes it.
        let text = format!(
            r#"{{"kind":"{kind}List",{}"#,
            list.to_string().replace(&format!(r#","kind":"{kind}List""#), "").trim_start_matches('{')
        );
        fs::write(folder.path().join(format!("{kind}.json")), text).unwrap();
    }
    assert_eq!(read(&["-f", folder.path().to_str().unwrap()]), whole);
}

#[test]
fn totals_of_10000_services_are_correct() {
    let output = run(&["report", "-o", "json", "-f", fixtures().join("inventories/large.json").to_str().unwrap()]);
    assert!(output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let family = &report["families"][0];
    let counts = ["used", "outsideServiceCIDRs", "inUnusableCIDRs"].map(|name| family[name].as_str().unwrap());
    // One ServiceCIDR is terminating: it contains 251 of the 10,001 addresses.
    assert_eq!(counts, ["9750", "0", "251"]);
}
