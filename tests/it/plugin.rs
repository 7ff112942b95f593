//! The program as a kubectl plugin, and its output on terminals.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::program::{fixtures, program};

/// The program under another name.
fn program_named(folder: &TempDir, name: &str) -> Command {
    let path = folder.path().join(name);
    if !path.exists() {
        symlink(program().get_program(), &path).unwrap();
    }
    let mut command = Command::new(path);
    command.current_dir(fixtures().join("inventories")).env("KUBECONFIG", "/nowhere");
    command
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + std::str::from_utf8(&output.stderr).unwrap()
}

fn completions(words: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    text(&program_named(&folder, "kubectl_complete-servicecidr").args(words).output().unwrap())
}

#[test]
fn plugin_help_uses_kubectl_name() {
    let folder = TempDir::new().unwrap();
    let mut plugin = program_named(&folder, "kubectl-servicecidr");
    let help = text(&plugin.args(["report", "--help"]).output().unwrap());
    assert!(help.contains("\nUsage: kubectl servicecidr report [OPTIONS]\n"), "{help}");
    assert!(help.contains("\n  kubectl servicecidr report -f cluster.json\n"), "{help}");
    assert!(!help.contains("servicecidr-guard"), "{help}");
    let mut plugin = program_named(&folder, "kubectl-servicecidr");
    let wrong = text(&plugin.arg("reprot").output().unwrap());
    assert!(wrong.contains("Usage: kubectl servicecidr <COMMAND>"), "{wrong}");
    let of = |name: &str| text(&program_named(&folder, name).args(["report", "-f", "extended.json"]).output().unwrap());
    assert_eq!(of("kubectl-servicecidr"), of("servicecidr-guard"));
}

#[test]
fn kubectl_completion_lists_candidates() {
    let commands = completions(&[""]);
    for line in ["serve\tRun the admission webhook", "schema\t", ":4"] {
        assert!(commands.lines().any(|seen| seen.starts_with(line)), "{line}: {commands}");
    }
    assert_eq!(completions(&["over"]).lines().count(), 2);
    assert_eq!(
        completions(&["report", "-o", ""]),
        "table\tHuman-readable\nwide\tHuman-readable, with more columns\n\
         json\tMachine-readable; counts are decimal strings, because they can exceed 2^64\nyaml\tMachine-readable, as YAML\n\
         html\tA web page that draws the address space: one self-contained file\n:4\n"
    );
    assert_eq!(
        completions(&["report", "--output", "j"]),
        "json\tMachine-readable; counts are decimal strings, because they can exceed 2^64\n:4\n"
    );
    assert_eq!(completions(&["report", "--output=y"]), "--output=yaml\tMachine-readable, as YAML\n:4\n");
    assert_eq!(completions(&["report", "--no-h"]), "--no-headers\tOmit table headers\n:4\n");
    assert_eq!(completions(&["report", "-f", ""]), ":0\n");
    assert_eq!(completions(&["report", "--context", ""]), ":4\n");
    assert_eq!(completions(&["schema", "Over"]), "OverlapList\n:4\n");
    assert_eq!(completions(&["export", ""]).lines().next().unwrap().split('\t').next(), Some("vap"));
    // Without a cluster, there are no names and no errors.
    assert_eq!(completions(&["explain", ""]), ":4\n");
    assert_eq!(completions(&[]), ":4\n");
}

#[test]
fn every_shell_has_a_completion_script() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = program().args(["completion", shell]).output().unwrap();
        assert!(output.status.success() && text(&output).contains("servicecidr-guard"), "{shell}");
    }
    let check = program().args(["completion", "bash"]).output().unwrap();
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("script"), check.stdout).unwrap();
    assert!(Command::new("bash").args(["-n", "script"]).current_dir(folder.path()).status().unwrap().success());
}

