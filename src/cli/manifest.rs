//! `wheelproof manifest DIR`.

use std::path::PathBuf;

use clap::Args;

use super::args::{OutputArgs, PlaceArgs};
use super::output::Output;
use super::request::{self, Asked};
use super::{Surroundings, Usage, Voice, finish};
use crate::cancel::Cancel;
use crate::pipeline::{self, ManifestWish};
use crate::policy::{Errand, WheelhouseName};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof manifest dists\n  \
    wheelproof manifest dists --project securedrop-client\n  \
    wheelproof manifest dists --check\n\n\
    The manifest is what 'LC_ALL=C sha256sum *' writes in the directory with the files. Comment \
    lines at the top of the manifest that is there are kept. The file is replaced in one step.")]
pub(super) struct ManifestArgs {
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    /// Write the manifest here [default: where 'verify' looks for it, else DIR/sha256sums.txt]
    #[arg(long, value_name = "FILE", conflicts_with = "manifest")]
    output: Option<PathBuf>,
    /// Write nothing; say whether the manifest that is there is current
    #[arg(long)]
    check: bool,
    /// State the project in a comment line, which the signature then covers [default: as the policy or the old manifest says]
    #[arg(long, value_name = "NAME")]
    project: Option<WheelhouseName>,
    /// Leave out the comment lines of the manifest that is there
    #[arg(long)]
    drop_comments: bool,
    #[command(flatten)]
    out: OutputArgs,
}

pub(super) fn run(
    surroundings: &Surroundings,
    voice: Voice,
    args: &ManifestArgs,
    cancel: &Cancel,
) -> u8 {
    let output = Output::new(voice, args.out.format);
    if let Some(code) = output.unready("manifest", &args.out.report) {
        return code;
    }
    let asked = Asked::for_all(Errand::Sign);
    let request = match request::place_of_old(surroundings, &args.place, asked) {
        Ok(request) => request,
        Err(usage) => return output.usage("manifest", &usage),
    };
    let wish = ManifestWish {
        output: args.output.clone(),
        check: args.check,
        project: args.project.clone(),
        drop_comments: args.drop_comments,
    };
    if wish.check && wish.drop_comments {
        return output.usage(
            "manifest",
            &Usage::new(
                "--check writes nothing, so there are no comments to leave out",
                "leave out --drop-comments",
            ),
        );
    }
    let progress = output.progress(&request);
    let mut report = pipeline::manifest(&request, &wish, cancel, &progress);
    progress.clear();
    finish(&mut report, &args.out, &output, cancel)
}
