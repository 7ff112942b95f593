//! A container without an engine: the image's files as read-only root, the user of the image, no privileges, and
//! mounts.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The folder where `tests/image/build` writes the image.
pub fn image() -> PathBuf {
    std::env::var_os("SERVICECIDR_GUARD_IMAGE")
        .expect("SERVICECIDR_GUARD_IMAGE isn't set: run `make image-test`")
        .into()
}

/// A script that mounts the root and runs the program in it. Arguments: the root, the user, the number of mounts, the
/// mounts as pairs, the program's arguments.
const RUN: &str = r#"
set -eu
root=$1 user=$2 count=$3
shift 3
mount --bind "$root" "$root"
while [ "$count" -gt 0 ]; do
  mount --bind "$1" "$root$2"
  mount -o remount,bind,ro "$root$2"
  shift 2
  count=$((count - 1))
done
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs chroot --userspec="$user" "$root" /servicecidr-guard "$@"
"#;

/// A command of the image with arguments, mounts (source, target) and environment variables.
pub fn command(arguments: &[&str], mounts: &[(&Path, &str)], variables: &[(&str, &str)]) -> Command {
    command_as("65532:65532", arguments, mounts, variables)
}

/// A command of the image as another user.
pub fn command_as(user: &str, arguments: &[&str], mounts: &[(&Path, &str)], variables: &[(&str, &str)]) -> Command {
    // A copy with mount points, like those of an engine.
    let root = image().join("root");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", RUN, "sh"]).arg(&root).args([user, &mounts.len().to_string()]);
    for (what, place) in mounts {
        fs::create_dir_all(root.join(place.trim_start_matches('/'))).unwrap();
        command.arg(what).arg(place);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.args(arguments).env_clear().env("PATH", path).envs(variables.iter().copied());
    command
}

/// A running container. Killed on drop.
pub struct Container(Child);

impl Container {
    pub fn start(arguments: &[&str], mounts: &[(&Path, &str)], variables: &[(&str, &str)]) -> Self {
        Self::spawn(command(arguments, mounts, variables))
    }

    pub fn spawn(mut command: Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// The user id.
    pub fn user(&self) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let ids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
        ids.split_whitespace().next().unwrap().to_owned()
    }

    /// Stops the container with SIGTERM, and returns its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes the files of a folder readable for every user, like the files of a volume for their group.
pub fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        fs::set_permissions(entry.unwrap().path(), Permissions::from_mode(0o644)).unwrap();
    }
}

pub fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.each_ref().map(|listener| listener.local_addr().unwrap().port())
}

/// Decodes base64.
pub fn decoded(text: &[u8]) -> Vec<u8> {
    let mut child = Command::new("base64").arg("-d").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    child.wait_with_output().unwrap().stdout
}
