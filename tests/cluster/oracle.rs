//! Differential tests: servicecidr-guard compared with the code of Kubernetes.
//!
//! Questions are generated from a fixed seed. `SERVICECIDR_GUARD_ORACLE_SEED=<number>` sets another one.

mod allocator; // allocation from one range and from all
mod cidrs; // CIDR parsing
mod creates; // CREATE
mod deletion; // which ServiceCIDRs can be deleted
#[path = "../../fuzz/evaluator.rs"]
mod evaluator; // the policy with every rule, shared with fuzzing
pub mod generate; // random CIDRs, lists and policies
mod query; // the client of the oracle, `tests/oracle`
mod responses; // kube-apiserver accepts every response
mod updates; // UPDATE
mod vap; // CEL of `export vap` in Kubernetes 1.33
mod vectors; // recorded questions and answers
mod webhook; // responses of servicecidr-guard
