//! Writes every case of the testkit into a directory, for another verifier.
//!
//! ```text
//! cargo run --example make-cases -- DIR
//! ```
//!
//! In: `fixtures/cases`. Out: `DIR/CASE/fault`, `DIR/CASE/neighbour`, and
//! `DIR/cases.json`, which says what to run in each and what has to come of it; the
//! format is in `fixtures/README.md`. DIR must not be there yet.
//!
//! Exit codes: 0 written, 2 usage, 3 trouble.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "it is made of parts of the tests, and says what went wrong"
)]

#[path = "../tests/suite/kit/mod.rs"]
mod kit;
#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../tests/suite/signing.rs"]
mod signing;

use std::path::Path;
use std::process::ExitCode;

fn write(out: &Path) -> Result<(), String> {
    let cases = kit::format::cases().map_err(|wrong| wrong.join("\n"))?;
    std::fs::create_dir(out).map_err(|error| format!("{}: {error}", out.display()))?;
    kit::make(&cases, out)?;
    let json = serde_json::to_vec_pretty(&kit::told(&cases)).map_err(|error| error.to_string())?;
    std::fs::write(out.join("cases.json"), json).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [out] = arguments.as_slice() else {
        eprintln!("usage: make-cases DIR");
        return ExitCode::from(2);
    };
    match write(Path::new(out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: the cases cannot be written\n{error}");
            ExitCode::from(3)
        }
    }
}
