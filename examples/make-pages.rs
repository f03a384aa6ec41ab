//! Writes a page of the manual for each command, and completions for three shells.
//!
//! ```text
//! cargo run --example make-pages -- DIR
//! ```
//!
//! Out: `DIR/wheelproof.1`, `DIR/wheelproof-COMMAND.1`, and `DIR/completions/` with
//! the files for bash, zsh and fish under the names that these look for. Equal
//! programs give equal files.
//!
//! Exit codes: 0 written, 2 usage, 3 trouble.

#![allow(clippy::print_stderr, reason = "it says what went wrong")]

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [out] = arguments.as_slice() else {
        eprintln!("usage: make-pages DIR");
        return ExitCode::from(2);
    };
    match wheelproof::cli::write_pages(Path::new(out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "error: the pages cannot be written to {}: {error}",
                Path::new(out).display()
            );
            ExitCode::from(3)
        }
    }
}
