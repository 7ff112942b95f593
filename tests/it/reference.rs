//! The reference of the command line and the schemas of the results are what the program says, and its examples run.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output};

use clap::{Command, CommandFactory as _};
use serde_json::Value;
use servicecidr_guard::cli::Args;

use crate::evidence::is_a_test;
use crate::program::{fixtures, program, run};

/// With it set, the files are written and not compared: `make reference`.
const WRITE: &str = "SERVICECIDR_GUARD_WRITE_REFERENCE";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every command that does something, with the words that call it.
pub fn commands() -> Vec<(String, Command)> {
    fn walk(words: &str, command: &Command, found: &mut Vec<(String, Command)>) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set()) {
            let words = format!("{words} {}", sub.get_name());
            if sub.has_subcommands() {
                walk(&words, sub, found);
            } else {
                found.push((words, sub.clone()));
            }
        }
    }
    let mut whole = Args::command().term_width(100);
    whole.build();
    let mut found = Vec::new();
    walk("servicecidr-guard", &whole, &mut found);
    found
}

fn help(command: &Command) -> String {
    command.clone().term_width(100).render_long_help().to_string()
}

/// The lines of a command's examples.
fn examples(command: &Command) -> Vec<String> {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = after.strip_prefix("Examples:\n").unwrap_or_else(|| panic!("{}: no examples", command.get_name()));
    // What begins with a mark says what the next is for.
    lines.lines().map(str::trim_start).filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[track_caller]
fn check(path: &str, text: &str) {
    let path = root().join(path);
    if std::env::var_os(WRITE).is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    } else {
        let seen = fs::read_to_string(&path).unwrap_or_default();
        assert!(seen == text, "{} is out of date: `make reference` writes it anew", path.display());
    }
}

#[test]
fn the_reference_of_the_command_line_is_what_help_says() {
    let mut text = fs::read_to_string(root().join("tests/fixtures/reference/cli.md")).unwrap();
    for (words, command) in commands() {
        let (words, help) = (words.strip_prefix("servicecidr-guard ").unwrap(), help(&command));
        let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
        write!(text, "\n## {words}\n\n```text\n{}\n```\n", lines.join("\n")).unwrap();
    }
    check("docs/cli.md", &text);
}

#[test]
fn every_command_says_its_exit_codes_and_they_stand_in_the_table() {
    let table = fs::read_to_string(root().join("tests/fixtures/reference/cli.md")).unwrap();
    for (words, command) in commands() {
        let help = help(&command);
        let said = help.split_once("Exit code: ").unwrap_or_else(|| panic!("{words} says no exit code")).1;
        let said = said.split("\n\n").next().unwrap();
        let row =
            table.lines().find(|line| line.starts_with(&format!("| `{}` |", &words["servicecidr-guard ".len()..])));
        let row = row.unwrap_or_else(|| panic!("no row for {words} in the table of exit codes"));
        let cells: Vec<&str> = row.split('|').map(str::trim).skip(2).collect();
        for (code, cell) in (1..=3).zip(cells) {
            assert_eq!(said.contains(&code.to_string()), cell != "-", "{words}: {code} in `{said}` and in `{row}`");
        }
    }
}

/// Examples that need a server or a cluster: how they begin, the file of the test that runs what they say, and the
/// test.
const ELSEWHERE: [(&str, &str, &str); 4] = [
    ("servicecidr-guard serve --dev", "server.rs", "the_dev_server_prints_curl_lines_that_work"),
    (
        "servicecidr-guard serve --policy",
        "cluster/live_account.rs",
        "a_token_that_may_read_two_resources_is_all_that_rules_without_nodes_take",
    ),
    ("servicecidr-guard probe", "probe.rs", "a_webhook_is_well_whatever_its_policy"),
    (
        "kubectl get servicecidrs",
        "cluster/plugin.rs",
        "what_it_prints_of_the_cluster_is_what_it_prints_of_kubectls_list",
    ),
];

