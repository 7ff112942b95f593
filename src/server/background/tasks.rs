//! `Tasks`: the named background tasks of the server.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio::task::JoinHandle;

/// The background tasks. None of them ends before the server.
#[derive(Default)]
pub(in crate::server) struct Tasks {
    running: Mutex<Vec<(&'static str, JoinHandle<()>)>>,
}

impl Tasks {
    /// Starts a task on this thread's runtime.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + 'static) {
        let handle = actix_web::rt::spawn(task);
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push((name, handle));
    }

    /// The names of the tasks that have ended, by a panic or otherwise.
    pub fn finished(&self) -> Vec<&'static str> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.iter().filter(|(_, handle)| handle.is_finished()).map(|(name, _)| *name).collect()
    }

    /// Aborts all tasks.
    pub fn abort(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.drain(..).for_each(|(_, handle)| handle.abort());
    }
}
