//! The layout of the sources and documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use servicecidr_guard::policy::RuleId;

/// The layers of `src/`, lowest first. A file can use only lower layers.
const LAYERS: [&str; 14] = [
    "text",
    "net",
    "inventory",
    "capacity",
    "policy",
    "diagnostic",
    "api",
    "vap",
    "page",
    "pki",
    "k8s",
    "config",
    "server",
    "cli",
];
/// The layers without I/O.
const PURE: [&str; 5] = ["text", "net", "inventory", "capacity", "policy"];
/// Names that are forbidden in pure layers.
const IMPURE: [&str; 8] =
    ["actix_web", "kube::", "k8s_openapi", "tokio", "std::fs", "std::env", "std::time", "tracing"];
/// The maximum lines of code of a file without tests, and the maximum number of lines.
const MAX_CODE: usize = 250;
const MAX_LINES: usize = 400;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_str().unwrap().ends_with(ending) {
            found.push(path);
        }
    }
    found
}

/// Path below `src/` and text of every source file.
pub fn sources() -> BTreeMap<String, String> {
    let src = root().join("src");
    let named = |path: PathBuf| (path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned(), path);
    files(&src, ".rs").into_iter().map(named).map(|(name, path)| (name, fs::read_to_string(path).unwrap())).collect()
}

fn layer(name: &str) -> Option<usize> {
    let top = name.split(['/', '.']).next().unwrap();
    LAYERS.iter().position(|layer| *layer == top)
}

/// The code of a file without tests and comments.
pub fn code(text: &str) -> impl Iterator<Item = &str> {
    let tested = text.split("#[cfg(test)]").next().unwrap();
    tested.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"))
}

#[test]
fn layers_depend_only_on_lower_layers() {
    for (name, text) in sources() {
        let Some(own) = layer(&name) else { continue };
        for (above, upper) in LAYERS.iter().enumerate().filter(|(above, _)| *above > own) {
            let names_it = code(&text).any(|line| line.contains(&format!("crate::{upper}")));
            assert!(!names_it, "src/{name} (layer {own}) uses the layer {upper} ({above})");
        }
        if PURE.contains(&LAYERS[own]) {
            for word in IMPURE {
                assert!(!code(&text).any(|line| line.contains(word)), "src/{name} is pure and uses {word}");
            }
        }
    }
}

#[test]
fn files_are_short() {
    for (name, text) in sources() {
        let (lines, code) = (text.lines().count(), code(&text).count());
        assert!(code <= MAX_CODE && lines <= MAX_LINES, "src/{name} has {code} lines of code, {lines} in all");
    }
    for path in files(&root().join("tests"), ".rs") {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn source_files_begin_with_module_comment() {
    for (name, text) in sources() {
        assert!(text.starts_with("//! "), "src/{name} has no //! line");
    }
}

#[test]
fn only_the_output_module_prints() {
    for (name, text) in sources() {
        let prints = code(&text).any(|line| line.contains("print!(") || line.contains("println!("));
        assert!(!prints || name == "cli/support/output.rs", "src/{name} prints");
    }
}

#[test]
fn wall_clock_is_read_for_certificates_only() {
    for (name, text) in sources() {
        let reads = code(&text).any(|line| line.contains("SystemTime::now") || line.contains("now_utc"));
        let is_of_certificates = name == "pki/validity.rs";
        assert_eq!(reads, is_of_certificates, "src/{name}: ages need a monotonic clock");
    }
}

#[test]
fn every_rule_has_a_heading() {
    let document = fs::read_to_string(root().join("docs/policy.md")).unwrap();
    let paths = files(&root().join("src/policy/rule"), ".rs");
    let in_files = paths.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().replace('_', "-"));
    let in_files: BTreeSet<String> = in_files.collect();
    let rules = RuleId::ALL.iter().filter(|rule| rule.config_key().is_some());
    assert_eq!(in_files, rules.map(|rule| rule.as_str().to_owned()).collect(), "src/policy/rule has one file per rule");
    for id in in_files {
        assert!(document.contains(&format!("\n## {id}\n")), "docs/policy.md has no heading `## {id}`");
    }
}

#[test]
fn every_metric_is_documented() {
    let document = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let sources = sources();
    let metrics = sources.iter().filter(|(name, _)| name.starts_with("server/metrics"));
    let metrics: String = metrics.map(|(_, text)| text.as_str()).collect();
    let mut count = 0;
    for call in metrics.split("all.register").skip(1) {
        let name = call.split('"').nth(1).unwrap();
        assert!(document.contains(&format!("| `servicecidr_guard_{name}")), "docs/metrics.md lacks {name}");
        count += 1;
    }
    assert!(count >= 25, "only {count} metrics were found");
}

#[test]
fn embedded_examples_equal_the_fixtures() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    for (example, fixture) in [
        ("create-review.json", "recorded/007-create-newcidr1.json"),
        ("update-kubernetes-review.json", "recorded/027-update-kubernetes.json"),
        ("inventory.json", "inventories/full.json"),
    ] {
        let (example, fixture) = (format!("examples/embedded/{example}"), format!("tests/fixtures/{fixture}"));
        assert!(read(&example) == read(&fixture), "{example} differs from {fixture}");
    }
}

#[test]
fn links_between_documents_resolve() {
    let mut documents = files(&root().join("docs"), ".md");
    documents.extend(
        [
            "README.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "certs/README.md",
            "charts/servicecidr-guard/README.md",
        ]
        .map(|name| root().join(name)),
    );
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            let is_local = !target.is_empty() && !target.contains("://");
            let exists = document.parent().unwrap().join(target).exists();
            assert!(!is_local || exists, "{}: no {target}", document.display());
        }
    }
}

/// The files that can contain the tests of a module: of a test root, of a root itself, or unit tests.
fn test_files(module: &str) -> [PathBuf; 4] {
    let path = module.trim_end_matches("::tests").replace("::", "/");
    [
        format!("tests/it/{path}.rs"),
        format!("tests/cluster/{path}.rs"),
        format!("tests/{path}/main.rs"),
        format!("src/{path}.rs"),
    ]
    .map(|path| root().join(path))
}

#[test]
fn cited_tests_exist() {
    let is_part = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_' || it == ':';
    let mut count = 0;
    for document in ["docs/testing.md", "docs/security.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        // Every other part is between backticks.
        for cited in text.split('`').skip(1).step_by(2).filter(|cited| cited.chars().all(is_part)) {
            let Some((module, name)) = cited.rsplit_once("::") else { continue };
            let definition = format!("fn {name}(");
            let has_test = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|text| text.contains(&definition));
            assert!(test_files(module).iter().any(has_test), "{document}: no test `{cited}`");
            count += 1;
        }
    }
    assert!(count > 100, "only {count} citations were found");
}
