//! `Peer`: a process with the Kubernetes code of `benches/peers`, which runs commands.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;

/// The environment variable with the folder of the programs that `make bench` builds.
const FOLDER: &str = "SERVICECIDR_GUARD_PEERS";

pub struct Peer {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// The duration and the result of a command.
#[derive(Debug, Deserialize)]
pub struct PeerResult {
    pub wall_ns: u64,
    pub cpu_ns: u64,
    pub count: usize,
}

impl Peer {
    pub fn start() -> Option<Self> {
        let program = program("peers")?;
        let mut child =
            Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the peer starts");
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Some(Self { child, commands, answers })
    }

    pub fn send(&mut self, command: &str) -> PeerResult {
        let commands = self.commands.as_mut().expect("stdin is open until drop");
        writeln!(commands, "{command}").expect("the peer reads a command");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the peer prints a result");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{command}: {line:?}: {error}"))
    }
}

/// The path of a program. Without it, prints a note, and the other cases are still measured.
pub fn program(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os(FOLDER) else {
        println!("(without {name}, a peer in Go: {FOLDER} is not set; `make bench` builds it)");
        return None;
    };
    Some(PathBuf::from(folder).join(name))
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.commands.take());
        drop(self.child.wait());
    }
}
