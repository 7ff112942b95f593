//! `Status`: the state of the watch of a kind, and the age of its objects.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::inventory::Freshness;

use super::failure::FailureReason;

/// The largest number of skipped objects that are kept by name.
const MAX_SKIPPED_NAMES: usize = 1000;

/// The state of the watch of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether the kind is watched: Nodes are only if a policy needs them.
    pub is_wanted: bool,
    /// Whether a first list is complete. Before, the inventory lacks objects.
    pub is_listed: bool,
    /// The number of objects of the last list that were read.
    pub seen: u64,
    /// The number of objects of the last list, if the API server reports it.
    pub expected: Option<u64>,
    /// The time since the API server last confirmed the state: by a list, an event, a bookmark or an opened watch.
    /// Measured with a monotonic clock.
    pub age: Option<Duration>,
    /// The number of objects in the inventory.
    pub objects: u64,
    /// The number of existing objects that are skipped, in whole or in part.
    pub left_out: u64,
    /// The number of complete lists after the first.
    pub relists: u64,
    /// The number of opened watches after the first.
    pub reconnects: u64,
    /// The number of failed lists and watches, by reason.
    pub errors: BTreeMap<FailureReason, u64>,
    /// The last failure, until the next success.
    pub last_error: Option<String>,
}

/// The progress that a watch loop reports.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub is_wanted: bool,
    is_listed: bool,
    seen: u64,
    expected: Option<u64>,
    fresh_at: Option<Instant>,
    lists: u64,
    watches: u64,
    errors: BTreeMap<FailureReason, u64>,
    last_error: Option<String>,
    left_out: BTreeSet<String>,
    /// The number of further skipped objects, without names.
    left_out_more: u64,
}

impl Progress {
    pub fn list_began(&mut self) {
        self.seen = 0;
        self.expected = None;
        self.left_out.clear();
        self.left_out_more = 0;
    }

    pub fn page_read(&mut self, items: usize, remaining: Option<u64>) {
        self.seen += items as u64;
        self.expected = remaining.map(|remaining| self.seen + remaining);
    }

    /// The list is as old as the request for its first page.
    pub fn list_ended(&mut self, began: Instant) {
        self.is_listed = true;
        self.expected = Some(self.seen);
        self.lists += 1;
        self.proved(began);
    }

    pub fn watch_opened(&mut self, at: Instant) {
        self.watches += 1;
        self.proved(at);
    }

    pub fn proved(&mut self, at: Instant) {
        self.fresh_at = self.fresh_at.max(Some(at));
        self.last_error = None;
    }

    pub fn failed(&mut self, reason: FailureReason, error: String) {
        *self.errors.entry(reason).or_default() += 1;
        self.last_error = Some(error);
    }

    /// Records whether a part of an existing or deleted object is skipped. Returns the count if it grew.
    pub fn left_out(&mut self, name: &str, is_left_out: bool) -> Option<u64> {
        if !is_left_out {
            self.left_out.remove(name);
            return None;
        }
        let is_new = if name.is_empty() || self.left_out.len() >= MAX_SKIPPED_NAMES {
            self.left_out_more += u64::from(!self.left_out.contains(name));
            !self.left_out.contains(name)
        } else {
            self.left_out.insert(name.to_owned())
        };
        is_new.then(|| self.count_left_out())
    }

    /// Removes the counts of objects that are no longer watched.
    pub fn ceased(&mut self) {
        let errors = std::mem::take(&mut self.errors);
        *self = Self { errors, lists: self.lists, watches: self.watches, ..Self::default() };
    }

    fn count_left_out(&self) -> u64 {
        self.left_out.len() as u64 + self.left_out_more
    }

    pub fn freshness(&self, now: Instant) -> Freshness {
        match self.fresh_at.filter(|_| self.is_listed) {
            Some(at) => Freshness::Age(now.saturating_duration_since(at)),
            None => Freshness::Syncing,
        }
    }

    pub fn status(&self, objects: u64, now: Instant) -> Status {
        let errors = FailureReason::ALL.map(|reason| (reason, self.errors.get(&reason).copied().unwrap_or(0)));
        Status {
            is_wanted: self.is_wanted,
            is_listed: self.is_listed,
            seen: self.seen,
            expected: self.expected,
            age: self.fresh_at.map(|at| now.saturating_duration_since(at)),
            objects,
            left_out: self.count_left_out(),
            relists: self.lists.saturating_sub(1),
            reconnects: self.watches.saturating_sub(1),
            errors: errors.into(),
            last_error: self.last_error.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_counts_from_last_confirmation() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut progress = Progress::default();
        let age = |progress: &Progress, now| progress.status(0, after(now)).age.map(|age| age.as_secs());
        assert_eq!(age(&progress, 5), None);
        progress.list_ended(after(10));
        assert_eq!(age(&progress, 30), Some(20));
        progress.watch_opened(after(40));
        assert_eq!(age(&progress, 100), Some(60));
        progress.failed(FailureReason::Unreachable, "no".to_owned());
        assert_eq!(age(&progress, 200), Some(160));
        progress.proved(after(200));
        assert_eq!(age(&progress, 200), Some(0));
        progress.list_ended(after(150));
        assert_eq!(age(&progress, 200), Some(0));
    }

    #[test]
    fn skipped_object_is_counted_once() {
        let mut progress = Progress::default();
        assert_eq!(progress.left_out("a", true), Some(1));
        assert_eq!(progress.left_out("a", true), None);
        assert_eq!(progress.left_out("b", true), Some(2));
        assert_eq!(progress.left_out("a", false), None);
        assert_eq!(progress.left_out("", true), Some(2));
        for number in 0..2 * MAX_SKIPPED_NAMES {
            progress.left_out(&number.to_string(), true);
        }
        assert_eq!(progress.status(0, Instant::now()).left_out, 2 + 2 * MAX_SKIPPED_NAMES as u64);
        progress.list_began();
        assert_eq!(progress.status(0, Instant::now()).left_out, 0);
    }
}
