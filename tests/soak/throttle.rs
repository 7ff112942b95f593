//! `Throttle`: a program that gets a part of the time, as under a CPU limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long it runs, and out of how long.
const RUN: Duration = Duration::from_millis(4);
pub const PERIOD: Duration = Duration::from_millis(40);

pub struct Throttle {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Throttle {
    pub fn start(process: u32) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let its = Arc::clone(&is_over);
        let pid = Pid::from_raw(process.try_into().unwrap()).unwrap();
        let thread = thread::spawn(move || {
            let mut due = Instant::now();
            while !its.load(Ordering::Relaxed) {
                kill_process(pid, Signal::CONT).unwrap();
                thread::sleep(RUN);
                kill_process(pid, Signal::STOP).unwrap();
                due += PERIOD;
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            kill_process(pid, Signal::CONT).unwrap();
        });
        Self { is_over, thread: Some(thread) }
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}
