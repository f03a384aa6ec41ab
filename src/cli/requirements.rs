//! `wheelproof requirements DIR FILE`.

use std::path::PathBuf;

use clap::Args;

use super::args::CommonArgs;
use super::output::{self, Output};
use super::values::{self, ReportFile};
use super::{Surroundings, Usage, Voice, request};
use crate::cancel::Cancel;
use crate::input;
use crate::pipeline::{self, RequirementsWish};
use crate::report::Verdict;
use crate::requirements;

#[derive(Debug, Args)]
#[command(override_usage = "wheelproof requirements [OPTIONS] [DIR] <FILE>")]
#[command(after_help = "Examples:\n  \
    wheelproof requirements dists requirements.txt --output build-requirements.txt\n\n\
    Everything is verified first; nothing is written unless all of it holds. FILE pins each \
    requirement with '=='. Hashes that it carries are those of another place, such as an index, \
    and are replaced. The report goes to standard error. \
    --output writes the whole file or none; a redirection leaves an empty one when the check fails, \
    which pip installs with success.")]
pub(super) struct RequirementsArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// The pinned requirements
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Take the hashes of sdists too, not only those of wheels
    #[arg(long)]
    sdists: bool,
    /// Write the requirements to this file, whole or not at all [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the report to a file, in the form that its ending says: .json, .html, .xml (JUnit) or .md (Markdown)
    #[arg(long, value_name = "FILE", value_parser = values::report_file)]
    report: Vec<ReportFile>,
}

pub(super) fn run(
    surroundings: &Surroundings,
    voice: Voice,
    args: &RequirementsArgs,
    cancel: &Cancel,
) -> u8 {
    let output = Output::plain(voice);
    if let Some(code) = output.unready("requirements", &args.report) {
        return code;
    }
    let asked = request::dir_or_not(&args.common, args.file.as_ref())
        .ok_or_else(|| {
            Usage::new(
                "it is not said which requirements",
                "name a file that pins them",
            )
        })
        .and_then(|(common, file)| Ok((request::request(surroundings, &common, None)?, file)));
    let (request, file) = match asked {
        Ok(asked) => asked,
        Err(usage) => return output.usage("requirements", &usage),
    };
    let next = "pin every requirement to one version, as in six==1.16.0";
    let requirements = input::read(&file, requirements::MAX_BYTES)
        .map_err(|error| Usage::new(error, "name a file with pinned requirements"))
        .and_then(|bytes| {
            requirements::parse(&bytes)
                .map_err(|error| Usage::new(format!("{}: {error}", file.display()), next))
        })
        .and_then(|requirements| match requirements.is_empty() {
            true => Err(Usage::new(
                format!("{} asks for nothing", file.display()),
                next,
            )),
            false => Ok(requirements),
        });
    let requirements = match requirements {
        Ok(requirements) => requirements,
        Err(usage) => return output.usage("requirements", &usage),
    };
    let wish = RequirementsWish {
        path: file.clone(),
        requirements,
        with_sdists: args.sdists,
        output: args.output.clone(),
    };
    let progress = output.progress(&request);
    let (mut report, text) = pipeline::requirements(&request, &wish, cancel, &progress);
    progress.clear();
    if cancel.is_requested() {
        return Verdict::Error.exit_code();
    }
    report.conclude();
    let troubles = output::write_report_files(&args.report, &|form, file| report.write(form, file));
    if let Some(trouble) = troubles.first() {
        return output.trouble(&trouble.message);
    }
    if !voice.quiet || report.verdict != Verdict::Pass {
        let _ = output.report_aside(&report);
    }
    match text.map(|text| output.plainly(&text)) {
        Some(Err(error)) => output.trouble(&format!("cannot write the requirements: {error}")),
        _ => report.exit_code,
    }
}
