//! `wheelproof update DIR`.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::{OutputArgs, PlaceArgs, RecipeArgs};
use super::output::Output;
use super::terminal;
use super::{Surroundings, Voice, finish, rebuild};
use crate::cancel::Cancel;
use crate::pipeline::{self, Consent, UpdateWish};
use crate::report::UpdateSummary;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof update dists --from requirements.txt\n  \
    wheelproof update dists --from uv.lock --dry-run\n  \
    wheelproof update dists --from requirements.txt --sources sdists/ --offline --yes\n\n\
    Fetches the sdists by the listed hashes, builds what is new or whose recipe changed, drops what \
    nothing needs, and puts a new wheelhouse with a new manifest in the place of the old one in one \
    step. The old one, if it was signed, is then DIR.previous. Sign the new one with 'wheelproof sign'.")]
pub(super) struct UpdateArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// What the wheelhouse is for: a requirements file with hashes, poetry.lock, uv.lock or pylock.toml
    #[arg(long = "from", value_name = "FILE", required = true)]
    lists: Vec<PathBuf>,
    /// Look for sdists, and for wheels as the index has them, here before asking the index
    #[arg(long, value_name = "PATH")]
    sources: Vec<PathBuf>,
    /// Build with the interpreter of this Python tag; once for each [default: the one of py3]
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// prefer: where the listed wheel of the index comes back bit for bit, take it [default: prefer]
    #[arg(
        long,
        value_name = "prefer|ignore",
        default_value = "prefer",
        hide_default_value = true,
        hide_possible_values = true
    )]
    published: Published,
    /// Drop what nothing needs without asking
    #[arg(long, short)]
    yes: bool,
    /// Say what would be built and dropped, and write nothing
    #[arg(long, visible_alias = "check")]
    dry_run: bool,
    #[command(flatten)]
    recipe: RecipeArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What becomes of wheels that the index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Published {
    /// They are taken where their sdists give them.
    Prefer,
    /// Nobody looks at them.
    Ignore,
}

pub(super) fn run(
    surroundings: &Surroundings,
    voice: Voice,
    args: &UpdateArgs,
    cancel: &Cancel,
) -> u8 {
    let output = Output::new(voice, args.output.format);
    if let Some(code) = output.unready("update", &args.output.report) {
        return code;
    }
    let (request, around) = match rebuild::building(surroundings, &args.place, &args.recipe) {
        Ok(asked) => asked,
        Err(usage) => return output.usage("update", &usage),
    };
    let progress = output.progress(&request);
    let consent = |summary: &UpdateSummary| {
        if args.yes {
            return Consent::Given;
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Consent::NobodyThere;
        }
        progress.clear();
        let question = match summary.dropped.len() {
            1 => "Drop this file? [y/N] ".to_owned(),
            count => format!("Drop these {count} files? [y/N] "),
        };
        output.ask(summary, &question);
        match terminal::answer(cancel) {
            Some(answer) if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) => {
                Consent::Given
            }
            _ => Consent::Refused,
        }
    };
    let wish = UpdateWish {
        lists: args.lists.clone(),
        sources: args.sources.clone(),
        tags: args.tag.clone(),
        published: args.published == Published::Prefer,
        dry_run: args.dry_run,
        working_directory: std::env::current_dir().ok(),
        consent: &consent,
    };
    let mut report = pipeline::update(&request, &wish, &around, cancel, &progress);
    progress.clear();
    if cancel.is_requested() {
        output.say(
            "interrupted; the wheelhouse is as it was",
            "run it again: what was fetched and built is kept, and is not built again",
        );
    }
    finish(&mut report, &args.output, &output, cancel)
}
