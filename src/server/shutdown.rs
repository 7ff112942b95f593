//! The end: from SIGTERM on not ready, and for a while every answer closes its connection, until
//! kube-apiserver has found the others; then requests in flight are finished. SIGINT, or a second signal,
//! ends at once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::State;

/// The signals that end the server.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they don't end the process by themselves.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for either.
    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Stops the servers as the signals ask for.
    pub async fn stop(mut self, state: Arc<State>, handles: [ServerHandle; 2], drain_delay: Duration) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => return at_once(&handles).await,
        }
        state.drain();
        tracing::info!(drain_seconds = drain_delay.as_secs_f64(), "draining");
        let gracefully = async {
            tokio::time::sleep(drain_delay).await;
            tracing::info!(graceful = true, "stopping");
            futures_util::future::join_all(handles.iter().map(|handle| handle.stop(true))).await;
        };
        let is_done = tokio::select! {
            () = gracefully => true,
            () = self.any() => false,
        };
        if !is_done {
            at_once(&handles).await;
        }
    }
}

async fn at_once(handles: &[ServerHandle; 2]) {
    tracing::info!(graceful = false, "stopping");
    futures_util::future::join_all(handles.iter().map(|handle| handle.stop(false))).await;
}
