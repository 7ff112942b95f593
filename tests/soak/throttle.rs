//! `Throttle`: limits the CPU time of a process, like a CPU limit.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The share of one core.
pub const SHARE: f64 = 0.1;
/// The maximum of unused time in seconds.
const MAX_SAVED_SECONDS: f64 = 0.004;
/// The interval of checks.
const TICK: Duration = Duration::from_millis(1);

pub struct Throttle {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Throttle {
    pub fn start(process: u32) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let its = Arc::clone(&is_over);
        let thread = thread::spawn(move || throttle(process, &its));
        Self { is_over, thread: Some(thread) }
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn throttle(process: u32, is_over: &AtomicBool) {
    let pid = Pid::from_raw(process.try_into().unwrap()).unwrap();
    let tasks = format!("/proc/{process}/task");
    let (mut at, mut used, mut left) = (Instant::now(), cpu(tasks.as_ref()), MAX_SAVED_SECONDS);
    while !is_over.load(Ordering::Relaxed) {
        thread::sleep(TICK);
        let (since, now) = (at.elapsed().as_secs_f64(), cpu(tasks.as_ref()));
        at = Instant::now();
        left = (left + since * SHARE).min(MAX_SAVED_SECONDS) - (now - used);
        used = now;
        kill_process(pid, if left > 0.0 { Signal::CONT } else { Signal::STOP }).unwrap();
    }
    kill_process(pid, Signal::CONT).unwrap();
}

/// The CPU time of its threads in seconds.
fn cpu(tasks: &Path) -> f64 {
    let threads = fs::read_dir(tasks).unwrap().filter_map(Result::ok);
    let texts = threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
    texts.filter_map(|text| text.split(' ').next()?.parse::<f64>().ok()).sum::<f64>() / 1e9
}
