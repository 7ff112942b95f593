//! `Status`: how far a kind is followed, and since when nothing was heard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::inventory::Freshness;

use super::failure::FailureReason;

/// How many names are kept of what is left out.
const MAX_SKIPPED_NAMES: usize = 1000;

/// How far a kind is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether it is followed at all: Nodes are only while a policy asks for them.
    pub is_wanted: bool,
    /// Whether a list was read to its end. Before, the inventory lacks what is not read yet.
    pub is_listed: bool,
    /// How many objects of the last list were read.
    pub seen: u64,
    /// How many it has, if the API server says so.
    pub expected: Option<u64>,
    /// How long ago the API server last proved what is known to be so: by a list, an event, a bookmark or
    /// a watch that it opened. By a clock that never jumps.
    pub age: Option<Duration>,
    /// How many objects are known.
    pub objects: u64,
    /// How many objects of those that there are, are left out, in whole or in part.
    pub left_out: u64,
    /// How many lists were read to their end after the first.
    pub relists: u64,
    /// How many watches were opened after the first.
    pub reconnects: u64,
    /// How often a list or a watch failed, for every reason there is.
    pub errors: BTreeMap<FailureReason, u64>,
    /// What went wrong last, until something goes right.
    pub last_error: Option<String>,
}

/// What a loop tells of itself.
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
    /// How many more there are, whose names are not kept.
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

    /// The list is as old as the answer that began it.
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

    /// An object is there, or is gone: whether something of it is left out. Gives the count if it grew.
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

    /// Objects that are no longer followed.
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
