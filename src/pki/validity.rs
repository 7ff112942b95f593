//! `Validity`: from when until when a certificate is valid.

use std::time::{Duration, SystemTime};

use rcgen::CertificateParams;
use time::OffsetDateTime;

/// How long before its creation a certificate becomes valid, in seconds: the clock of a client may be behind.
const CLOCK_SKEW: i64 = 3600;

/// The period in which a certificate is valid, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    /// An hour before the certificate was created.
    pub not_before: i64,
    /// The last second in which it is valid.
    pub not_after: i64,
}

impl Validity {
    /// A validity of this duration from `now`, in seconds since 1970.
    pub fn starting_at(now: i64, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Self { not_before: now.saturating_sub(CLOCK_SKEW), not_after: now.saturating_add(seconds) }
    }

    /// A validity that ends no later than `end`.
    pub fn until_at_most(self, end: i64) -> Self {
        Self { not_after: self.not_after.min(end), ..self }
    }

    pub(super) fn apply(self, params: &mut CertificateParams) {
        // Years after 9999 can't be expressed in X.509.
        let time = |seconds| {
            OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::macros::datetime!(9999-12-31 23:59:59 UTC))
        };
        params.not_before = time(self.not_before);
        params.not_after = time(self.not_after);
    }
}

/// The wall clock, in seconds since 1970.
pub(crate) fn unix_now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
