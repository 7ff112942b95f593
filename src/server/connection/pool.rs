//! `ConnectionPool`: the open connections of a port, and the room for new ones.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::eviction::{Candidate, Reason, victims};
use super::phase::{Connection, Phase};
use super::source::SourceNetwork;

/// When room is made, it is made for this fraction of all connections, so that a flood rarely has to search.
const EVICTED_FRACTION: usize = 64;
/// The shortest time between two log lines about evictions.
const LOG_INTERVAL: Duration = Duration::from_secs(60);
/// How many sources a log line names.
const MAX_LOGGED_SOURCES: usize = 3;

/// Why the server closed a connection. The `reason` label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum CloseReason {
    /// No complete ClientHello arrived in time.
    HelloTimeout,
    /// The handshake wasn't completed in time.
    HandshakeTimeout,
    /// The handshake failed: no TLS, no common version, or no valid client certificate.
    HandshakeFailed,
    /// To make room for another connection.
    Evicted(Reason),
    /// To free the memory of its request body.
    Body,
    /// No connection could be evicted for it.
    NoRoom,
}

/// The open connections of a port.
pub(in crate::server) struct ConnectionPool {
    /// The value of the `port` label, and the field `port` of the log.
    pub name: &'static str,
    limit: usize,
    is_authenticated: bool,
    open: Mutex<OpenConnections>,
    closed: [AtomicU64; CloseReason::ALL.len()],
}

#[derive(Default)]
struct OpenConnections {
    by_id: HashMap<u64, Arc<Connection>>,
    by_source: HashMap<SourceNetwork, usize>,
    last_id: u64,
    /// Evictions since the last log line, and when that was.
    unlogged: u64,
    logged: Option<Instant>,
}

/// An open connection, until it is dropped.
pub(in crate::server) struct OpenConnection {
    connection: Arc<Connection>,
    pool: Arc<ConnectionPool>,
}

impl ConnectionPool {
    /// A pool of at most `limit` connections. `is_authenticated`: a completed handshake proves who the client is.
    pub fn new(name: &'static str, limit: usize, is_authenticated: bool) -> Self {
        Self {
            name,
            limit,
            is_authenticated,
            open: Mutex::default(),
            closed: std::array::from_fn(|_| AtomicU64::default()),
        }
    }

    /// Admits a new connection. At the limit it evicts others; `None` if none of them can be evicted.
    pub fn admit(self: &Arc<Self>, address: IpAddr, phase: Phase) -> Option<OpenConnection> {
        let source = SourceNetwork::from(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.by_id.len() >= self.limit {
            self.make_room(&mut open);
        }
        if open.by_id.len() >= self.limit {
            drop(open);
            self.record_closed(CloseReason::NoRoom);
            return None;
        }
        open.last_id += 1;
        let connection = Arc::new(Connection::new(open.last_id, source, phase));
        open.by_id.insert(connection.id, Arc::clone(&connection));
        *open.by_source.entry(source).or_default() += 1;
        Some(OpenConnection { connection, pool: Arc::clone(self) })
    }

    /// The largest number of open connections.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The percentage of connections that are not open, rounded down.
    pub fn percent_free(&self) -> u32 {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).by_id.len();
        u32::try_from(self.limit.saturating_sub(open) * 100 / self.limit).unwrap_or(100)
    }

    fn make_room(&self, open: &mut OpenConnections) {
        let now = Instant::now();
        let candidates: Vec<Candidate> = open
            .by_id
            .values()
            .map(|connection| Candidate {
                id: connection.id,
                activity: connection.activity(now),
                of_source: open.by_source.get(&connection.source).copied().unwrap_or(0),
            })
            .collect();
        let count = self.limit.div_ceil(EVICTED_FRACTION);
        let busiest = open.is_log_due(now).then(|| open.busiest_sources());
        for (id, reason) in victims(&candidates, count, self.is_authenticated) {
            if let Some(connection) = open.remove(id) {
                connection.evict();
                self.record_closed(CloseReason::Evicted(reason));
                open.unlogged += 1;
            }
        }
        if let Some(sources) = busiest {
            let evicted = std::mem::take(&mut open.unlogged);
            open.logged = Some(now);
            tracing::warn!(port = self.name, limit = self.limit, evicted, sources, "connections evicted");
        }
    }

