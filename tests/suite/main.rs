//! Every test that uses the library and the program from outside, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says what it expects; failing loudly is its job"
)]

mod common;
mod directory;
mod floors;
mod gnupg;
mod installers;
mod program;
mod real_signatures;
mod sealed_run;
mod signatures;
mod signing;
