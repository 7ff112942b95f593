//! `RateLimiter`: a fixed number of previews in each second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many previews are answered in a second. The kubelet and Prometheus use the same port.
pub(super) const PREVIEWS_PER_SECOND_LIMIT: u32 = 50;

/// When the current second began, and how many previews it had.
#[derive(Default)]
pub(super) struct RateLimiter(Mutex<Option<(Instant, u32)>>);

impl RateLimiter {
    /// Whether another preview is allowed in this second.
    pub fn try_acquire(&self, now: Instant) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = match *window {
            Some((since, count)) if now.duration_since(since) < Duration::from_secs(1) => (since, count),
            _ => (now, 0),
        };
        *window = Some((since, count.saturating_add(1)));
        count < PREVIEWS_PER_SECOND_LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_limit_resets_every_second() {
        let (limiter, begin) = (RateLimiter::default(), Instant::now());
        let allowed = (0..PREVIEWS_PER_SECOND_LIMIT * 3).filter(|_| limiter.try_acquire(begin)).count();
        assert_eq!(allowed, usize::try_from(PREVIEWS_PER_SECOND_LIMIT).unwrap());
        assert!(!limiter.try_acquire(begin + Duration::from_millis(999)));
        assert!(limiter.try_acquire(begin + Duration::from_secs(1)));
        let later = begin + Duration::from_millis(1500);
        assert!(!(0..PREVIEWS_PER_SECOND_LIMIT).all(|_| limiter.try_acquire(later)));
    }
}
