//! `Tasks`: what runs in the background, each by name, for as long as the server does.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio::task::JoinHandle;

/// What runs in the background. None of them is meant to end before the server.
#[derive(Default)]
pub(super) struct Tasks {
    running: Mutex<Vec<(&'static str, JoinHandle<()>)>>,
}

impl Tasks {
    /// Starts one on this thread's runtime.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + 'static) {
        let handle = actix_web::rt::spawn(task);
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push((name, handle));
    }

    /// Those that have ended, by a panic or otherwise.
    pub fn dead(&self) -> Vec<&'static str> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.iter().filter(|(_, handle)| handle.is_finished()).map(|(name, _)| *name).collect()
    }

    /// Ends all.
    pub fn abort(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.drain(..).for_each(|(_, handle)| handle.abort());
    }
}
