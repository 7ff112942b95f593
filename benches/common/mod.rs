//! Shared code of the benchmarks.
#![allow(dead_code, reason = "no benchmark uses all of it")]

pub mod api;
pub mod client;
pub mod cluster;
pub mod peer;
pub mod process;
pub mod program;
pub mod table;
