//! The `wheelproof` program: everything is in the library.

use std::process::ExitCode;
use std::time::SystemTime;

use wheelproof::cli::{self, Surroundings};
use wheelproof::sandbox::stage;

fn main() -> ExitCode {
    // Before anything else: this start may be the last step before a foreign
    // command, in an environment where nothing else of us belongs.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == stage::WORD)
    {
        return stage::run();
    }
    cli::main(&Surroundings {
        arguments: std::env::args_os().collect(),
        environment: std::env::vars_os().collect(),
        now: SystemTime::now(),
        executable: std::env::current_exe().ok(),
    })
}