/// The output on a terminal.
fn terminal_output(arguments: &str, variables: &[(&str, &str)]) -> String {
    let program = PathBuf::from(program().get_program());
    let mut script = Command::new("script");
    script.args(["-qec", &format!("{} {arguments}", program.display()), "/dev/null"]).env_remove("NO_COLOR");
    script
        .env("TERM", "xterm")
        .env("KUBECONFIG", "/nowhere")
        .envs(variables.iter().copied().map(|(name, value)| (name, OsString::from(value))));
    String::from_utf8(script.output().unwrap().stdout).unwrap()
}

#[test]
fn only_terminals_get_colour() {
    let file = fixtures().join("inventories/extended.json");
    let wrong = format!("report -f {} --remove nobody", file.display());
    let coloured = terminal_output(&wrong, &[]);
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m --remove nobody: no such"), "{coloured:?}");
    assert!(!terminal_output(&wrong, &[("NO_COLOR", "1")]).contains('\u{1b}'));
    // Tables have no colour.
    assert!(!terminal_output(&format!("report -f {}", file.display()), &[]).contains('\u{1b}'));
    let piped = program().args(["report", "-f", "/nowhere"]).output().unwrap();
    assert!(text(&piped).starts_with("error: /nowhere: "), "{piped:?}");
}

