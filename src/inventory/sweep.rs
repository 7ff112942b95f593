//! `SweepStatus`: how far the end of a list is, and the names that are still to be found.

use std::collections::BTreeSet;

/// How far a sweep is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum SweepStatus {
    /// There is more to look at.
    Unfinished,
    /// What the list didn't name is forgotten.
    Done,
}

/// The names that a list has yet to name. Empty when none is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct StaleNames {
    pub service_cidrs: BTreeSet<String>,
    pub nodes: BTreeSet<String>,
}

impl SweepStatus {
    pub(super) fn unless(is_done: bool) -> Self {
        if is_done { Self::Done } else { Self::Unfinished }
    }
}
