//! `victims`: which connections are closed to make room. A pure function of what they do.

use std::cmp::Reverse;
use std::time::Duration;

use super::phase::{Activity, Phase};

/// How long a client may take for the next step of a ClientHello, before its connection counts as stalled.
const HELLO_GRACE: Duration = Duration::from_millis(500);
/// The same for a handshake, a request or a response, and for the first request of a connection.
pub(super) const STEP_GRACE: Duration = Duration::from_secs(1);
/// A client may be writing its next request on a connection that had one this recently.
const RECENT_USE: Duration = Duration::from_secs(5);
/// A connection with several requests, the last one this recently, is in constant use. To replace it by a new one would
/// cost a handshake, which takes as much CPU time as ten requests.
const ACTIVE_USE: Duration = Duration::from_secs(2);
/// New connections have a reserve, and so have those that receive a request: this fraction of all connections. Beyond it
/// they come before connections with a recent request.
const RESERVE_FRACTION: usize = 4;
/// A source with this fraction of all connections is evicted from first.
const GREEDY_FRACTION: usize = 8;

/// Why a connection may be closed, in the order of eviction. The `reason` label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Reason {
    /// The client doesn't go on with its ClientHello, handshake or request, or doesn't read its response.
    Stalled,
    /// The handshake is done and no request came.
    Unused,
    /// The last request was more than five seconds ago.
    Idle,
    /// The connection is new and has not sent a complete ClientHello.
    Hello,
    /// The connection is new and has sent a ClientHello.
    New,
    /// A request was answered in the last five seconds.
    Recent,
    /// A part of a request has arrived, in the last second.
    Receiving,
    /// Several requests were answered, the last one less than two seconds ago.
    Active,
}

/// A connection that may be evicted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub id: u64,
    pub activity: Activity,
    /// The number of connections of its source.
    pub of_source: usize,
}

/// The `count` connections of least use. Fewer if the others have a request that is being evaluated.
///
/// Within a reason, sources with many connections come first, then connections that have waited longest. With
/// `is_authenticated`, a completed handshake proves who the client is: then new connections come before idle ones.
pub(super) fn victims(candidates: &[Candidate], count: usize, is_authenticated: bool) -> Vec<(u64, Reason)> {
    let mut ranked: Vec<(Reason, &Candidate)> =
        candidates.iter().filter_map(|candidate| Some((reason(candidate.activity)?, candidate))).collect();
    let count_of = |wanted: Reason| ranked.iter().filter(|(reason, _)| *reason == wanted).count();
    let reserve = candidates.len() / RESERVE_FRACTION;
    let is_receiving_over = count_of(Reason::Receiving) > reserve;
    let is_new_over = count_of(Reason::New) > reserve;
    let is_hello_over = count_of(Reason::Hello) + count_of(Reason::New) > reserve;
    let order = |reason: Reason| match reason {
        Reason::Stalled => 0,
        Reason::Hello if is_hello_over && is_authenticated => 1,
        Reason::New if is_new_over && is_authenticated => 2,
        Reason::Unused => 3,
        Reason::Idle => 4,
        Reason::Receiving if is_receiving_over => 5,
        Reason::Hello if is_hello_over => 6,
        Reason::New if is_new_over => 7,
        Reason::Recent => 8,
        Reason::Hello => 9,
        Reason::New => 10,
        Reason::Receiving => 11,
        Reason::Active => 12,
    };
    let key = |(reason, candidate): &(Reason, &Candidate)| {
        let is_greedy = candidate.of_source > candidates.len() / GREEDY_FRACTION;
        (order(*reason), !is_greedy, Reverse(candidate.activity.lasts), candidate.id)
    };
    if count < ranked.len() {
        ranked.select_nth_unstable_by_key(count, key);
        ranked.truncate(count);
    }
    ranked.into_iter().map(|(reason, candidate)| (candidate.id, reason)).collect()
}