    /// Closes a connection that receives a request body, so that its memory becomes free: of the source whose bodies
    /// use most memory, the one that has received longest. `is_same_limit`: whether a body of that size uses the memory
    /// limit that is reached. Returns whether there was one that uses more than the source of `for_whom`, or is slow.
    pub fn evict_body(&self, for_whom: &Connection, is_same_limit: impl Fn(usize) -> bool) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let mut memory: HashMap<SourceNetwork, usize> = HashMap::new();
        let receives = |connection: &&Arc<Connection>| {
            let bytes = connection.body();
            bytes > 0 && is_same_limit(bytes) && connection.phase() == Phase::Receiving && connection.id != for_whom.id
        };
        for connection in open.by_id.values().filter(receives) {
            *memory.entry(connection.source).or_default() += connection.body();
        }
        let own = memory.get(&for_whom.source).copied().unwrap_or(0) + for_whom.body();
        let use_of = |connection: &Connection| memory.get(&connection.source).copied().unwrap_or(0);
        let is_victim = |connection: &&Arc<Connection>| {
            use_of(connection) > own || connection.activity(now).lasts > super::eviction::STEP_GRACE
        };
        let victim = open.by_id.values().filter(receives).filter(is_victim);
        let victim = victim.max_by_key(|connection| (use_of(connection), connection.activity(now).lasts));
        let Some(victim) = victim.map(|connection| connection.id).and_then(|id| open.remove(id)) else { return false };
        victim.evict();
        self.record_closed(CloseReason::Body);
        true
    }

    /// Counts a connection that the server closed.
    pub fn record_closed(&self, reason: CloseReason) {
        if let Some(count) = self.closed.get(reason.index()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The number of connections that the server closed, by reason.
    pub fn closed(&self) -> impl Iterator<Item = (CloseReason, u64)> {
        let counts = self.closed.iter().map(|count| count.load(Ordering::Relaxed));
        CloseReason::ALL.into_iter().zip(counts)
    }

    /// The number of open connections in each phase.
    pub fn open(&self) -> impl Iterator<Item = (Phase, u64)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts = Phase::ALL.map(|phase| (phase, 0));
        for connection in open.by_id.values() {
            let phase = connection.phase();
            counts.iter_mut().filter(|(counted, _)| *counted == phase).for_each(|(_, count)| *count += 1);
        }
        counts.into_iter()
    }
}

impl OpenConnections {
    fn remove(&mut self, id: u64) -> Option<Arc<Connection>> {
        let connection = self.by_id.remove(&id)?;
        if let Some(count) = self.by_source.get_mut(&connection.source) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&connection.source);
            }
        }
        Some(connection)
    }

    fn is_log_due(&self, now: Instant) -> bool {
        self.logged.is_none_or(|logged| now.duration_since(logged) >= LOG_INTERVAL)
    }

    /// The sources with the most connections: `10.0.0.1 (900), 10.0.0.2 (20)`.
    fn busiest_sources(&self) -> String {
        let mut sources: Vec<(usize, String)> =
            self.by_source.iter().map(|(source, count)| (*count, source.to_string())).collect();
        sources.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let mut text = String::new();
        for (count, source) in sources.into_iter().take(MAX_LOGGED_SOURCES) {
            let separator = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{separator}{source} ({count})");
        }
        text
    }
}

impl CloseReason {
    pub const ALL: [Self; 13] = [
        Self::HelloTimeout,
        Self::HandshakeTimeout,
        Self::HandshakeFailed,
        Self::Evicted(Reason::Stalled),
        Self::Evicted(Reason::Unused),
        Self::Evicted(Reason::Idle),
        Self::Evicted(Reason::Hello),
        Self::Evicted(Reason::New),
        Self::Evicted(Reason::Recent),
        Self::Evicted(Reason::Receiving),
        Self::Evicted(Reason::Active),
        Self::Body,
        Self::NoRoom,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::HelloTimeout => "hello_timeout",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::HandshakeFailed => "handshake_failed",
            Self::Evicted(reason) => reason.as_str(),
            Self::Body => "evicted_body",
            Self::NoRoom => "no_room",
        }
    }

    fn index(self) -> usize {
        Self::ALL.into_iter().position(|reason| reason == self).unwrap_or(0)
    }
}

