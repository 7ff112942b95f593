//! Every command line that a document shows is run by a test: here, or by the one that is named for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::doc_coverage::is_a_test;
use crate::reference::{scratch, shell};

/// The documents whose console blocks show what the program prints: `commands` runs them.
pub const REPLAYED: [&str; 5] =
    ["README.md", "docs/capacity.md", "docs/planning.md", "docs/cluster-ips.md", "docs/checking.md"];

/// The documents whose commands need a published release.
const NEEDS_A_RELEASE: [&str; 1] = ["docs/releasing.md"];

/// What else is shown: how a line begins, the file of the test that runs it, and the test.
const ELSEWHERE: [(&str, &str, &str); 19] = [
    (
        "kubectl --namespace servicecidr-guard port-forward",
        "page/main.rs",
        "the_page_of_a_server_forecasts_with_the_servers_own_engine",
    ),
    ("make plugin", "it/plugin.rs", "a_plugin_speaks_of_itself_as_it_is_called"),
    ("kubectl servicecidr", "cluster/plugin.rs", "what_it_prints_of_the_cluster_is_what_it_prints_of_kubectls_list"),
    ("make run", "it/server.rs", "the_dev_server_prints_curl_lines_that_work"),
    ("curl --silent --cacert certs/dev/ca.crt", "it/server.rs", "the_dev_server_prints_curl_lines_that_work"),
    ("make bench", "../benches/webhook.rs", "main"),
    ("kubectl create service clusterip", "cluster/documented_scenario.rs", "the_documented_walk"),
    (
        "kubectl apply --dry-run=server",
        "cluster/live_scenario.rs",
        "at_each_step_of_the_walk_dry_runs_report_and_metrics_say_what_then_happens",
    ),
    ("kubectl apply -f", "cluster/documented_scenario.rs", "the_documented_walk"),
    (
        "kubectl delete --dry-run=server servicecidr",
        "cluster/live_scenario.rs",
        "at_each_step_of_the_walk_dry_runs_report_and_metrics_say_what_then_happens",
    ),
    ("kubectl create --dry-run=server", "cluster/rules.rs", "allowed_ranges_deny_or_warn_and_kubectl_shows_why"),
    ("kubectl get servicecidrs,ipaddresses,services", "cluster/documented_scenario.rs", "the_documented_walk"),
    (
        "helm install servicecidr-guard charts/servicecidr-guard --namespace servicecidr-guard --create-namespace --set image.repository",
        "cluster/chart/readme.rs",
        "what_the_readme_has_one_type_works",
    ),
    (
        "helm upgrade servicecidr-guard charts/servicecidr-guard --namespace",
        "cluster/chart/readme.rs",
        "what_the_readme_has_one_type_works",
    ),
    ("kubectl delete validatingwebhookconfiguration", "cluster/chart/readme.rs", "what_the_readme_has_one_type_works"),
    (
        "helm install servicecidr-guard charts/servicecidr-guard --namespace servicecidr-guard --create-namespace --set image.registry",
        "cluster/chart/install.rs",
        "install_upgrade_roll_back_and_uninstall",
    ),
    ("helm --namespace servicecidr-guard test", "image/main.rs", "it_runs_as_the_chart_has_it_run"),
    (
        "helm upgrade servicecidr-guard charts/servicecidr-guard --reuse-values --set tls.helm.rotate",
        "cluster/chart/rotate.rs",
        "no_request_fails_while_the_ca_is_rotated",
    ),
    (
        "servicecidr-guard export vap --policy policy.yaml | kubectl apply -f -",
        "cluster/floor.rs",
        "the_floor_and_the_webhook_give_the_same_verdicts_in_the_same_words",
    ),
];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files with an ending in a folder and those below it.
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

/// How a command line is shown.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// In a console block that `commands` replays.
    Replayed,
    /// In a block of shell.
    Shell,
    /// With a prompt, beside what isn't replayed.
    Prompted,
}

/// The command lines of a document's blocks, lines that go on joined: of a console what follows the prompt, of
/// shell all.
fn lines(name: &str, text: &str) -> Vec<(Way, String)> {
    let mut found = Vec::new();
    let mut rest = text.lines().enumerate();
    while let Some((number, opening)) = rest.by_ref().find(|(_, line)| line.trim_start().starts_with("```")) {
        let block: Vec<&str> =
            rest.by_ref().map(|(_, line)| line).take_while(|line| !line.trim_start().starts_with("```")).collect();
        let tag = opening.trim_start().trim_start_matches('`');
        let is_known = ["sh", "console", "", "text", "yaml", "json", "mermaid"].contains(&tag);
        assert!(is_known, "{name}:{}: a block of `{tag}`: nothing says whether it is run", number + 1);
        let is_replayed = opening == "```console"
            && REPLAYED.contains(&name)
            && block.first().is_some_and(|line| line.starts_with("$ servicecidr-guard "));
        let joined = block.join("\n").replace("\\\n", " ");
        let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in joined.lines().map(str::trim) {
            match (tag, line.strip_prefix("$ ")) {
                ("sh", _) if !line.is_empty() => found.push((Way::Shell, plain(line))),
                ("console" | "" | "text", Some(line)) if is_replayed => found.push((Way::Replayed, plain(line))),
                ("console" | "" | "text", Some(line)) => found.push((Way::Prompted, plain(line))),
                _ => {}
            }
        }
    }
    found
}

/// Runs a line of shell beside the files that examples name.
#[track_caller]
fn check_runs(name: &str, line: &str) {
    let output = shell(line, scratch().path());
    assert!(output.status.success(), "{name}: {line}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_command_line_of_the_documents_is_run_by_a_test() {
    let mut unused: BTreeSet<&str> = ELSEWHERE.iter().map(|(beginning, ..)| *beginning).collect();
    let mut unknown = Vec::new();
    let mut run = 0;
    for path in documents() {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        if NEEDS_A_RELEASE.contains(&name.as_str()) {
            continue;
        }
        for (way, line) in lines(&name, &fs::read_to_string(&path).unwrap()) {
            // This is what it runs.
            if line == "make test" || way == Way::Replayed {
                continue;
            }
            if let Some((beginning, ..)) = ELSEWHERE.iter().find(|(beginning, ..)| line.starts_with(beginning)) {
                unused.remove(beginning);
            } else if way == Way::Shell && line.starts_with("servicecidr-guard ") {
                check_runs(&name, &line);
                run += 1;
            } else {
                unknown.push(format!("{name}: {line}"));
            }
        }
    }
    assert!(unknown.is_empty(), "no test is named for {unknown:#?}");
    assert!(unused.is_empty(), "no document shows {unused:?}");
    assert!(run > 0, "no document shows a line of shell that calls the program");
    for (beginning, file, test) in ELSEWHERE {
        assert!(is_a_test(file, test), "{file} has no test {test}, which runs `{beginning}`");
    }
}
