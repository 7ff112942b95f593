//! The documented exit codes, results and messages are covered by tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::doc_examples::{files, root};
use crate::messages::{documented_messages, normalize_whitespace, pieces};
use crate::program::{fixtures, program};
use crate::reference::{SERVED, commands, kinds, printed_schema, scratch};

/// A command and one of its exit codes.
type CommandExit = (String, i32);

/// Commands with an exit code that no console block shows, run next to `cluster.json` and `policy.yaml`.
const EXIT_CODES: [(&str, i32); 21] = [
    ("serve", 2),
    ("serve --policy missing.yaml --tls-cert tls.crt --tls-key tls.key", 3),
    ("overlaps -f cluster.json --context x", 2),
    ("overlaps -f missing.json", 3),
    ("report -f missing.json", 3),
    ("simulate -f missing.json --services 1", 3),
    ("explain kubernetes -f missing.json", 3),
    ("suggest -f missing.json --prefix-length 24", 3),
    ("init -f cluster.json --context x", 2),
    ("init -f missing.json", 3),
    ("init", 3),
    ("scan -f missing.json --policy policy.yaml", 3),
    ("completion tcsh", 2),
    ("probe --url localhost", 2),
    ("probe --health-url http://127.0.0.1:1", 3),
    ("export vap", 2),
    ("export vap --policy missing.yaml", 3),
    ("certs --dns a..b", 2),
    ("certs --out policy.yaml/certs", 3),
    ("schema Nothing", 2),
    ("report -f cluster.json --fail-below 99%", 1),
];

/// Exit codes that need a special server: the test that covers them.
const EXIT_CODES_ELSEWHERE: [(&str, i32, &str, &str); 1] = [("probe", 1, "it/probe.rs", "probe_detects_other_servers")];

/// The command of a line, by its longest name.
fn command_of<'a>(line: &str, command_names: &'a BTreeSet<String>) -> &'a str {
    let is_called = |words: &&String| line == words.as_str() || line.starts_with(&format!("{words} "));
    command_names
        .iter()
        .filter(is_called)
        .max_by_key(|words| words.len())
        .unwrap_or_else(|| panic!("no command in `{line}`"))
}

/// The exit codes in console blocks, which the module `commands` runs.
fn shown_exit_codes(command_names: &BTreeSet<String>) -> BTreeSet<CommandExit> {
    let mut documents = files(&fixtures().join("commands"), "md");
    documents.extend(crate::doc_examples::REPLAYED.map(|name| root().join(name)));
    let mut found = BTreeSet::new();
    for document in documents {
        let text = fs::read_to_string(document).unwrap();
        for run in text.split("$ servicecidr-guard ").skip(1) {
            let own = run.split("```").next().unwrap();
            let line = own.lines().next().unwrap();
            if let Some(code) = own.lines().find_map(|line| line.strip_prefix("[exit code ")) {
                found.insert((command_of(line, command_names).to_owned(), code.trim_end_matches(']').parse().unwrap()));
            }
        }
    }
    found
}

#[test]
fn documented_exit_codes_are_tested() {
    let command_names: BTreeSet<String> =
        commands().into_iter().map(|(words, _)| words["servicecidr-guard ".len()..].to_owned()).collect();
    let mut seen = shown_exit_codes(&command_names);
    for (line, code) in EXIT_CODES {
        let folder = scratch();
        let output = program().args(line.split(' ')).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        seen.insert((command_of(line, &command_names).to_owned(), code));
    }
    for (command, code, file, test) in EXIT_CODES_ELSEWHERE {
        assert!(is_a_test(file, test), "{file} has no test {test}");
        seen.insert((command.to_owned(), code));
    }
    let table = fs::read_to_string(root().join("docs/cli.md")).unwrap();
    let mut listed = BTreeSet::new();
    for row in table.lines().filter_map(|line| line.strip_prefix("| `")) {
        let (command, cells) = row.split_once("` | ").unwrap();
        for (code, cell) in (1..=3).zip(cells.split(" | ")) {
            if cell.trim_end_matches(" |") != "-" {
                listed.insert((command.to_owned(), code));
            }
        }
    }
    // --warn-exit-code allows any exit code.
    seen.retain(|(_, code)| *code <= 3);
    let unseen: Vec<_> = listed.difference(&seen).collect();
    assert!(unseen.is_empty(), "no console block and no entry of EXIT_CODES shows {unseen:?}");
    let unlisted: Vec<_> = seen.difference(&listed).collect();
    assert!(unlisted.is_empty(), "the table of docs/cli.md lacks {unlisted:?}");
}

/// Every command with a result about an inventory.
const RESULTS: [&str; 8] = [
    "report",
    "report --add more=10.200.0.0/24 --remove kubernetes",
    "overlaps",
    "simulate --services 5",
    "explain kubernetes",
    "explain 10.96.0.10",
    "suggest --within 10.0.0.0/8 --prefix-length 24",
    "scan --policy examples/policy.yaml",
];

