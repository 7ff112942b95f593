//! `BodyMemoryLimit`: how much memory the bodies of all requests may use together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies up to this size count as small, in bytes: every review of a ServiceCIDR does, by far.
const MAX_SMALL_BODY_BYTES: usize = 64 * 1024;
/// Memory of all small bodies, in KiB: kept apart, so that a flood of large bodies never blocks them.
const SMALL_BODY_LIMIT: usize = 8 * 1024;
/// Memory of all large bodies, in KiB.
const LARGE_BODY_LIMIT: usize = 64 * 1024;

/// How much memory the bodies of all requests may use together. Semaphores count KiB.
#[derive(Debug)]
pub(in crate::server) struct BodyMemoryLimit {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// The memory of one body, released when it is dropped.
#[derive(Debug)]
pub(in crate::server) struct Permit<'a> {
    limit: &'a BodyMemoryLimit,
    permit: Option<OwnedSemaphorePermit>,
}

/// The limit is reached.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) struct Exhausted;

impl Default for BodyMemoryLimit {
    fn default() -> Self {
        Self { small: Arc::new(Semaphore::new(SMALL_BODY_LIMIT)), large: Arc::new(Semaphore::new(LARGE_BODY_LIMIT)) }
    }
}

impl BodyMemoryLimit {
    /// A permit for a body of which nothing is read yet.
    pub fn permit(&self) -> Permit<'_> {
        Permit { limit: self, permit: None }
    }
}

impl Permit<'_> {
    /// Grows the permit to a body of `bytes`. A body that is no longer small moves to the limit of large ones.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let semaphore = if is_small(bytes) { &self.limit.small } else { &self.limit.large };
        let is_same = |permit: &&mut OwnedSemaphorePermit| Arc::ptr_eq(permit.semaphore(), semaphore);
        let same = self.permit.as_mut().filter(is_same);
        let kib = bytes.div_ceil(1024) - same.as_ref().map_or(0, |permit| permit.num_permits());
        let kib = u32::try_from(kib).map_err(|_| Exhausted)?;
        let more = Arc::clone(semaphore).try_acquire_many_owned(kib).map_err(|_| Exhausted)?;
        match same {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        Ok(())
    }
}

/// Whether a body of `bytes` uses the memory of small bodies.
pub(super) fn is_small(bytes: usize) -> bool {
    bytes <= MAX_SMALL_BODY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn large_bodies_do_not_block_small_ones() {
        let limit = BodyMemoryLimit::default();
        let mut large: Vec<Permit<'_>> = (0..9).map(|_| limit.permit()).collect();
        let granted: Vec<bool> = large.iter_mut().map(|permit| permit.grow(7 * MIB).is_ok()).collect();
        assert_eq!(granted, [true, true, true, true, true, true, true, true, true]);
        assert_eq!(limit.permit().grow(2 * MIB), Err(Exhausted));
        let mut small = limit.permit();
        assert_eq!(small.grow(MAX_SMALL_BODY_BYTES), Ok(()));
        // A larger body needs the limit of large bodies, which is reached.
        assert_eq!(small.grow(2 * MIB), Err(Exhausted));
        large.pop();
        assert_eq!(small.grow(2 * MIB), Ok(()));
        drop((small, large));
        let free = (limit.small.available_permits(), limit.large.available_permits());
        assert_eq!(free, (SMALL_BODY_LIMIT, LARGE_BODY_LIMIT));
    }

    #[test]
    fn small_bodies_have_a_limit_too() {
        let limit = BodyMemoryLimit::default();
        let mut permits: Vec<Permit<'_>> =
            (0..SMALL_BODY_LIMIT * 1024 / MAX_SMALL_BODY_BYTES).map(|_| limit.permit()).collect();
        assert!(permits.iter_mut().all(|permit| permit.grow(100).is_ok() && permit.grow(MAX_SMALL_BODY_BYTES).is_ok()));
        assert_eq!(limit.permit().grow(1), Err(Exhausted));
        permits.clear();
        assert_eq!(limit.permit().grow(1), Ok(()));
    }
}
