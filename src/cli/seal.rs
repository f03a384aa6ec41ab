//! `wheelproof seal DIR OUT`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::args::{CommonArgs, OutputArgs, RecipeArgs, RequirementsFlag};
use super::output::Output;
use super::rebuilt::{self, RebuiltArgs};
use super::{Surroundings, Usage, Voice, finish, request};
use crate::cancel::Cancel;
use crate::handoff::{Place, PlaceError};
use crate::pipeline::{self, RebuiltWish, Request};
use crate::report::Trouble;

#[derive(Debug, Args)]
#[command(override_usage = "wheelproof seal [OPTIONS] [DIR] <OUT>")]
#[command(after_help = "Examples:\n  \
    wheelproof seal dists /build/sealed\n  \
    wheelproof seal . debian/sealed --policy debian/wheelproof.toml\n\n\
    OUT is there only if the exit code is 0: OUT/wheelhouse with the files, OUT/environment with the \
    variables that point pip and uv at them and at nothing else, one NAME=VALUE a line, and \
    OUT/sealed.json with the digests of what was copied. Nothing removes OUT later.")]
pub(super) struct SealArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// The directory to make, which must not exist
    #[arg(value_name = "OUT")]
    out: Option<PathBuf>,
    #[command(flatten)]
    requirements: RequirementsFlag,
    #[command(flatten)]
    rebuilt: RebuiltArgs,
    #[command(flatten)]
    recipe: RecipeArgs,
    /// Only print the variables that point pip and uv at OUT; verify and copy nothing
    #[arg(long)]
    environment: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(
    surroundings: &Surroundings,
    voice: Voice,
    args: &SealArgs,
    cancel: &Cancel,
) -> u8 {
    let output = Output::new(voice, args.output.format);
    if let Some(code) = output.unready("seal", &args.output.report) {
        return code;
    }
    let Asked {
        request,
        rebuilt,
        place,
    } = match asked(surroundings, args) {
        Ok(asked) => asked,
        Err(usage) => return output.usage("seal", &usage),
    };
    if args.environment {
        return match output.plainly(&place.environment_file()) {
            Ok(()) => 0,
            Err(error) => output.trouble(&format!("cannot write the variables: {error}")),
        };
    }
    let progress = output.progress(&request);
    let mut verification = pipeline::verify("seal", &request, cancel, &progress);
    let confirmed = rebuilt
        .map(|wish| verification.confirm(&request, &wish, cancel, &progress))
        .unwrap_or_default();
    progress.clear();
    let mut sealed = None;
    if let Some(verified) = verification.complete()
        && !cancel.is_requested()
    {
        // Beside OUT, so that a rename can give it that name.
        let parent = place.top().parent().unwrap_or(Path::new("/"));
        let made = verification
            .hand_on(&request, &verified)
            .and_then(|hand_on| match hand_on.seal(&verified, parent, cancel) {
                Ok(copy) => Ok((copy, hand_on.summary)),
                Err(error) => Err(Trouble {
                    message: error.to_string(),
                    next: NEXT.to_owned(),
                }),
            });
        match made {
            Ok((copy, mut summary)) => {
                summary.confirm(&confirmed);
                sealed = Some(copy);
                verification.report.handed_on = Some(summary);
            }
            Err(trouble) => verification.report.errors.push(trouble),
        }
    }
    let code = finish(&mut verification.report, &args.output, &output, cancel);
    match sealed {
        Some(sealed) if code == 0 => match sealed.keep(place.top()) {
            Ok(_) => code,
            Err(error) => output.trouble(&error.to_string()),
        },
        _ => code,
    }
}

/// What to do when the copy could not be made.
const NEXT: &str = "find out who writes to the directory, or make room where the copy is to be, \
                    then run it again";

/// What is asked for.
struct Asked {
    request: Request,
    rebuilt: Option<RebuiltWish>,
    place: Place,
}

fn asked(surroundings: &Surroundings, args: &SealArgs) -> Result<Asked, Usage> {
    let (common, out) = request::dir_or_not(&args.common, args.out.as_ref())
        .ok_or_else(|| Usage::new("it is not said which directory to make", "name OUT"))?;
    let recipe = &args.recipe;
    let mut request = rebuilt::request(
        surroundings,
        &common,
        &args.requirements,
        &args.rebuilt,
        recipe,
    )?;
    let is_constrained = !request.policy.wheelhouse.requirements.is_empty();
    let place = Place::new(&out, is_constrained).map_err(refused)?;
    if !args.environment {
        place.is_free().map_err(refused)?;
    }
    let locations = request.policy.wheelhouse.locate(&request.root);
    if let Ok(locations) = locations {
        place.is_outside(&locations.directory).map_err(refused)?;
    }
    let rebuilt = match args.environment {
        true => None,
        false => rebuilt::wish(surroundings, &args.rebuilt, &args.recipe, &mut request)?,
    };
    Ok(Asked {
        request,
        rebuilt,
        place,
    })
}

fn refused(error: PlaceError) -> Usage {
    let next = match error {
        PlaceError::Taken(_) => "remove it if it is an old copy, or name another place",
        PlaceError::NoPath(_) | PlaceError::Character(_) | PlaceError::Among { .. } => {
            "name another place"
        }
    };
    Usage::new(error, next)
}
