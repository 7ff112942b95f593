//! `WatchFailure`: why a list or a watch ended.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::text::single_line;

/// Why a list or a watch ended, as the label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureReason {
    /// No connection, or no trusted certificate.
    Unreachable,
    /// No response in time, or a silent watch.
    TimedOut,
    /// A response that ended too early.
    Disconnected,
    /// 401: the API server doesn't accept the account.
    Unauthorized,
    /// 403: the account lacks a permission.
    Forbidden,
    /// 404: the API server doesn't have the resource.
    NotFound,
    /// 410, or a resourceVersion that went back: the kind is listed again.
    Expired,
    /// 429: the API server asks to wait.
    Throttled,
    /// Any other 4xx.
    Rejected,
    /// 5xx, and any other status that is not 2xx.
    ServerError,
    /// A response that can't be parsed.
    InvalidResponse,
}

impl FailureReason {
    /// All reasons.
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

    /// The value of the label.
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

    /// The reason for an HTTP status, or for the code of an ERROR event, which is the same.
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

    /// Whether the next attempt may continue where this one ended. Otherwise the kind is listed again, also after a
    /// response that can't be parsed, because it may have been a change.
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

/// Why a list or a watch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WatchFailure {
    pub reason: FailureReason,
    /// The message, after `can't list servicecidrs.networking.k8s.io: `.
    pub message: String,
    /// How long the API server asks to wait.
    pub retry_after: Option<Duration>,
    /// The status code of the response, if there is one.
    pub code: Option<u16>,
}

impl WatchFailure {
    pub fn new(reason: FailureReason, message: impl fmt::Display) -> Self {
        Self { reason, message: single_line(&message.to_string()), retry_after: None, code: None }
    }

    /// A failure with the message of an error and its causes, each once.
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

    /// A failure because a resourceVersion went back.
    pub fn expired(seen: &str, version: &str) -> Self {
        Self::new(FailureReason::Expired, format!("the resourceVersion went from {seen} back to {version}"))
    }

    /// A failure from a status code, of HTTP or of an ERROR event, and the body, which may be a `Status` object.
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
        let message = match status.message.as_str() {
            "" => what,
            message => format!("{what}: {message}"),
        };
        Self { code: Some(code), ..Self::new(reason, message) }
    }
}

/// The parsed fields of a `Status`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub code: u16,
    pub message: String,
}