impl Deref for OpenConnection {
    type Target = Arc<Connection>;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl OpenConnection {
    /// Counts why the server closes it.
    pub fn record_closed(&self, reason: CloseReason) {
        self.pool.record_closed(reason);
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.pool.open.lock().unwrap_or_else(PoisonError::into_inner).remove(self.connection.id);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, number).into()
    }

    fn count(pool: &ConnectionPool, wanted: CloseReason) -> u64 {
        pool.closed().find(|(reason, _)| *reason == wanted).unwrap().1
    }

    #[tokio::test(start_paused = true)]
    async fn silent_connections_make_room() {
        let pool = Arc::new(ConnectionPool::new("webhook", 100, false));
        let silent: Vec<OpenConnection> = (0..100).map(|_| pool.admit(address(1), Phase::Hello).unwrap()).collect();
        tokio::time::advance(Duration::from_secs(1)).await;
        let caller = pool.admit(address(2), Phase::Hello).unwrap();
        assert_eq!(silent.iter().filter(|connection| connection.is_evicted()).count(), 2);
        assert!(!caller.is_evicted());
        assert_eq!(count(&pool, CloseReason::Evicted(Reason::Stalled)), 2);
        assert_eq!(pool.open().find(|(phase, _)| *phase == Phase::Hello).unwrap().1, 99);
        drop((silent, caller));
        assert_eq!(pool.open().map(|(_, count)| count).sum::<u64>(), 0);
        assert!(pool.open.lock().unwrap().by_source.is_empty());
    }

    #[test]
    fn requests_under_way_are_never_evicted() {
        let pool = Arc::new(ConnectionPool::new("webhook", 10, false));
        let busy: Vec<OpenConnection> = (0..10).map(|_| pool.admit(address(1), Phase::Evaluating).unwrap()).collect();
        assert!(pool.admit(address(2), Phase::Hello).is_none());
        assert!(busy.iter().all(|connection| !connection.is_evicted()));
        assert_eq!(count(&pool, CloseReason::NoRoom), 1);
        busy[3].enter(Phase::Responding);
        busy[3].enter(Phase::Idle);
        assert!(pool.admit(address(2), Phase::Hello).is_some() && busy[3].is_evicted());
    }

    #[test]
    fn body_memory_is_taken_from_the_source_that_uses_most() {
        let pool = Arc::new(ConnectionPool::new("webhook", 10, false));
        let open = |number, bytes| {
            let connection = pool.admit(address(number), Phase::Receiving).unwrap();
            connection.set_body(bytes);
            connection
        };
        let greedy = [open(1, 500), open(1, 500)];
        let (small, caller) = (open(2, 100), open(3, 100));
        assert!(pool.evict_body(&caller, |_| true) && pool.evict_body(&caller, |_| true));
        assert!(greedy.iter().all(|connection| connection.is_evicted()));
        // Equal shares, and none of them is slow.
        assert!(!pool.evict_body(&caller, |_| true));
        assert!(!small.is_evicted() && !caller.is_evicted());
        assert_eq!(count(&pool, CloseReason::Body), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn busiest_sources_are_logged_once_per_minute() {
        let mut open = OpenConnections::default();
        for (number, count) in [(1, 3), (2, 900), (3, 20), (4, 20)] {
            open.by_source.insert(address(number).into(), count);
        }
        assert_eq!(open.busiest_sources(), "10.0.0.2 (900), 10.0.0.3 (20), 10.0.0.4 (20)");
        assert!(open.is_log_due(Instant::now()));
        open.logged = Some(Instant::now());
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(!open.is_log_due(Instant::now()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(open.is_log_due(Instant::now()));
    }
}
