//! The commands of the README work.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::binaries;
use crate::control_plane::{ControlPlane, output_text};
use crate::webhook::CONFIGURATIONS;

/// The commands of the sections on installation and on removal.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let section = |heading| readme.split(heading).nth(1).unwrap().split("\n## ").next().unwrap();
    let sections = ["\n## Installation\n", "\n## When the webhook is down\n"].map(section);
    let blocks = sections.iter().flat_map(|section| section.split("```sh\n").skip(1));
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn readme_commands_work() {
    let plane = ControlPlane::start();
    let beside = binaries::path("helm").parent().unwrap().to_owned();
    let mut path = OsString::from(beside);
    path.push(":");
    path.push(env::var_os("PATH").unwrap());
    let run_line = |line: &str| {
        let output = Command::new("sh")
            .args(["-c", line])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("PATH", &path)
            .env("KUBECONFIG", plane.kubeconfig())
            .env("HOME", plane.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}{}", output_text(&output));
        output_text(&output)
    };
    let configuration = || plane.get(&format!("{CONFIGURATIONS}/servicecidr-guard"));
    let commands = commands();
    let [install, upgrade, delete] = &commands[..] else { panic!("{commands:?}") };
    let printed = run_line(install);
    assert!(printed.contains("STATUS: deployed") && printed.contains("noOverlap         Warn"), "{printed}");
    assert_eq!(configuration().0, 200);
    let printed = run_line(upgrade);
    assert!(printed.contains("allowedRanges     Deny"), "{printed}");
    run_line(delete);
    assert_eq!(configuration().0, 404);
}
