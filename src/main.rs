//! The `wheelproof` program: everything is in the library.

use std::process::ExitCode;
use std::time::SystemTime;

use wheelproof::cli::{self, Surroundings};

fn main() -> ExitCode {
    cli::main(&Surroundings {
        arguments: std::env::args_os().collect(),
        environment: std::env::vars_os().collect(),
        now: SystemTime::now(),
        executable: std::env::current_exe().ok(),
    })
}
