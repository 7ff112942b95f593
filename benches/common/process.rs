//! `Process`: a child process and its CPU time and memory.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command};

/// The process is killed on drop.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// CPU time in nanoseconds.
    pub fn cpu(&self) -> f64 {
        let threads = fs::read_dir(self.proc("task")).unwrap();
        let of = |path: PathBuf| fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        let texts = threads.map(|thread| of(thread.unwrap().path()));
        texts.filter_map(|text| text.split(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Memory in MiB: `VmRSS`, or `VmHWM`, the peak.
    pub fn memory(&self, field: &str) -> f64 {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Resets the peak of the memory.
    pub fn reset_peak(&self) {
        fs::write(self.proc("clear_refs"), "5").unwrap();
    }

    fn proc(&self, name: &str) -> PathBuf {
        format!("/proc/{}/{name}", self.0.id()).into()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
