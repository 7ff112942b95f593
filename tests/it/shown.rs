//! Every command line that a document shows is run by a test: here, or by the one that is named for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The documents whose console blocks show what the program prints: `commands` runs them.
pub const REPLAYED: [&str; 4] = ["README.md", "docs/capacity.md", "docs/planning.md", "docs/cluster-ips.md"];

/// What else is shown: how a line begins, the file of the test that runs it, and the test.
const ELSEWHERE: [(&str, &str, &str); 18] = [
    (
        "kubectl --namespace servicecidr-guard port-forward",
        "page.rs",
        "the_page_of_a_server_forecasts_with_the_servers_own_engine",
    ),
    ("make plugin", "plugin.rs", "a_plugin_speaks_of_itself_as_it_is_called"),
    ("kubectl servicecidr", "cluster/plugin.rs", "what_it_prints_of_the_cluster_is_what_it_prints_of_kubectls_list"),
    ("make run", "server.rs", "the_dev_server_prints_curl_lines_that_work"),
    ("make bench", "../../benches/webhook.rs", "main"),
    ("kubectl create service clusterip", "cluster/walk.rs", "the_documented_walk"),
    (
        "kubectl apply --dry-run=server",
        "cluster/live_walk.rs",
        "at_each_step_of_the_walk_dry_runs_report_and_metrics_say_what_then_happens",
    ),
    ("kubectl apply -f", "cluster/walk.rs", "the_documented_walk"),
    (
        "kubectl delete --dry-run=server servicecidr",
        "cluster/live_walk.rs",
        "at_each_step_of_the_walk_dry_runs_report_and_metrics_say_what_then_happens",
    ),
    ("kubectl create --dry-run=server", "cluster/rules.rs", "allowed_ranges_deny_or_warn_and_kubectl_shows_why"),
    ("kubectl get servicecidrs,ipaddresses,services", "cluster/walk.rs", "the_documented_walk"),
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
    ("helm --namespace servicecidr-guard test", "image.rs", "it_runs_as_the_chart_has_it_run"),
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

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document.
fn documents() -> Vec<PathBuf> {
    fn within(folder: PathBuf, found: &mut Vec<PathBuf>) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                within(path, found);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                found.push(path);
            }
        }
    }
    let mut found = vec![root().join("README.md"), root().join("charts/servicecidr-guard/README.md")];
    within(root().join("docs"), &mut found);
    found
}

/// The command lines of a document's blocks, lines that go on joined: of a console what follows the prompt, of
/// shell all.
fn lines(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (place, block) in text.split("```").enumerate().filter(|(place, _)| place % 2 == 1) {
        let (tag, block) = block.split_once('\n').unwrap_or_else(|| panic!("block {place} has one line"));
        let joined = block.replace("\\\n", " ");
        let commands = joined.lines().filter_map(|line| match tag {
            "sh" => Some(line),
            "console" | "" => line.strip_prefix("$ "),
            _ => None,
        });
        let plain = commands.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        found.extend(plain.filter(|line| !line.is_empty()));
    }
    found
}

#[test]
fn every_command_line_of_the_documents_is_run_by_a_test() {
    let mut unused: BTreeSet<&str> = ELSEWHERE.iter().map(|(beginning, ..)| *beginning).collect();
    let mut unknown = Vec::new();
    for path in documents() {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let is_replayed = REPLAYED.contains(&name.as_str());
        for line in lines(&fs::read_to_string(&path).unwrap()) {
            // This is what it runs.
            if line == "make test" {
                continue;
            }
            if let Some((beginning, ..)) = ELSEWHERE.iter().find(|(beginning, ..)| line.starts_with(beginning)) {
                unused.remove(beginning);
            } else if !(is_replayed && line.starts_with("servicecidr-guard ")) {
                unknown.push(format!("{name}: {line}"));
            }
        }
    }
    assert!(unknown.is_empty(), "no test is named for {unknown:#?}");
    assert!(unused.is_empty(), "no document shows {unused:?}");
    for (beginning, file, test) in ELSEWHERE {
        let text = fs::read_to_string(root().join("tests/it").join(file)).unwrap_or_default();
        assert!(text.contains(&format!("fn {test}(")), "{file} has no test {test}, which runs `{beginning}`");
    }
}