#[test]
fn every_example_works_as_it_is_written() {
    let mut unused: BTreeSet<&str> = ELSEWHERE.iter().map(|(beginning, ..)| *beginning).collect();
    for (words, command) in commands() {
        let finds = help(&command).contains("Exit code: 1 ");
        let examples = examples(&command);
        assert!(!examples.is_empty(), "{words} has no example");
        for example in examples {
            if let Some((beginning, file, test)) =
                ELSEWHERE.iter().find(|(beginning, ..)| example.starts_with(beginning))
            {
                unused.remove(beginning);
                assert!(is_a_test(file, test), "{file} has no test {test}, which runs `{example}`");
                continue;
            }
            let folder = scratch();
            let output = shell(&example, folder.path());
            let code = output.status.code();
            assert!(
                code == Some(0) || finds && code == Some(1),
                "{example}: {code:?}\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
            // A command whose words are wrong would answer with its usage.
            assert!(!String::from_utf8_lossy(&output.stderr).contains("Usage:"), "{example}");
        }
    }
    assert!(unused.is_empty(), "no example begins with {unused:?}");
}

/// Runs a line in a folder, with the program on the path and without a cluster.
pub fn shell(line: &str, folder: &Path) -> Output {
    let own = Path::new(program().get_program()).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([own].into_iter().chain(std::env::split_paths(&others))).unwrap();
    let mut shell = Process::new("sh");
    shell.args(["-c", line]).current_dir(folder).env("PATH", path).env_remove("KUBECONFIG").output().unwrap()
}

/// A folder with the files that examples name.
pub fn scratch() -> tempfile::TempDir {
    let folder = tempfile::TempDir::new().unwrap();
    for (from, to) in [
        (fixtures().join("inventories/extended.json"), "cluster.json"),
        (root().join("examples/policy.yaml"), "policy.yaml"),
        (fixtures().join("manifests/good.yaml"), "team-a.yaml"),
        (fixtures().join("manifests/good.yaml"), "deploy/network/team-a.yaml"),
    ] {
        let to = folder.path().join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
    folder
}

/// Every kind that has a schema, but the policy file.
pub fn kinds() -> Vec<String> {
    let commands = commands();
    let (_, schema) = commands.iter().find(|(words, _)| words == "servicecidr-guard schema").unwrap();
    let kind = schema.get_arguments().find(|argument| argument.get_id() == "kind").unwrap();
    let values = kind.get_possible_values();
    values.iter().map(|value| value.get_name().to_owned()).filter(|kind| kind != "Policy").collect()
}

pub fn printed_schema(kind: &str) -> String {
    let output = run(&["schema", kind]);
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_committed_schemas_are_those_that_are_printed() {
    for kind in kinds() {
        check(&format!("docs/schemas/{kind}.schema.json"), &printed_schema(&kind));
    }
    let committed = fs::read_dir(root().join("docs/schemas")).unwrap().count();
    assert_eq!(committed, kinds().len(), "docs/schemas holds what is no kind");
}

/// The JSON that the documents and fixtures show, which other tests hold to what is printed.
fn shown_results() -> Vec<Value> {
    let mut documents: Vec<PathBuf> =
        fs::read_dir(fixtures().join("commands")).unwrap().map(|entry| entry.unwrap().path()).collect();
    documents.push(root().join("docs/capacity.md"));
    let mut found = Vec::new();
    for document in documents {
        let text = fs::read_to_string(document).unwrap();
        for block in text.split("\n{\n").skip(1) {
            let end = block.find("\n}\n").unwrap();
            let value: Result<Value, _> = serde_json::from_str(&format!("{{{}}}", &block[..end]));
            found.extend(value.ok().filter(|value| value["apiVersion"] == "servicecidr-guard/v1alpha1"));
        }
    }
    found
}

/// What the server alone prints: `page_served` holds it to its schema.
pub const SERVED: [&str; 2] = ["CapacityPage", "ChangePreview"];

#[test]
fn every_result_is_what_its_schema_says() {
    let mut seen = BTreeSet::new();
    for result in shown_results() {
        let kind = result["kind"].as_str().unwrap().to_owned();
        let schema: Value = serde_json::from_str(&printed_schema(&kind)).unwrap();
        let errors: Vec<String> =
            jsonschema::validator_for(&schema).unwrap().iter_errors(&result).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{kind}: {errors:#?}\n{result:#}");
        let mut more = result;
        more["unheardOf"] = Value::Bool(true);
        assert!(!jsonschema::is_valid(&schema, &more), "{kind} takes any field");
        seen.insert(kind);
    }
    seen.extend(SERVED.map(str::to_owned));
    let kinds: BTreeSet<String> = kinds().into_iter().collect();
    assert_eq!(seen, kinds, "a kind without an example in tests/fixtures/commands");
}

#[test]
fn every_kind_that_is_printed_has_a_schema() {
    let kinds = kinds();
    let mut count = 0;
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for call in text.split("output::document(").skip(1).chain(text.split(" Document::new(").skip(1)) {
                let kind = call.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                // What names no kind is the function that all go through, or reads.
                let is_through = path.ends_with("cli/support/output.rs")
                    || path.ends_with("k8s/list.rs")
                    || path.ends_with("k8s/list/documents.rs");
                assert!(kind.is_some() || is_through, "{}: the kind is no literal: write it here", path.display());
                if let Some(kind) = kind {
                    count += 1;
                    assert!(kinds.iter().any(|known| known == kind), "{}: {kind} has no schema", path.display());
                }
            }
        }
    }
    assert!(count >= kinds.len(), "only {count} kinds were found");
}
