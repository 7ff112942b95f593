//! The commands, one file each: arguments, output and exit code.

pub(super) mod certs;
pub(super) mod check;
pub(super) mod completion;
mod dev;
pub(super) mod explain;
pub(super) mod export;
pub(super) mod init;
mod managed_tls;
pub(super) mod overlaps;
pub(super) mod probe;
pub(super) mod report;
pub(super) mod scan;
pub(super) mod schema;
pub(super) mod serve;
pub(super) mod simulate;
pub(super) mod suggest;
