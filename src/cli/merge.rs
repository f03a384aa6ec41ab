//! `wheelproof merge FILE…`.

use std::io::BufReader;
use std::path::PathBuf;

use clap::Args;

use super::Voice;
use super::args::Format;
use super::output::{self, Output};
use crate::cancel::Cancel;
use crate::input;
use crate::report::Verdict;
use crate::results::{Merge, Merged};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof merge results/*.jsonl\n  \
    wheelproof merge results/*.jsonl --format json > report.json\n\n\
    The JSON report is the one that a single run would have written, byte for byte. Results \
    that are missing are errors, and say which part has to be run again. The exit code is that \
    of the merged report; 3 when results are missing and nothing differs.")]
pub(super) struct MergeArgs {
    /// Files that --results wrote, in any order; a file may be given twice
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The form of the report on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Write the report to a file too, as JSON
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
}

pub(super) fn run(voice: Voice, args: &MergeArgs, cancel: &Cancel) -> u8 {
    let output = Output::new(voice, args.format);
    let merged = match merge(args, cancel) {
        Ok(Some(merged)) => merged,
        Ok(None) if cancel.is_requested() => return Verdict::Error.exit_code(),
        Ok(None) => {
            return output.broken(
                "merge",
                "no file holds any result: each ends before its first one",
                "run the parts again",
            );
        }
        Err((message, next)) => return output.broken("merge", &message, next),
    };
    for path in &args.report {
        if let Err(error) = output::write_file(path, &mut |file| merged.write_json(file)) {
            let message = format!("cannot write the report to {}: {error}", path.display());
            return output.broken(
                "merge",
                &message,
                "name a file in a directory that can be written to",
            );
        }
    }
    match output.merged(&merged) {
        Ok(()) => merged.verdict.exit_code(),
        Err(error) => output.trouble(&format!("cannot write the report: {error}")),
    }
}

fn merge(args: &MergeArgs, cancel: &Cancel) -> Result<Option<Merged>, (String, &'static str)> {
    let mut merge = Merge::default();
    for path in &args.files {
        if cancel.is_requested() {
            return Ok(None);
        }
        let file = input::open(path)
            .map_err(|error| (error.to_string(), "name files that --results wrote"))?;
        let name = path.display().to_string();
        merge
            .add(&name, &mut BufReader::new(file))
            .map_err(|error| (error.to_string(), error.kind.next()))?;
    }
    Ok(merge.finish())
}
