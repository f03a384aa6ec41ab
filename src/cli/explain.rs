//! `wheelproof explain A.whl B.whl`.

use std::io;
use std::path::PathBuf;

use clap::Args;

use super::Surroundings;
use super::args::OutputArgs;
use super::output::{self, Output};
use crate::archive::Limits;
use crate::cancel::Cancel;
use crate::pipeline::{self, ExplainRequest};
use crate::report::{ComparisonReport, Trouble, Verdict};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof explain dists/six-1.11.0-py2.py3-none-any.whl rebuilt/six-1.11.0-py2.py3-none-any.whl\n  \
    wheelproof explain A.whl B.whl --sdist six-1.11.0.tar.gz --full\n\n\
    Exit codes: 0 the wheels are identical, 1 they differ, 2 usage, 3 trouble.")]
pub(super) struct ExplainArgs {
    /// The published wheel, or the first of any two
    #[arg(value_name = "A.whl")]
    published: PathBuf,
    /// The rebuilt wheel, or the second
    #[arg(value_name = "B.whl")]
    rebuilt: PathBuf,
    /// The sdist the wheels are built from; tells members that have no source
    #[arg(long, value_name = "FILE")]
    sdist: Option<PathBuf>,
    /// Everything: evidence, advice and every difference, not ten lines
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(_surroundings: &Surroundings, args: &ExplainArgs, cancel: &Cancel) -> u8 {
    let output = Output::new(&args.output);
    let request = ExplainRequest {
        published: args.published.clone(),
        rebuilt: args.rebuilt.clone(),
        sdist: args.sdist.clone(),
        limits: Limits::default(),
    };
    let mut report = pipeline::explain(&request, cancel);
    finish(&mut report, args, &output, cancel)
}

fn finish(
    report: &mut ComparisonReport,
    args: &ExplainArgs,
    output: &Output,
    cancel: &Cancel,
) -> u8 {
    if cancel.is_requested() {
        return Verdict::Error.exit_code();
    }
    for path in &args.output.report {
        let written = output::write_file(path, &mut |file| report.write_json(file));
        if let Err(error) = written {
            report.errors.push(Trouble {
                message: format!("cannot write the report to {}: {error}", path.display()),
                next: "name a file in a directory that can be written to".to_owned(),
            });
        }
    }
    report.conclude();
    let written: io::Result<()> = output.comparison(report, args.full);
    match written {
        Ok(()) => report.exit_code,
        Err(error) => output.trouble(&format!("cannot write the report: {error}")),
    }
}
