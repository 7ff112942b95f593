//! `WatchFailure`: why a list or a watch didn't go on.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::text::single_line;

/// Why a list or a watch didn't go on, as metrics count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureReason {
    /// No connection, or none that is trusted.
    Unreachable,
    /// No answer in time, or a watch that said nothing for too long.
    TimedOut,
    /// An answer that ended too early.
    Disconnected,
    /// 401: the account is not accepted.
    Unauthorized,
    /// 403: the account lacks a permission.
    Forbidden,
    /// 404: the API server doesn't have the resource.
    NotFound,
    /// 410, or a resourceVersion that went back: what was known is listed anew.
    Expired,
    /// 429: asked to wait.
    Throttled,
    /// Any other 4xx.
    Rejected,
    /// 5xx, and whatever else isn't 2xx.
    ServerError,
    /// An answer that can't be understood.
    InvalidResponse,
}

impl FailureReason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Unreachable,
        Self::TimedOut,
        Self::Disconnected,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Expired,
        Self::Throttled,
        Self::Rejected,
        Self::ServerError,
        Self::InvalidResponse,
    ];

    /// Its name in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed-out",
            Self::Disconnected => "disconnected",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Expired => "expired",
            Self::Throttled => "throttled",
            Self::Rejected => "rejected",
            Self::ServerError => "server-error",
            Self::InvalidResponse => "invalid-response",
        }
    }

    /// That of an HTTP status, or of the code of an ERROR event, which is the same.
    pub(super) fn from_status_code(code: u16) -> Self {
        match code {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            410 => Self::Expired,
            429 => Self::Throttled,
            400..=499 => Self::Rejected,
            _ => Self::ServerError,
        }
    }

    /// Whether the next try may go on where this one ended. Otherwise everything is listed anew: after
    /// what can't be understood too, for it may have been a change.
    pub(super) fn can_resume(self) -> bool {
        match self {
            Self::Unreachable
            | Self::TimedOut
            | Self::Disconnected
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::Throttled
            | Self::ServerError => true,
            Self::Expired | Self::Rejected | Self::InvalidResponse => false,
        }
    }
}

/// Why a list or a watch didn't go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WatchFailure {
    pub reason: FailureReason,
    /// For people, after `can't list servicecidrs.networking.k8s.io: `.
    pub message: String,
    /// How long the API server asks to wait.
    pub retry_after: Option<Duration>,
}

impl WatchFailure {
    pub fn new(reason: FailureReason, message: impl fmt::Display) -> Self {
        Self { reason, message: single_line(&message.to_string()), retry_after: None }
    }

    /// With everything that an error says about its causes, each once.
    pub fn from_error(reason: FailureReason, error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            let more = next.to_string();
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            cause = next.source();
        }
        Self::new(reason, text)
    }

    /// A resourceVersion that went back.
    pub fn expired(seen: &str, version: &str) -> Self {
        Self::new(FailureReason::Expired, format!("the resourceVersion went from {seen} back to {version}"))
    }

    /// From a status code, HTTP's or that of an ERROR event, and the `Status` object with it, which
    /// need not be one.
    pub fn from_status(code: u16, body: &[u8]) -> Self {
        let reason = FailureReason::from_status_code(code);
        let status: Status = serde_json::from_slice(body).unwrap_or_default();
        let what = match reason {
            FailureReason::Unauthorized => "unauthorized: the API server doesn't accept the account".to_owned(),
            FailureReason::Forbidden => "forbidden".to_owned(),
            FailureReason::NotFound => "not found: ServiceCIDRs need Kubernetes 1.33 or newer".to_owned(),
            FailureReason::Throttled => "too many requests".to_owned(),
            _ => format!("the API server responded with {code}"),
        };
        match status.message.as_str() {
            "" => Self::new(reason, what),
            message => Self::new(reason, format!("{what}: {message}")),
        }
    }
}

/// A `Status` of the API, as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub code: u16,
    pub message: String,
}
