//! Tasks that run as long as the server: file reload, overlap monitor, shutdown.

pub(super) mod overlap_monitor;
pub(super) mod reload;
pub(super) mod shutdown;
pub(super) mod tasks;
