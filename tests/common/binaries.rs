//! The folder of the programs that `tests/cluster/build` builds with Go.

use std::path::PathBuf;

/// The path of a program built with Go.
pub fn path(name: &str) -> PathBuf {
    let folder = std::env::var_os("SERVICECIDR_GUARD_CLUSTER_BIN").expect(
        "SERVICECIDR_GUARD_CLUSTER_BIN is not set: run `make test-cluster`, which builds the programs and sets it",
    );
    let path = PathBuf::from(folder).join(name);
    assert!(path.is_file(), "{} doesn't exist: run `make test-cluster`, which builds it", path.display());
    path
}
