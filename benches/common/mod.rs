//! What the benchmarks share.
#![allow(dead_code, reason = "each benchmark uses a part")]

pub mod cluster;
pub mod peer;
pub mod table;