#[test]
fn results_of_every_inventory_match_schemas() {
    let mut seen = BTreeSet::new();
    let mut inventories = files(&fixtures().join("inventories"), "json");
    // It contains only Nodes, which give no result.
    inventories.extend(
        files(&fixtures().join("inventories"), "yaml").into_iter().filter(|path| !path.ends_with("nodes.yaml")),
    );
    for inventory in &inventories {
        for form in RESULTS {
            let mut command = program();
            command.args(form.split(' ')).arg("-f").arg(inventory).args(["-o", "json"]).current_dir(root());
            let output = command.output().unwrap();
            let place = format!("{form} -f {}", inventory.display());
            let result: Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|error| panic!("{place}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
            let kind = result["kind"].as_str().unwrap().to_owned();
            let schema: Value = serde_json::from_str(&printed_schema(&kind)).unwrap();
            let validator = jsonschema::validator_for(&schema).unwrap();
            let errors: Vec<String> = validator.iter_errors(&result).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{place}: {errors:#?}");
            seen.insert(kind);
        }
    }
    assert!(inventories.len() >= 7, "only {} inventories were read", inventories.len());
    seen.extend(SERVED.map(str::to_owned));
    // A CheckReport needs no inventory: the console blocks of `check` show it.
    seen.insert("CheckReport".to_owned());
    let kinds: BTreeSet<String> = kinds().into_iter().collect();
    assert_eq!(seen, kinds, "RESULTS lacks a command for a kind");
}

/// The objects of a schema that allow additional fields.
fn open_objects(place: &str, schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            let is_object = fields.get("type").is_some_and(|kind| *kind == "object" || kind[0] == "object");
            let names = fields.get("properties").is_some_and(Value::is_object);
            if (is_object || names) && fields.get("additionalProperties") != Some(&Value::Bool(false)) {
                found.push(place.to_owned());
            }
            for (name, inner) in fields {
                open_objects(&format!("{place}/{name}"), inner, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|inner| open_objects(place, inner, found)),
        _ => {}
    }
}

#[test]
fn schemas_deny_additional_properties() {
    for kind in kinds() {
        let schema: Value = serde_json::from_str(&printed_schema(&kind)).unwrap();
        let mut found = Vec::new();
        open_objects(&kind, &schema, &mut found);
        assert!(found.is_empty(), "these allow any field: {found:#?}");
    }
}

/// Messages that no test covers, and the reason.
const UNTESTED: [(&str, &str); 7] = [
    ("a CA can't be created", "the cryptography of a working machine doesn't fail"),
    ("a certificate can't be signed", "the cryptography of a working machine doesn't fail"),
    ("more than {n} ServiceCIDRs: check them in parts", "a quarter of a million manifests would take a minute"),
    ("the rules in CEL: {problem}", "no rule makes CEL that can't be written: it would be a mistake of the program"),
    ("a watch event can't be read: {problem}", "watch.rs counts it by its reason; the words are in the log"),
    ("a watch event of the unknown type {type}", "watch.rs counts it by its reason; the words are in the log"),
    ("a watch event without a resourceVersion", "watch.rs counts it by its reason; the words are in the log"),
];

/// The text of every test and fixture, each as one line.
fn test_texts() -> Vec<String> {
    let mut found = Vec::new();
    for ending in ["rs", "md", "json", "yaml"] {
        for path in files(&root().join("tests"), ending) {
            // Except this file and the lists that it reads.
            if !path.ends_with("it/doc_coverage.rs")
                && !path.ends_with("it/messages.rs")
                && !path.ends_with("inventories/large.json")
            {
                // Some fixtures are not text.
                found.extend(fs::read_to_string(path).ok().map(|text| plain(&text)));
            }
        }
    }
    // The unit tests of the sources.
    for path in files(&root().join("src"), "rs") {
        let text = fs::read_to_string(path).unwrap();
        found.extend(text.split_once("#[cfg(test)]").map(|(_, tests)| plain(tests)));
    }
    found
}

fn plain(text: &str) -> String {
    normalize_whitespace(&text.replace("\\\n", " ").replace("\\\"", "\"")).replace('`', "")
}

#[test]
fn documented_messages_are_tested() {
    let test_texts = test_texts();
    let mut unused: BTreeSet<&str> = UNTESTED.iter().map(|(sentence, _)| *sentence).collect();
    let mut untested = Vec::new();
    for sentence in documented_messages() {
        let wanted: Vec<String> = pieces(&sentence)
            .iter()
            .map(|piece| plain(piece.trim_matches([':', ' '])))
            .filter(|piece| piece.len() > 2)
            .collect();
        // A test can contain the pieces of a message in any order.
        if !wanted.is_empty()
            && !test_texts.iter().any(|text| wanted.iter().all(|piece| text.contains(piece)))
            && !unused.remove(sentence.as_str())
        {
            untested.push(sentence);
        }
    }
    assert!(untested.is_empty(), "no test contains {untested:#?}");
    assert!(unused.is_empty(), "these are tested or not documented: {unused:?}");
}

/// Whether a test file contains this test.
pub fn is_a_test(file: &str, test: &str) -> bool {
    let path: &Path = &root().join("tests").join(file);
    fs::read_to_string(path).unwrap_or_default().contains(&format!("fn {test}("))
}
