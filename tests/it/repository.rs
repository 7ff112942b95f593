//! Facts in several files agree: the version, the Rust version, the make targets that CI runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

/// Where the version is stated besides Cargo.toml: the file and the text before each mention.
/// docs/releasing.md lists the files.
const VERSION_MENTIONS: [(&str, &str); 8] = [
    ("Cargo.lock", "name = \"servicecidr-guard\"\nversion = \""),
    ("fuzz/Cargo.lock", "name = \"servicecidr-guard\"\nversion = \""),
    ("charts/servicecidr-guard/Chart.yaml", "\nversion: "),
    ("charts/servicecidr-guard/Chart.yaml", "\nappVersion: "),
    ("Dockerfile", "\nARG VERSION="),
    ("Dockerfile", "--tag servicecidr-guard:"),
    ("tests/fixtures/chart/everything/rendered.yaml", "app.kubernetes.io/version: \""),
    ("tests/fixtures/chart/everything/rendered.yaml", "helm.sh/chart: servicecidr-guard-"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text files below a folder or the file itself, as path and content.
fn texts(paths: &[&str]) -> Vec<(PathBuf, String)> {
    let mut open: Vec<PathBuf> = paths.iter().map(|path| root().join(path)).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((path, text));
        }
    }
    found
}

/// The words that follow a text, each up to the first character that can't be in a name or version.
fn words_after<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    let is_part = |it: char| it.is_ascii_alphanumeric() || ['.', '-', '+'].contains(&it);
    let words = text.split(start).skip(1);
    words.map(|rest| rest.split(|it| !is_part(it)).next().unwrap().trim_end_matches('.')).collect()
}

#[test]
fn every_file_states_the_same_version() {
    let releasing = read("docs/releasing.md");
    for (path, start) in VERSION_MENTIONS {
        let stated = words_after(&read(path), start).into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(stated, BTreeSet::from([VERSION.to_owned()]), "{path}, after {start:?}");
        let file = if path.starts_with("tests/fixtures/chart/") { "tests/fixtures/chart" } else { path };
        assert!(releasing.contains(&format!("| `{file}` |")), "docs/releasing.md doesn't list {file}");
    }
    let changelog = read("CHANGELOG.md");
    let newest = words_after(&changelog, "\n## ")[0];
    assert!(["Unreleased", VERSION].contains(&newest), "CHANGELOG.md begins with {newest}");
}

#[test]
fn derived_versions_are_not_stated() {
    let values: serde_json::Value = serde_saphyr::from_str(&read("charts/servicecidr-guard/values.yaml")).unwrap();
    assert_eq!(values["image"]["tag"], "", "the image tag is the chart's appVersion");
    let krew: serde_json::Value = serde_saphyr::from_str(&read("plugin/krew.yaml")).unwrap();
    for field in ["version", "homepage", "platforms"] {
        assert!(krew["spec"][field].is_null(), "plugin/krew.yaml: plugin/manifest writes {field}");
    }
}

#[test]
fn every_file_states_the_same_rust_version() {
    assert_eq!(words_after(&read("Dockerfile"), "\nFROM rust:"), [format!("{RUST_VERSION}-slim-trixie")]);
    for (path, text) in texts(&["README.md", "CONTRIBUTING.md", "docs", "charts/servicecidr-guard/README.md"]) {
        for stated in words_after(&text, "Rust 1.") {
            assert_eq!(format!("1.{stated}"), RUST_VERSION, "{}", path.display());
        }
    }
    for (path, text) in texts(&[".github", ".ci"]) {
        let states_one = text.contains("toolchain install 1") || text.contains("rust:1");
        assert!(!states_one, "{}: read the Rust version from Cargo.toml", path.display());
    }
}

#[test]
fn workflows_run_the_targets_of_make_check() {
    fn targets(lines: &str, start: &str) -> BTreeSet<String> {
        let calls = lines.lines().filter_map(|line| line.trim().strip_prefix(start));
        calls.map(|rest| rest.split_whitespace().next().unwrap().to_owned()).collect()
    }
    let check = targets(&read(".ci/run"), "make ");
    assert!(check.contains("test") && check.contains("test-cluster"), "{check:?}");
    assert_eq!(targets(&read(".github/workflows/ci.yml"), "- run: make "), check);
}

#[test]
fn documented_make_targets_exist() {
    let makefile = read("Makefile");
    for (path, text) in texts(&["README.md", "CONTRIBUTING.md", "docs", ".github", "certs/README.md"]) {
        // Every other part is a code block.
        let blocks: String = text.split("```").skip(1).step_by(2).collect();
        for target in words_after(&text, "`make ").into_iter().chain(words_after(&blocks, "\nmake ")) {
            assert!(makefile.contains(&format!("\n{target}: ")), "{}: make {target}", path.display());
        }
    }
}

#[test]
fn actions_are_pinned_to_commits() {
    let mut count = 0;
    for (path, text) in texts(&[".github"]) {
        for line in text.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses: ")) {
            let commit = line.split_once('@').map(|(_, rest)| rest.split(' ').next().unwrap());
            let is_pinned = commit.is_some_and(|it| it.len() == 40 && it.bytes().all(|byte| byte.is_ascii_hexdigit()));
            assert!(is_pinned || line.starts_with("./"), "{}: {line}", path.display());
            count += usize::from(is_pinned);
        }
    }
    assert!(count > 20, "only {count} actions were found");
}

#[test]
fn no_placeholders_remain() {
    for (path, text) in texts(&["README.md", "CHANGELOG.md", "charts", "docs", "examples", "plugin", ".github"]) {
        let words = text.split('@').skip(1).filter(|word| !word.is_empty());
        let is_placeholder = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        let found: Vec<&str> = words.filter(|word| is_placeholder(word)).collect();
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
}
