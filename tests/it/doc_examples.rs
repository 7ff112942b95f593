//! Every documented command is run by a test: here, or by the test that is listed for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::doc_coverage::is_a_test;
use crate::reference::{scratch, shell};

/// The documents whose console blocks are run by the module `commands`.
pub const REPLAYED: [&str; 5] =
    ["README.md", "docs/capacity.md", "docs/planning.md", "docs/cluster-ips.md", "docs/checking.md"];

/// The documents whose commands need a published release.
const NEEDS_A_RELEASE: [&str; 1] = ["docs/releasing.md"];

/// Commands that other tests run: how a line begins, the file of the test, and the test.
const ELSEWHERE: [(&str, &str, &str); 23] = [
    ("kubectl --namespace servicecidr-guard port-forward", "page/main.rs", "served_page_previews_changes"),
    ("make plugin", "it/plugin.rs", "plugin_help_uses_kubectl_name"),
    ("kubectl servicecidr", "cluster/plugin.rs", "cluster_output_matches_file_output"),
    ("make run", "it/server.rs", "dev_server_prints_working_curl_commands"),
    ("curl --silent --cacert certs/dev/ca.crt", "it/server.rs", "dev_server_prints_working_curl_commands"),
    ("make bench", "../benches/webhook.rs", "main"),
    ("kubectl create service clusterip", "cluster/documented_scenario.rs", "documented_scenario_works"),
    ("kubectl apply --dry-run=server", "cluster/dry_run_scenario.rs", "dry_runs_report_and_metrics_match_every_step"),
    ("kubectl apply -f", "cluster/documented_scenario.rs", "documented_scenario_works"),
    (
        "kubectl delete --dry-run=server servicecidr",
        "cluster/dry_run_scenario.rs",
        "dry_runs_report_and_metrics_match_every_step",
    ),
    ("kubectl create --dry-run=server", "cluster/rules.rs", "kubectl_shows_allowed_ranges_violations"),
    ("kubectl get servicecidrs,ipaddresses,services", "cluster/documented_scenario.rs", "documented_scenario_works"),
    (
        "helm install servicecidr-guard charts/servicecidr-guard --namespace servicecidr-guard --create-namespace --set image.repository",
        "cluster/chart/readme.rs",
        "readme_commands_work",
    ),
    (
        "helm upgrade servicecidr-guard charts/servicecidr-guard --namespace servicecidr-guard --reset-then-reuse-values",
        "cluster/certificates/helm.rs",
        "helm_mode_is_upgraded_to_managed",
    ),
    (
        "helm upgrade servicecidr-guard charts/servicecidr-guard --namespace",
        "cluster/chart/readme.rs",
        "readme_commands_work",
    ),
    ("kubectl delete validatingwebhookconfiguration", "cluster/chart/readme.rs", "readme_commands_work"),
    (
        "helm install servicecidr-guard charts/servicecidr-guard --namespace servicecidr-guard --create-namespace --set image.registry",
        "cluster/chart/install.rs",
        "install_upgrade_rollback_uninstall",
    ),
    ("helm --namespace servicecidr-guard test", "image/main.rs", "image_runs_with_the_chart_settings"),
    (
        "kubectl --namespace servicecidr-guard annotate secret servicecidr-guard-managed-ca servicecidr-guard/rotate-ca",
        "cluster/certificates/faults.rs",
        "rotation_succeeds_among_conflicts",
    ),
    (
        "kubectl --namespace servicecidr-guard scale deployment",
        "cluster/certificates/faults.rs",
        "leaked_ca_is_removed",
    ),
    (
        "kubectl --namespace servicecidr-guard patch secret servicecidr-guard-managed-ca",
        "cluster/certificates/faults.rs",
        "leaked_ca_is_removed",
    ),
    ("kubectl patch validatingwebhookconfiguration", "cluster/certificates/faults.rs", "leaked_ca_is_removed"),
    (
        "servicecidr-guard export vap --policy policy.yaml | kubectl apply -f -",
        "cluster/vap.rs",
        "vap_and_webhook_verdicts_match",
    ),
];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files with an extension in a folder, recursively.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|own| own == ending) {
            found.push(path);
        }
    }
    found
}

/// Every document.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md"), root().join("charts/servicecidr-guard/README.md")];
    found.extend(files(&root().join("docs"), "md"));
    found
}

/// How a document shows a command.
#[derive(Clone, Copy, PartialEq)]
enum BlockKind {
    /// In a console block that `commands` runs.
    Replayed,
    /// In a shell block.
    Shell,
    /// With a prompt, outside of the console blocks that are run.
    Prompted,
}

/// The commands of a document's blocks, with continued lines joined.
fn command_lines(name: &str, text: &str) -> Vec<(BlockKind, String)> {
    let mut found = Vec::new();
    let mut rest = text.lines().enumerate();
    while let Some((number, opening)) = rest.by_ref().find(|(_, line)| line.trim_start().starts_with("```")) {
        let block: Vec<&str> =
            rest.by_ref().map(|(_, line)| line).take_while(|line| !line.trim_start().starts_with("```")).collect();
        let tag = opening.trim_start().trim_start_matches('`');
        let is_known = ["sh", "console", "", "text", "yaml", "json", "mermaid"].contains(&tag);
        assert!(is_known, "{name}:{}: unknown block language `{tag}`", number + 1);
        let is_replayed = opening == "```console"
            && REPLAYED.contains(&name)
            && block.first().is_some_and(|line| line.starts_with("$ servicecidr-guard "));
        let joined = block.join("\n").replace("\\\n", " ");
        let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in joined.lines().map(str::trim) {
            match (tag, line.strip_prefix("$ ")) {
                ("sh", _) if !line.is_empty() => found.push((BlockKind::Shell, plain(line))),
                ("console" | "" | "text", Some(line)) if is_replayed => found.push((BlockKind::Replayed, plain(line))),
                ("console" | "" | "text", Some(line)) => found.push((BlockKind::Prompted, plain(line))),
                _ => {}
            }
        }
    }
    found
}

/// Runs a line in a folder with the files that examples name.
#[track_caller]
fn check_runs(name: &str, line: &str) {
    let output = shell(line, scratch().path());
    assert!(output.status.success(), "{name}: {line}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn documented_commands_are_tested() {
    let mut unused: BTreeSet<&str> = ELSEWHERE.iter().map(|(beginning, ..)| *beginning).collect();
    let mut unknown = Vec::new();
    let mut run = 0;
    for path in documents() {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        if NEEDS_A_RELEASE.contains(&name.as_str()) {
            continue;
        }
        for (kind, line) in command_lines(&name, &fs::read_to_string(&path).unwrap()) {
            // `make test` runs this test.
            if line == "make test" || kind == BlockKind::Replayed {
                continue;
            }
            if let Some((beginning, ..)) = ELSEWHERE.iter().find(|(beginning, ..)| line.starts_with(beginning)) {
                unused.remove(beginning);
            } else if kind == BlockKind::Shell && line.starts_with("servicecidr-guard ") {
                check_runs(&name, &line);
                run += 1;
            } else {
                unknown.push(format!("{name}: {line}"));
            }
        }
    }
    assert!(unknown.is_empty(), "no test is listed for {unknown:#?}");
    assert!(unused.is_empty(), "no document shows {unused:?}");
    assert!(run > 0, "no document shows a line of shell that calls the program");
    for (beginning, file, test) in ELSEWHERE {
        assert!(is_a_test(file, test), "{file} has no test {test}, which runs `{beginning}`");
    }
}
