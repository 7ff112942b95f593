//! Where the Go-built binaries are: `tests/cluster/build` makes them and says where.

use std::path::PathBuf;

/// The path of a Go-built binary.
pub fn path(name: &str) -> PathBuf {
    let folder = std::env::var_os("SERVICECIDR_GUARD_CLUSTER_BIN").expect(
        "SERVICECIDR_GUARD_CLUSTER_BIN is not set: run `make test-cluster`, which builds the parts and sets it",
    );
    let path = PathBuf::from(folder).join(name);
    assert!(path.is_file(), "{} is not there: run `make test-cluster`, which builds it", path.display());
    path
}
