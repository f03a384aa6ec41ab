//! `wheelproof explain A.whl B.whl`.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::args::OutputArgs;
use super::output::{self, Output};
use super::{Surroundings, Usage, Voice};
use crate::archive::Limits;
use crate::cancel::Cancel;
use crate::pipeline::{self, ExplainRequest};
use crate::report::{ComparisonReport, Trouble, Verdict, escape_json};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof explain dists/six-1.11.0-py2.py3-none-any.whl rebuilt/six-1.11.0-py2.py3-none-any.whl\n  \
    wheelproof explain A.whl B.whl --sdist six-1.11.0.tar.gz --full\n  \
    wheelproof explain --environment /usr/bin/python3 /usr/local/bin/python3\n\n\
    Exit codes: 0 the wheels are identical, 1 they differ, 2 usage, 3 trouble.")]
pub(super) struct ExplainArgs {
    /// The published wheel, or the first of any two
    #[arg(value_name = "A.whl", required_unless_present = "record_environment")]
    published: Option<PathBuf>,
    /// The rebuilt wheel, or the second
    #[arg(value_name = "B.whl", required_unless_present = "record_environment")]
    rebuilt: Option<PathBuf>,
    /// Compare two environments of builds: interpreters, or files of --record-environment that end in .json
    #[arg(long, conflicts_with = "sdist")]
    environment: bool,
    /// Write down what decides the bytes of builds by this interpreter, as JSON on standard output
    #[arg(long, value_name = "PYTHON", conflicts_with_all = ["environment", "published", "rebuilt", "sdist"])]
    record_environment: Option<PathBuf>,
    /// The sdist the wheels are built from; tells members that have no source
    #[arg(long, value_name = "FILE")]
    sdist: Option<PathBuf>,
    /// Everything: evidence, advice and every difference, not ten lines
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(
    surroundings: &Surroundings,
    voice: Voice,
    args: &ExplainArgs,
    cancel: &Cancel,
) -> u8 {
    let output = Output::new(voice, args.output.format);
    if let Some(code) = output.unready("explain", &args.output.report) {
        return code;
    }
    if let Some(python) = &args.record_environment {
        return record(surroundings, python, &output);
    }
    let (Some(published), Some(rebuilt)) = (&args.published, &args.rebuilt) else {
        let usage = Usage::new("there are no two wheels to compare", "name both");
        return output.usage("explain", &usage);
    };
    if args.environment {
        let compared =
            pipeline::explain_environments(published, rebuilt, &surroundings.environment);
        return match compared {
            Ok(report) => {
                let files = &args.output.report;
                let troubles =
                    output::write_report_files(files, &|form, file| report.write(form, file));
                let written = output.environments(&report, args.full);
                match troubles.first() {
                    Some(trouble) => could_not(trouble, &output),
                    None => said(written, report.exit_code, &output),
                }
            }
            Err(trouble) => could_not(&trouble, &output),
        };
    }
    let request = ExplainRequest {
        published: published.clone(),
        rebuilt: rebuilt.clone(),
        sdist: args.sdist.clone(),
        limits: Limits::default(),
    };
    let mut report = pipeline::explain(&request, cancel);
    finish(&mut report, args, &output, cancel)
}

fn could_not(trouble: &Trouble, output: &Output) -> u8 {
    output.say(&trouble.message, &trouble.next);
    Verdict::Error.exit_code()
}

fn said(written: io::Result<()>, code: u8, output: &Output) -> u8 {
    match written {
        Ok(()) => code,
        Err(error) => output.trouble(&format!("cannot write the report: {error}")),
    }
}

/// Writes down the environment of an interpreter.
fn record(surroundings: &Surroundings, python: &Path, output: &Output) -> u8 {
    match pipeline::environment(python, &surroundings.environment) {
        Ok(environment) => {
            let text = serde_json::to_string_pretty(&environment).unwrap_or_default();
            said(
                output.plainly(&format!("{}\n", escape_json(&text))),
                0,
                output,
            )
        }
        Err(trouble) => could_not(&trouble, output),
    }
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
    let files = &args.output.report;
    let troubles = output::write_report_files(files, &|form, file| report.write(form, file));
    report.errors.extend(troubles);
    report.conclude();
    let written: io::Result<()> = output.comparison(report, args.full);
    match written {
        Ok(()) => report.exit_code,
        Err(error) => output.trouble(&format!("cannot write the report: {error}")),
    }
}
