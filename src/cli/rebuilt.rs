//! `--rebuilt`: what has to be rebuilt before anything is handed on.

use std::path::{Path, PathBuf};

use clap::Args;

use super::args::{CommonArgs, RecipeArgs, RequirementsFlag};
use super::request::{self, Rebuilds};
use super::{Surroundings, Usage, rebuild, values};
use crate::audit::Use;
use crate::pipeline::{RebuiltWish, Request, ShownBy};
use crate::selection::Selector;

#[derive(Debug, Args)]
#[command(next_help_heading = "Rebuilt before it is handed on")]
pub(super) struct RebuiltArgs {
    /// Wheels that have to be reproduced first: a project, project==version, or a pattern of the file name; '*' is all that is handed on
    #[arg(long, value_name = "SELECT")]
    rebuilt: Vec<String>,
    /// A JSON report of an audit that shows it, of the same manifest and policy [default: an audit now]
    #[arg(long, value_name = "FILE")]
    rebuilt_report: Vec<PathBuf>,
    /// How old such a report may be [default: 30]
    #[arg(long, value_name = "DAYS", value_parser = values::report_age)]
    rebuilt_max_age: Option<u32>,
}

/// Reads the policy, lets the flags win, and judges the policy as one that builds where an
/// audit is made now.
pub(super) fn request(
    surroundings: &Surroundings,
    common: &CommonArgs,
    requirements: &RequirementsFlag,
    args: &RebuiltArgs,
    recipe: &RecipeArgs,
) -> Result<Request, Usage> {
    let asked = request::request(surroundings, common, Some(requirements))?;
    let handoff = &asked.policy.handoff;
    let selects = !args.rebuilt.is_empty() || !handoff.rebuilt.is_empty();
    let is_shown = !args.rebuilt_report.is_empty() || !handoff.rebuilt_reports.is_empty();
    let asked = match selects && !is_shown {
        true => {
            let rebuilds = Rebuilds {
                recipe: Some(recipe),
                records: None,
            };
            request::rebuilding(surroundings, common, Some(requirements), rebuilds)?
        }
        false => asked,
    };
    Ok(Request {
        requirements: Use::HandedOn,
        ..asked
    })
}

/// Returns what has to be rebuilt, and by whom it is to be shown; `None` when nothing has
/// to be.
pub(super) fn wish(
    surroundings: &Surroundings,
    args: &RebuiltArgs,
    recipe: &RecipeArgs,
    request: &mut Request,
) -> Result<Option<RebuiltWish>, Usage> {
    let policy = &mut request.policy.handoff;
    if !args.rebuilt.is_empty() {
        policy.rebuilt.clone_from(&args.rebuilt);
    }
    policy.rebuilt_max_age_days = args.rebuilt_max_age.unwrap_or(policy.rebuilt_max_age_days);
    let selectors = policy
        .rebuilt
        .iter()
        .map(|word| Selector::parse(word))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| {
            Usage::new(
                error,
                "name projects, project==version, or patterns of file names",
            )
        })?;
    if selectors.is_empty() {
        let is_named = !args.rebuilt_report.is_empty() || !policy.rebuilt_reports.is_empty();
        return match is_named {
            true => Err(Usage::new(
                "a report is named, and no wheel that it has to show as rebuilt",
                "select wheels with --rebuilt; --rebuilt '*' selects all that are handed on",
            )),
            false => Ok(None),
        };
    }
    let paths = reports(&args.rebuilt_report, request)?;
    let shown_by = match paths.is_empty() {
        true => ShownBy::Audit(Box::new(rebuild::around(surroundings, recipe, None)?)),
        false => ShownBy::Reports {
            paths,
            max_age_days: request.policy.handoff.rebuilt_max_age_days,
        },
    };
    Ok(Some(RebuiltWish {
        selectors,
        shown_by,
    }))
}

/// Returns the reports that are named. What the checked directory says of itself shows
/// nothing: neither a policy that was found there names a report, nor does one lie there.
fn reports(flags: &[PathBuf], request: &Request) -> Result<Vec<PathBuf>, Usage> {
    let paths = match flags {
        [] => request.policy.handoff.rebuilt_reports.clone(),
        flags => flags.to_vec(),
    };
    let is_found = request.policy_file.as_ref().is_some_and(|it| !it.is_named);
    if flags.is_empty() && !paths.is_empty() && is_found {
        return Err(Usage::new(
            "the policy that names the report was found in the directory that is checked",
            "name the report with --rebuilt-report, or the policy with --policy",
        ));
    }
    let locations = request.policy.wheelhouse.locate(&request.root).ok();
    let directory = locations.and_then(|it| it.directory.canonicalize().ok());
    let lies_among = |path: &Path| {
        let there = path.canonicalize().ok();
        directory
            .as_ref()
            .zip(there)
            .is_some_and(|(directory, there)| there.starts_with(directory))
    };
    match paths.iter().find(|path| lies_among(path)) {
        Some(path) => Err(Usage::new(
            format!(
                "{} lies among the files that are checked, so it shows nothing of them",
                path.display()
            ),
            "keep reports where only you can write, and name that file",
        )),
        None => Ok(paths),
    }
}
