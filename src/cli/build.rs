//! `wheelproof build DIR`.

use std::path::PathBuf;

use clap::Args;

use super::args::{OutputArgs, PlaceArgs, RecipeArgs};
use super::output::Output;
use super::{Surroundings, Voice, finish, rebuild};
use crate::cancel::Cancel;
use crate::pipeline::{self, BuildWish};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof build dists sources/\n  \
    wheelproof build dists sources/ --requirements sdists.txt --tools tools.txt\n  \
    wheelproof build dists markupsafe-2.1.5.tar.gz --python cp311=/usr/bin/python3 --tag cp311\n\n\
    Wheels, sdists and a build record of each wheel are put into the directory with the files, all of \
    them or none, and nothing is overwritten. Then the manifest is written; sign it with 'wheelproof sign'.")]
pub(super) struct BuildArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Sdists, or directories of sdists [default: those in the directory with the files]
    sources: Vec<PathBuf>,
    /// Build what these lists or lock files name by hash, and nothing else
    #[arg(long, value_name = "FILE")]
    requirements: Vec<PathBuf>,
    /// Build with the interpreter of this Python tag; once for each [default: the one of py3]
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    #[command(flatten)]
    recipe: RecipeArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(
    surroundings: &Surroundings,
    voice: Voice,
    args: &BuildArgs,
    cancel: &Cancel,
) -> u8 {
    let output = Output::new(voice, args.output.format);
    if let Some(code) = output.unready("build", &args.output.report) {
        return code;
    }
    let (request, around) = match rebuild::building(surroundings, &args.place, &args.recipe) {
        Ok(asked) => asked,
        Err(usage) => return output.usage("build", &usage),
    };
    let wish = BuildWish {
        sources: args.sources.clone(),
        requirements: args.requirements.clone(),
        tags: args.tag.clone(),
    };
    let progress = output.progress(&request);
    let mut report = pipeline::build(&request, &wish, &around, cancel, &progress);
    progress.clear();
    finish(&mut report, &args.output, &output, cancel)
}
