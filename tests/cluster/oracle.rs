//! What servicecidr-guard says, beside what the code of Kubernetes itself says: no difference.
//!
//! The questions are generated from a fixed seed. `SERVICECIDR_GUARD_ORACLE_SEED=<number>` asks others.

mod allocator; // what is allocated, of one range and of all
mod answers; // every answer is one that kube-apiserver takes
mod ask; // the oracle, `tests/oracle`, and its answers
mod cidrs; // single texts
mod creates; // CREATE, under allowed ranges and deny-all
mod deletion; // which ServiceCIDR may go
mod floor; // the floor in the CEL of the oldest Kubernetes
pub mod generate; // what is asked
mod guard; // servicecidr-guard's own answers
#[path = "../../fuzz/judge.rs"]
mod judge; // what the fuzzer asks, with every rule
mod updates; // UPDATE
mod vectors; // known questions and their answers
