//! Shared by several commands: input, output, tables, findings, completion.

pub(super) mod cluster;
pub(super) mod complete;
pub(super) mod findings;
pub(super) mod input;
pub(super) mod output;
pub(super) mod output_args;
pub(super) mod plugin;
pub(super) mod policy;
pub(super) mod sources;
pub(super) mod table;
mod values;
