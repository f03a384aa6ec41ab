//! Every test that uses the library and the program from outside, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says what it expects; failing loudly is its job"
)]

mod certs_command;
mod common;
mod directory;
mod floors;
mod manifest_command;
mod real_signatures;
mod rules;
mod sign_command;
mod signatures;
mod signing;
