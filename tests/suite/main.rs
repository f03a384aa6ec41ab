//! Every test that uses the library and the program from outside, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects; failing loudly is its job"
)]

/// Says what a test left out, where it is read: past the capturing of output.
macro_rules! skipped {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "skipped: {}", format_args!($($text)*));
    }};
}
pub(crate) use skipped;

mod audit;
mod bad_wheels;
mod build_records;
mod cases;
mod certs_command;
mod clearsigned;
mod clock_steps;
mod command_lines;
mod common;
mod directory;
mod distutils;
mod environments;
mod explain;
mod fault_injection;
mod few_threads;
mod filenames;
mod floors;
mod follows;
mod founding;
mod freshness;
mod gnupg;
mod gpgv;
mod grammar;
mod hand_off;
mod hostile_sdists;
mod inference;
mod init_command;
mod inside;
mod installers;
mod kit;
mod manifest_command;
mod manifest_forms;
mod manual;
mod many_signatures;
mod nightly;
mod odd_wheels;
mod program;
mod readme;
mod real_signatures;
mod rebuild;
mod rebuilt_first;
mod recipe_parts;
mod release_manager;
mod report_forms;
mod requirements_check;
mod requirements_command;
mod requirements_twins;
mod rules;
mod sandbox;
mod sdist;
mod seal_command;
mod sealed_run;
mod shards;
mod sign_command;
mod signatures;
mod signing;
mod transcripts;
mod twins;
mod update;
mod weaker_layer;
mod whose_cache;
mod whose_policy;
mod windows;
mod witness;