#[test]
fn terminal_output_escapes_names() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hostile.json");
    let name = "a\\u001b[31mred\\n\\u009bx\\u202e";
    let address = format!(
        r#"{{"kind":"IPAddress","metadata":{{"name":"10.0.0.9"}},"spec":{{"parentRef":{{"resource":"services","namespace":"{name}","name":"{name}"}}}}}}"#
    );
    let range = |name: &str| {
        format!(r#"{{"kind":"ServiceCIDR","metadata":{{"name":"{name}"}},"spec":{{"cidrs":["10.0.0.0/24"]}}}}"#)
    };
    std::fs::write(&path, format!(r#"{{"kind":"List","items":[{},{},{address}]}}"#, range(name), range("b"))).unwrap();
    let policy = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/policy.yaml");
    let policy = format!("--policy {}", policy.display());
    for command in [
        "report",
        "report -o wide",
        "report -o json",
        "report -o yaml",
        "report -o html",
        "overlaps",
        "overlaps -o json",
        "explain b",
        "explain 10.0.0.9",
        "explain nobody",
        "simulate --services 3",
        "init",
        "suggest --within 10.0.0.0/8 --prefix-length 24 -o wide",
        &format!("scan {policy}"),
        &format!("scan {policy} -o github"),
        &format!("scan {policy} -o name"),
        &format!("scan {policy} -o sarif"),
        &format!("check {policy}"),
    ] {
        let seen = terminal_output(&format!("{command} -f {}", path.display()), &[("NO_COLOR", "1")]);
        let is_obeyed = |it: char| it.is_control() && !['\n', '\r', '\t'].contains(&it);
        assert!(!seen.contains(is_obeyed) && !seen.is_empty(), "{command}: {seen:?}");
    }
}

#[test]
fn only_terminals_get_progress() {
    let folder = TempDir::new().unwrap();
    let address = |number: u32| {
        format!(r#"{{"kind":"IPAddress","metadata":{{"name":"{}"}}}}"#, std::net::Ipv4Addr::from(0x0a60_0000 + number))
    };
    let kubernetes = r#"{"kind":"ServiceCIDR","metadata":{"name":"kubernetes"},"spec":{"cidrs":["10.96.0.0/12"]}}"#;
    let addresses: Vec<String> = (0..50_000).map(address).collect();
    let path = folder.path().join("many.json");
    std::fs::write(&path, format!(r#"{{"kind":"List","items":[{kubernetes},{}]}}"#, addresses.join(","))).unwrap();
    let seen = terminal_output(&format!("report -f {}", path.display()), &[]);
    assert!(seen.contains("\r\u{1b}[Kread 20,000 objects\r\u{1b}[Kread 40,000 objects\r\u{1b}[K"), "{seen:?}");
    let piped = program().args(["report", "-f"]).arg(path).output().unwrap();
    assert!(piped.stderr.is_empty(), "{piped:?}");
}

#[test]
fn krew_package_is_complete() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = TempDir::new().unwrap();
    let package = |version: &str, program: &OsStr, platform: &[&str]| {
        let mut package = Command::new(root.join("plugin/package"));
        package.arg(version).arg(program).arg(folder.path()).args(platform).output().unwrap()
    };
    // A small file in place of the program.
    let (program, stand_in) = (program().get_program().to_owned(), root.join("LICENSE").into_os_string());
    let manifest = |homepage: &str, url: &str| {
        let mut manifest = Command::new(root.join("plugin/manifest"));
        manifest.args(["v1.2.3", homepage, url]).arg(folder.path()).output().unwrap()
    };
    let (homepage, url) = ("https://example.com/project", "https://example.com/releases/");
    assert_eq!(package("one", &stand_in, &[]).status.code(), Some(2));
    let early = manifest(homepage, url);
    assert!(early.status.code() == Some(2) && text(&early).contains("run plugin/package first"), "{early:?}");
    let other = package("1.2.3", &stand_in, &["plan9-amd64"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other).contains("plan9-amd64: not a supported platform"), "{other:?}");
    assert!(package("v1.2.3", &stand_in, &["darwin-arm64"]).status.success());
    let packaged = package("v1.2.3", &program, &["linux-amd64"]);
    assert!(packaged.status.success(), "{packaged:?}");
    for (homepage, url) in [("", url), ("example.com", url), (homepage, "@URL@")] {
        let refused = manifest(homepage, url);
        assert!(refused.status.code() == Some(2) && text(&refused).contains("not an https:// address"), "{refused:?}");
    }
    let written = manifest(homepage, url);
    assert!(written.status.success(), "{written:?}");
    let archive = text(&packaged).lines().next().unwrap().to_owned();
    let shell = |line: &str| {
        let output = Command::new("sh").args(["-c", line]).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        text(&output)
    };
    assert_eq!(shell(&format!("tar tzf {archive}")), "LICENSE\nkubectl-servicecidr\n");
    let manifest: serde_json::Value =
        serde_saphyr::from_str(&std::fs::read_to_string(folder.path().join("servicecidr.yaml")).unwrap()).unwrap();
    let platforms = manifest["spec"]["platforms"].as_array().unwrap();
    let labels: Vec<String> = platforms.iter().map(|it| it["selector"]["matchLabels"].to_string()).collect();
    assert_eq!(labels, [r#"{"arch":"arm64","os":"darwin"}"#, r#"{"arch":"amd64","os":"linux"}"#]);
    assert_eq!(manifest["spec"]["homepage"], homepage);
    let platform = &platforms[1];
    let sum = shell(&format!("sha256sum {archive}"));
    assert_eq!(platform["sha256"].as_str().unwrap(), sum.split(' ').next().unwrap());
    let name = archive.rsplit('/').next().unwrap();
    assert_eq!(platform["uri"], format!("https://example.com/releases/{name}"));
    assert_eq!(
        (&manifest["spec"]["version"], &manifest["metadata"]["name"]),
        (&"v1.2.3".into(), &"servicecidr".into())
    );
    // The required fields of a krew manifest: https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest
    for field in ["version", "homepage", "shortDescription", "description", "platforms"] {
        assert!(!manifest["spec"][field].is_null(), "spec.{field}");
    }
    assert!(manifest["spec"]["shortDescription"].as_str().unwrap().len() <= 60);
    assert!(!manifest.to_string().contains('@'), "{manifest}");
    shell(&format!("tar xzf {archive}"));
    let selector = &platform["selector"]["matchLabels"];
    assert!(selector["os"].is_string() && selector["arch"].is_string());
    let bin = platform["bin"].as_str().unwrap();
    assert!(shell(&format!("./{bin} --version")).starts_with("servicecidr-guard "));
}
