//! Shutdown. After SIGTERM the server isn't ready and keeps serving for the drain delay, with `Connection: close`, so
//! that kube-apiserver reconnects to another replica; then it finishes requests in flight. SIGINT, or a second
//! signal, stops it immediately.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::server::state::State;

/// The signals that stop the server.
pub(in crate::server) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Installs the handlers. From now on the signals don't end the process.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for either signal.
    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Waits for a signal and stops the servers: gracefully after SIGTERM.
    pub async fn stop(mut self, state: Arc<State>, handles: [ServerHandle; 2], drain_delay: Duration) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => return stop_now(&handles).await,
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
            stop_now(&handles).await;
        }
    }
}

async fn stop_now(handles: &[ServerHandle; 2]) {
    tracing::info!(graceful = false, "stopping");
    futures_util::future::join_all(handles.iter().map(|handle| handle.stop(false))).await;
}
