//! `Connection`: what one connection does at the moment. Every thread can read it without a lock.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::source::SourceNetwork;

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::server) enum Phase {
    /// Connected. No complete TLS ClientHello has arrived.
    Hello,
    /// The ClientHello has arrived. The handshake waits for its turn.
    Queued,
    /// The handshake has begun. It waits for the client.
    Handshake,
    /// No request is under way.
    Idle,
    /// A part of a request has arrived.
    Receiving,
    /// A complete request is being evaluated.
    Evaluating,
    /// A response is being written.
    Responding,
}

impl Phase {
    pub const ALL: [Self; 7] =
        [Self::Hello, Self::Queued, Self::Handshake, Self::Idle, Self::Receiving, Self::Evaluating, Self::Responding];

    /// The `state` label of metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Queued => "queued",
            Self::Handshake => "handshake",
            Self::Idle => "idle",
            Self::Receiving => "receiving",
            Self::Evaluating => "evaluating",
            Self::Responding => "responding",
        }
    }
}

/// What a connection did at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Activity {
    pub phase: Phase,
    /// How long it has been in this phase.
    pub lasts: Duration,
    /// The number of requests that were answered on it.
    pub requests: u64,
}

/// An open connection.
#[derive(Debug)]
pub(in crate::server) struct Connection {
    pub(super) id: u64,
    pub(super) source: SourceNetwork,
    opened: Instant,
    /// The phase in the lowest bits, and above them the time of its begin in microseconds since `opened`.
    phase: AtomicU64,
    requests: AtomicU64,
    /// Memory of the request body, in bytes.
    body: AtomicUsize,
    /// The value of `phase` when it was evicted; `NOT_EVICTED` before.
    evicted: AtomicU64,
    eviction: Notify,
}

const PHASE_BITS: u32 = 3;
const NOT_EVICTED: u64 = u64::MAX;

impl Connection {
    pub(super) fn new(id: u64, source: SourceNetwork, phase: Phase) -> Self {
        Self {
            id,
            source,
            opened: Instant::now(),
            phase: AtomicU64::new(phase as u64),
            requests: AtomicU64::new(0),
            body: AtomicUsize::new(0),
            evicted: AtomicU64::new(NOT_EVICTED),
            eviction: Notify::new(),
        }
    }

