//! Every test that uses the library and the program from outside, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says what it expects; failing loudly is its job"
)]

mod audit;
mod common;
mod directory;
mod floors;
mod manual;
mod program;
mod readme;
mod real_signatures;
mod rules;
mod sealed_run;
mod signatures;
mod signing;
