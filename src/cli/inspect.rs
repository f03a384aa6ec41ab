//! `wheelproof inspect FILE…`.

use std::path::PathBuf;

use clap::Args;

use super::args::Format;
use super::output::Output;
use super::{Surroundings, Voice, now};
use crate::pipeline;
use crate::time::UtcTime;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof inspect keys/test-only.asc\n  \
    wheelproof inspect sha256sums.txt.asc --format json\n\n\
    Says what OpenPGP certificates, signature files and clearsigned manifests hold. Nobody is \
    trusted for that and no signature is checked: 'wheelproof verify' does that. Exit codes: 0 every \
    file could be read, 1 a file holds something else, 2 usage, 3 a file cannot be read.")]
pub(super) struct InspectArgs {
    /// Certificates, signature files, clearsigned manifests
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Judge keys as of this time [default: now]
    #[arg(long, value_name = "RFC3339")]
    time: Option<UtcTime>,
    /// The form of what is said on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(surroundings: &Surroundings, voice: Voice, args: &InspectArgs) -> u8 {
    let output = Output::new(voice, args.format);
    let time = match args.time.map_or_else(|| now(surroundings), Ok) {
        Ok(time) => time,
        Err(usage) => return output.usage("inspect", &usage),
    };
    match pipeline::inspect(&args.files, time) {
        Ok(inspection) => match output.inspection(&inspection) {
            Ok(()) => inspection.exit_code,
            Err(error) => output.trouble(&format!("cannot write the report: {error}")),
        },
        Err(trouble) => output.broken("inspect", &trouble.message, &trouble.next),
    }
}
