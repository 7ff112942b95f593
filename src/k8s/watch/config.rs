//! `WatchConfig`: timeouts and backoff of lists and watches.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

/// Timeouts and backoff. The default is for clusters; tests scale it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchConfig {
    /// The longest first pause after a failure. It doubles with each further failure.
    pub backoff_initial: Duration,
    /// The longest pause.
    pub backoff_max: Duration,
    /// How long a watch must stay open to reset the backoff.
    pub stable_after: Duration,
    /// How long the API server keeps a watch open (`timeoutSeconds`), rounded up to seconds.
    pub watch: Duration,
    /// How long a watch may be silent before it is closed. Longer than `watch`.
    pub idle_timeout: Duration,
    /// How long the API server may take for the head of a response.
    pub response_timeout: Duration,
    /// How long the API server may take for a whole page of a list.
    pub page_timeout: Duration,
    /// The number of objects in a page of a list.
    pub page_size: u32,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            backoff_initial: Duration::from_secs(1),
            backoff_max: Duration::from_secs(30),
            stable_after: Duration::from_secs(5),
            watch: Duration::from_secs(45),
            idle_timeout: Duration::from_secs(60),
            response_timeout: Duration::from_secs(30),
            page_timeout: Duration::from_secs(60),
            page_size: 500,
        }
    }
}

/// The longest `Retry-After` that is obeyed: an API server that asks for a day must not stop the watch for a day.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

impl WatchConfig {
    /// The pause after the `failures`th failure in a row, counted from 1. `chance` spreads clients that failed at the
    /// same time: the pause is between half and all of the backoff. A longer pause that the API server asks for is
    /// obeyed, up to five minutes.
    ///
    /// ```
    /// use std::time::Duration;
    /// use servicecidr_guard::k8s::WatchConfig;
    ///
    /// let pause = |failures, chance| WatchConfig::default().pause(failures, chance, None).as_millis();
    /// assert_eq!([pause(1, 0), pause(1, u16::MAX)], [500, 1_000]);
    /// assert_eq!([pause(3, 0), pause(3, u16::MAX)], [2_000, 4_000]);
    /// assert_eq!([pause(9, 0), pause(9, u16::MAX)], [15_000, 30_000]);
    /// let retry_after = Some(Duration::from_secs(7));
    /// assert_eq!(WatchConfig::default().pause(1, 0, retry_after), Duration::from_secs(7));
    /// ```
    #[must_use]
    pub fn pause(&self, failures: u32, jitter: u16, retry_after: Option<Duration>) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let whole = self.backoff_initial.saturating_mul(doubled).min(self.backoff_max);
        let half = whole / 2;
        let pause = half + half.mul_f64(f64::from(jitter) / f64::from(u16::MAX));
        pause.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER))
    }

    /// [`pause`](Self::pause) with a random jitter.
    #[must_use]
    pub fn random_pause(&self, failures: u32, retry_after: Option<Duration>) -> Duration {
        let [a, b, ..] = RandomState::new().hash_one(0_u8).to_le_bytes();
        self.pause(failures, u16::from_le_bytes([a, b]), retry_after)
    }

    /// `timeoutSeconds` of a watch.
    pub(super) fn watch_seconds(&self) -> u32 {
        u32::try_from(self.watch.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
    }
}