/// Why the connection may be evicted; `None` if a complete request has arrived and its response is not sent.
fn reason(activity: Activity) -> Option<Reason> {
    let Activity { phase, lasts, requests } = activity;
    match phase {
        Phase::Hello if lasts > HELLO_GRACE => Some(Reason::Stalled),
        Phase::Handshake | Phase::Receiving | Phase::Responding if lasts > STEP_GRACE => Some(Reason::Stalled),
        Phase::Hello => Some(Reason::Hello),
        // However long: the client can't do anything to get its turn.
        Phase::Queued | Phase::Handshake => Some(Reason::New),
        Phase::Idle if requests == 0 && lasts > STEP_GRACE => Some(Reason::Unused),
        Phase::Idle if requests == 0 => Some(Reason::New),
        Phase::Idle if lasts > RECENT_USE => Some(Reason::Idle),
        Phase::Idle if requests > 1 && lasts < ACTIVE_USE => Some(Reason::Active),
        Phase::Idle => Some(Reason::Recent),
        Phase::Receiving => Some(Reason::Receiving),
        Phase::Evaluating | Phase::Responding => None,
    }
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stalled => "evicted_stalled",
            Self::Unused => "evicted_unused",
            Self::Idle => "evicted_idle",
            Self::Hello => "evicted_hello",
            Self::New => "evicted_new",
            Self::Recent => "evicted_recent",
            Self::Receiving => "evicted_receiving",
            Self::Active => "evicted_active",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNUSED: u64 = 0;
    const USED: u64 = 1;
    const ACTIVE: u64 = 2;

    fn candidates(all: &[(Phase, u64, u64, usize)]) -> Vec<Candidate> {
        let candidate = |(id, (phase, milliseconds, requests, of_source)): (usize, &(Phase, u64, u64, usize))| {
            let activity = Activity { phase: *phase, lasts: Duration::from_millis(*milliseconds), requests: *requests };
            Candidate { id: id as u64, activity, of_source: *of_source }
        };
        all.iter().enumerate().map(candidate).collect()
    }

    /// The order in which single connections are evicted.
    fn order(all: &[(Phase, u64, u64, usize)], is_authenticated: bool) -> Vec<u64> {
        let mut left = candidates(all);
        let mut order = Vec::new();
        while let [(id, _)] = victims(&left, 1, is_authenticated)[..] {
            left.retain(|candidate| candidate.id != id);
            order.push(id);
        }
        order
    }

    #[test]
    fn least_useful_connection_is_evicted_first() {
        let all = [
            (Phase::Evaluating, 60_000, USED, 1),
            (Phase::Receiving, 900, USED, 1),
            (Phase::Idle, 4_000, USED, 1),
            (Phase::Idle, 5_001, USED, 1),
            (Phase::Idle, 90_000, USED, 1),
            (Phase::Idle, 1_001, UNUSED, 1),
            (Phase::Hello, 501, UNUSED, 1),
            (Phase::Receiving, 1_001, USED, 1),
            (Phase::Idle, 4_999, USED, 1),
            (Phase::Responding, 500, USED, 1),
            (Phase::Idle, 1_999, ACTIVE, 1),
            (Phase::Idle, 2_000, ACTIVE, 1),
        ];
        // Stalled, unused, idle, recent, receiving, active; the longest first.
        assert_eq!(order(&all, false), [7, 6, 5, 4, 3, 8, 2, 11, 1, 10]);
    }

    #[test]
    fn new_connections_have_a_reserve() {
        let recent = |_| (Phase::Idle, 1_000, USED, 1);
        let mut all: Vec<(Phase, u64, u64, usize)> = (0..6).map(recent).collect();
        // Up to a quarter of all: used connections go first.
        all.extend([(Phase::Hello, 10, UNUSED, 1), (Phase::Handshake, 20, UNUSED, 1)]);
        assert_eq!(victims(&candidates(&all), 1, false), [(0, Reason::Recent)]);
        // Beyond that, those without a ClientHello, and then the longest with one.
        all.push((Phase::Queued, 4_000, UNUSED, 1));
        assert_eq!(victims(&candidates(&all), 1, false), [(6, Reason::Hello)]);
        all.extend([(Phase::Handshake, 16, UNUSED, 1), (Phase::Idle, 17, UNUSED, 1)]);
        assert_eq!(victims(&candidates(&all), 2, false), [(6, Reason::Hello), (8, Reason::New)]);
    }

    #[test]
    fn connections_that_receive_have_a_reserve() {
        let mut all = vec![(Phase::Idle, 1_000, USED, 1), (Phase::Hello, 10, UNUSED, 1)];
        all.extend((0..6).map(|number| (Phase::Receiving, 900 + number, UNUSED, 1)));
        // The longest ones, until they are no more than a quarter of all.
        assert_eq!(victims(&candidates(&all), 1, false), [(7, Reason::Receiving)]);
        assert_eq!(victims(&candidates(&all[..3]), 1, false), [(2, Reason::Receiving)]);
        let few = [&all[..3], &[(Phase::Idle, 500, USED, 1); 5]].concat();
        assert_eq!(victims(&candidates(&few), 1, false), [(0, Reason::Recent)]);
    }

    #[test]
    fn authenticated_connections_are_kept_longest() {
        let all = [
            (Phase::Idle, 90_000, USED, 1),
            (Phase::Idle, 2_000, UNUSED, 1),
            (Phase::Hello, 10, UNUSED, 1),
            (Phase::Handshake, 20, UNUSED, 1),
        ];
        assert_eq!(victims(&candidates(&all), 1, true), [(2, Reason::Hello)]);
        assert_eq!(victims(&candidates(&all), 1, false), [(1, Reason::Unused)]);
    }

    #[test]
    fn sources_with_many_connections_are_evicted_from_first() {
        let mut all = vec![(Phase::Idle, 60_000, USED, 1)];
        all.extend((0..20).map(|number| (Phase::Idle, 10_000 + number, USED, 20)));
        let chosen = victims(&candidates(&all), 20, false);
        assert!(chosen.iter().all(|(id, reason)| *id != 0 && *reason == Reason::Idle), "{chosen:?}");
        assert_eq!(victims(&candidates(&all), 21, false).len(), 21);
    }

    #[test]
    fn evaluated_requests_are_never_evicted() {
        let all = [(Phase::Evaluating, 1_000_000, UNUSED, 9), (Phase::Responding, 1, UNUSED, 9)];
        assert_eq!(victims(&candidates(&all), 5, false), []);
        assert_eq!(victims(&candidates(&all), 5, true), []);
    }
}
