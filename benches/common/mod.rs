//! Shared code of the benchmarks.
#![allow(dead_code, reason = "each benchmark uses a part")]

pub mod api;
pub mod client;
pub mod cluster;
pub mod peer;
pub mod process;
pub mod program;
pub mod table;
