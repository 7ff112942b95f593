//! `SweepStatus`: whether a sweep is done, and the names that a list has not contained yet.

use std::collections::BTreeSet;

/// Whether a sweep is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum SweepStatus {
    /// There are more objects to visit.
    Unfinished,
    /// The objects that are not in the list are removed.
    Done,
}

/// The names that the current list has not contained yet. Empty if no list is in progress.
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
