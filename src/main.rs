//! The program: arguments in, exit code out.

use std::process::ExitCode;

use servicecidr_guard::cli;

fn main() -> ExitCode {
    cli::main(std::env::args_os().collect())
}
