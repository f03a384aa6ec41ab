//! `wheelproof history FILE…`.

use std::path::PathBuf;

use clap::Args;

use super::output::{self, Output};
use super::{Usage, Voice};
use crate::cancel::Cancel;
use crate::history;
use crate::report::{History, Verdict};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof history nights/*.json --output history.html\n\n\
    Exit codes: 0 the page is written, whatever the nights say; 2 usage; 3 a file is no \
    JSON report, and nothing is written.")]
pub(super) struct HistoryArgs {
    /// JSON reports of audit or rebuild, in any order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the page to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(voice: Voice, args: &HistoryArgs, cancel: &Cancel) -> u8 {
    let output = Output::plain(voice);
    let said = |error: Usage| {
        output.say(&error.message, &error.next);
        Verdict::Error.exit_code()
    };
    let mut nights = Vec::new();
    for path in &args.files {
        if cancel.is_requested() {
            return Verdict::Error.exit_code();
        }
        match history::read(path) {
            Ok(night) => nights.push(night),
            Err(error) => {
                let next = "name JSON reports that --format json or --report wrote, each whole";
                return said(Usage::new(error, next));
            }
        }
    }
    let history = History::of(nights);
    let written = match &args.output {
        Some(path) => output::write_file(path, &mut |file| history.write_html(file)),
        None => {
            let mut page = Vec::new();
            history
                .write_html(&mut page)
                .and_then(|()| output.plainly(&String::from_utf8_lossy(&page)))
        }
    };
    match written {
        Ok(()) => Verdict::Pass.exit_code(),
        Err(error) => said(Usage::new(
            format!("cannot write the page: {error}"),
            "name a file in a directory that can be written to",
        )),
    }
}
