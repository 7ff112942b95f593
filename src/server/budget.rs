//! `Budget`: how much memory the bodies of all requests may take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bodies up to this size are small: every review of ServiceCIDRs is, by far.
const SMALL: usize = 64 * 1024;
/// What small bodies may take together, so that a flood of large ones never starves them.
const SMALL_LANE: usize = 8 * 1024 * 1024;
/// What large bodies may take together.
const LARGE_LANE: usize = 64 * 1024 * 1024;

/// How much memory the bodies of all requests may take together, in two lanes.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget {
    small: Arc<AtomicUsize>,
    large: Arc<AtomicUsize>,
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    taken: usize,
}

/// The budget is used up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UsedUp;

impl Budget {
    /// A share of nothing yet.
    pub fn share(&self) -> Share {
        Share { budget: self.clone(), taken: 0 }
    }

    fn lane(&self, size: usize) -> (&AtomicUsize, usize) {
        if size <= SMALL { (&self.small, SMALL_LANE) } else { (&self.large, LARGE_LANE) }
    }
}

impl Share {
    /// Makes the share this large. A body that outgrows the lane of small ones moves to the other.
    pub fn grow(&mut self, size: usize) -> Result<(), UsedUp> {
        let budget = self.budget.clone();
        let (from, _) = budget.lane(self.taken);
        let (to, limit) = budget.lane(size);
        let more = if std::ptr::eq(from, to) { size - self.taken } else { size };
        let fits = |used: usize| used.checked_add(more).filter(|used| *used <= limit);
        to.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).map_err(|_| UsedUp)?;
        if !std::ptr::eq(from, to) {
            from.fetch_sub(self.taken, Ordering::AcqRel);
        }
        self.taken = size;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.lane(self.taken).0.fetch_sub(self.taken, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn large_bodies_leave_the_small_ones_their_lane() {
        let budget = Budget::default();
        let mut large: Vec<Share> = (0..9).map(|_| budget.share()).collect();
        let taken: Vec<bool> = large.iter_mut().map(|share| share.grow(7 * MIB).is_ok()).collect();
        assert_eq!(taken, [true, true, true, true, true, true, true, true, true]);
        assert_eq!(budget.share().grow(2 * MIB), Err(UsedUp));
        let mut small = budget.share();
        assert_eq!(small.grow(SMALL), Ok(()));
        // It outgrows its lane, and the other is full.
        assert_eq!(small.grow(2 * MIB), Err(UsedUp));
        large.pop();
        assert_eq!(small.grow(2 * MIB), Ok(()));
        drop((small, large));
        assert_eq!((budget.small.load(Ordering::SeqCst), budget.large.load(Ordering::SeqCst)), (0, 0));
    }

    #[test]
    fn small_bodies_have_a_limit_too() {
        let budget = Budget::default();
        let mut shares: Vec<Share> = (0..SMALL_LANE / SMALL).map(|_| budget.share()).collect();
        assert!(shares.iter_mut().all(|share| share.grow(100).is_ok() && share.grow(SMALL).is_ok()));
        assert_eq!(budget.share().grow(1), Err(UsedUp));
        shares.clear();
        assert_eq!(budget.share().grow(1), Ok(()));
    }
}