    /// Starts a phase.
    pub fn enter(&self, phase: Phase) {
        if self.phase() == Phase::Responding && phase == Phase::Idle {
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
        let began = u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.phase.store(began << PHASE_BITS | phase as u64, Ordering::Release);
    }

    pub fn phase(&self) -> Phase {
        phase_of(self.phase.load(Ordering::Acquire))
    }

    pub(super) fn activity(&self, now: Instant) -> Activity {
        let value = self.phase.load(Ordering::Acquire);
        let began = self.opened + Duration::from_micros(value >> PHASE_BITS);
        Activity {
            phase: phase_of(value),
            lasts: now.saturating_duration_since(began),
            requests: self.requests.load(Ordering::Relaxed),
        }
    }

    /// Sets the memory of the request body, in bytes.
    pub fn set_body(&self, bytes: usize) {
        self.body.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn body(&self) -> usize {
        self.body.load(Ordering::Relaxed)
    }

    /// Asks the task of the connection to close it.
    pub(super) fn evict(&self) {
        self.evicted.store(self.phase.load(Ordering::Acquire), Ordering::Release);
        self.eviction.notify_one();
    }

    /// Whether it is to be closed as soon as no request is under way.
    pub fn is_evicted(&self) -> bool {
        self.evicted.load(Ordering::Acquire) != NOT_EVICTED
    }

    /// Whether it was evicted and a request has begun since: that request is answered first.
    fn has_new_request(&self) -> bool {
        let value = self.phase.load(Ordering::Acquire);
        match phase_of(value) {
            Phase::Evaluating => true,
            Phase::Receiving | Phase::Responding => value != self.evicted.load(Ordering::Acquire),
            Phase::Hello | Phase::Queued | Phase::Handshake | Phase::Idle => false,
        }
    }

    /// Runs `task` until it ends or the connection is evicted; then `None`.
    pub(super) async fn run<T>(&self, mut task: Pin<Box<impl Future<Output = T>>>) -> Option<T> {
        tokio::select! {
            biased;
            output = &mut task => return Some(output),
            () = self.eviction.notified() => {}
        }
        // A request may have been sent before the client can notice the eviction.
        let mut wait = ARRIVAL_TIME;
        let deadline = Instant::now() + LAST_REQUEST_TIMEOUT;
        loop {
            if let Ok(output) = tokio::time::timeout(wait, &mut task).await {
                return Some(output);
            }
            let is_late = Instant::now() >= deadline && self.phase() != Phase::Evaluating;
            if is_late || !self.has_new_request() {
                return None;
            }
            wait = LAST_REQUEST_POLL_INTERVAL;
        }
    }
}

/// How long an evicted connection is still read, for a request that is already in the receive buffer.
const ARRIVAL_TIME: Duration = Duration::from_millis(1);
/// How long the last request of an evicted connection may take to arrive and to be answered.
const LAST_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);
const LAST_REQUEST_POLL_INTERVAL: Duration = Duration::from_millis(5);

fn phase_of(value: u64) -> Phase {
    let number = value & ((1 << PHASE_BITS) - 1);
    Phase::ALL.into_iter().find(|phase| *phase as u64 == number).unwrap_or(Phase::Idle)
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use super::*;

    fn connection(phase: Phase) -> Arc<Connection> {
        Arc::new(Connection::new(1, SourceNetwork::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST)), phase))
    }

    #[tokio::test(start_paused = true)]
    async fn phases_have_durations() {
        let connection = connection(Phase::Hello);
        tokio::time::advance(Duration::from_secs(3)).await;
        let activity = connection.activity(Instant::now());
        assert_eq!(activity, Activity { phase: Phase::Hello, lasts: Duration::from_secs(3), requests: 0 });
        for phase in Phase::ALL {
            connection.enter(phase);
            assert_eq!(connection.phase(), phase);
        }
        connection.enter(Phase::Idle);
        tokio::time::advance(Duration::from_secs(7)).await;
        let activity = connection.activity(Instant::now());
        assert_eq!(activity, Activity { phase: Phase::Idle, lasts: Duration::from_secs(7), requests: 1 });
    }

    #[tokio::test(start_paused = true)]
    async fn eviction_ends_idle_and_stalled_connections() {
        for phase in [Phase::Hello, Phase::Handshake, Phase::Idle, Phase::Receiving, Phase::Responding] {
            let connection = connection(phase);
            connection.evict();
            assert!(connection.is_evicted());
            assert_eq!(connection.run(Box::pin(pending::<()>())).await, None, "{phase:?}");
        }
        assert_eq!(connection(Phase::Idle).run(Box::pin(async { 7 })).await, Some(7));
    }

    #[tokio::test(start_paused = true)]
    async fn evicted_connection_answers_a_request_that_has_arrived() {
        let connection = connection(Phase::Idle);
        connection.evict();
        let request = async {
            connection.enter(Phase::Receiving);
            tokio::time::sleep(Duration::from_millis(500)).await;
            connection.enter(Phase::Evaluating);
            tokio::time::sleep(Duration::from_secs(30)).await;
            connection.enter(Phase::Responding);
            connection.enter(Phase::Idle);
            pending::<()>().await;
        };
        let began = Instant::now();
        assert_eq!(connection.run(Box::pin(request)).await, None);
        assert!(began.elapsed() >= Duration::from_millis(30_500) && connection.activity(Instant::now()).requests == 1);
    }

    #[tokio::test(start_paused = true)]
    async fn evicted_connection_does_not_wait_for_a_slow_request() {
        let connection = connection(Phase::Idle);
        connection.evict();
        let request = async {
            connection.enter(Phase::Receiving);
            pending::<()>().await;
        };
        let began = Instant::now();
        assert_eq!(connection.run(Box::pin(request)).await, None);
        assert!(began.elapsed() < LAST_REQUEST_TIMEOUT * 2);
    }
}
