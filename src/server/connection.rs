//! Connections: which ones are open, what each of them does, and which one is closed to make room for another.
//! Both ports use this room. docs/decisions/0012-room-for-new-connections.md has the reasons.

pub(super) mod eviction;
pub(super) mod handshake_queue;
pub(super) mod listener;
pub(super) mod phase;
pub(super) mod pool;
pub(super) mod service;
pub(super) mod source;
pub(super) mod tracked_stream;
