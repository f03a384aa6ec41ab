//! `wheelproof audit` and `wheelproof rebuild`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{
    AuditArgs, CommonArgs, KeepArgs, OutputArgs, PlaceArgs, RebuildArgs, RecipeArgs,
    RequirementsFlag, SelectionArgs,
};
use super::output::Output;
use super::request::{Asked, Rebuilds};
use super::shard::{self, ShardArgs, Taker};
use super::{Surroundings, Usage, Voice, environment, finish, request};
use crate::cancel::Cancel;
use crate::pipeline::{self, RebuildWish, Request, Results};
use crate::policy::{Epoch, Errand, InterpreterPolicy, RebuildPolicy};
use crate::selection::{Selection, Selector};

/// How long a search takes at most where nothing is said.
const SEARCH_SECONDS: u32 = 60;

pub(super) fn audit(
    surroundings: &Surroundings,
    voice: Voice,
    args: &AuditArgs,
    cancel: &Cancel,
) -> u8 {
    Task {
        command: "audit",
        default: Some(Selection::All),
        common: &args.common,
        requirements: &args.requirements,
        selection: &args.selection,
        shard: &args.shard,
        keep: &args.keep,
        recipe: &args.recipe,
        output: &args.output,
    }
    .run(surroundings, voice, cancel)
}

pub(super) fn rebuild(
    surroundings: &Surroundings,
    voice: Voice,
    args: &RebuildArgs,
    cancel: &Cancel,
) -> u8 {
    Task {
        command: "rebuild",
        default: None,
        common: &args.common,
        requirements: &args.requirements,
        selection: &args.selection,
        shard: &args.shard,
        keep: &args.keep,
        recipe: &args.recipe,
        output: &args.output,
    }
    .run(surroundings, voice, cancel)
}

/// What the two commands share; they differ in what is selected when nothing is
/// said.
struct Task<'a> {
    command: &'static str,
    default: Option<Selection>,
    common: &'a CommonArgs,
    requirements: &'a RequirementsFlag,
    selection: &'a SelectionArgs,
    shard: &'a ShardArgs,
    keep: &'a KeepArgs,
    recipe: &'a RecipeArgs,
    output: &'a OutputArgs,
}

impl Task<'_> {
    fn run(self, surroundings: &Surroundings, voice: Voice, cancel: &Cancel) -> u8 {
        let output = Output::new(voice, self.output.format);
        if let Some(code) = output.unready(self.command, &self.output.report) {
            return code;
        }
        let asked = self.request(surroundings).and_then(|request| {
            let shard = self.shard.shard(surroundings, request.time_is_chosen)?;
            let selection = self.selection()?;
            let around = around(surroundings, self.recipe, Some(self.keep))?;
            let taker = match self.shard.results() {
                Some(path) => {
                    let task = shard::task(&request, &around, &selection, shard)?;
                    Some(Taker::new(path, task))
                }
                None => None,
            };
            Ok((request, selection, shard, around, taker))
        });
        let (request, selection, shard, around, taker) = match asked {
            Ok(asked) => asked,
            Err(usage) => return output.usage(self.command, &usage),
        };
        let wish = RebuildWish {
            selection: &selection,
            shard,
            results: taker.as_ref().map(|taker| taker as &dyn Results),
        };
        let progress = output.progress(&request);
        let mut report =
            pipeline::rebuild(self.command, &request, &wish, &around, cancel, &progress);
        progress.clear();
        // Without its last line a file says that its run was ended.
        let ended = taker.filter(|_| !cancel.is_requested());
        report.errors.extend(ended.and_then(Taker::end));
        finish(&mut report, self.output, &output, cancel)
    }

    fn request(&self, surroundings: &Surroundings) -> Result<Request, Usage> {
        let rebuilds = Rebuilds {
            recipe: Some(self.recipe),
            records: self.keep.records,
        };
        request::rebuilding(surroundings, self.common, Some(self.requirements), rebuilds)
    }

    fn selection(&self) -> Result<Selection, Usage> {
        let args = self.selection;
        if let (Some(count), Some(seed)) = (args.sample, &args.seed) {
            return Ok(Selection::Sample {
                count,
                seed: seed.clone(),
            });
        }
        if args.all {
            return Ok(Selection::All);
        }
        if args.select.is_empty() {
            return self.default.clone().ok_or_else(|| {
                Usage::new(
                    "no wheels are selected",
                    "name projects or file names, or say --all or --sample",
                )
            });
        }
        args.select
            .iter()
            .map(|word| {
                Selector::parse(&file_name(&self.common.place.dir, word)?).map_err(|error| {
                    Usage::new(
                        error,
                        "select by project, project==version, or 'pattern*.whl'",
                    )
                })
            })
            .collect::<Result<_, _>>()
            .map(Selection::Some)
    }
}

/// Returns the name of a file that is named by its path, as shells complete it.
fn file_name(dir: &Path, word: &str) -> Result<String, Usage> {
    if !word.contains('/') {
        return Ok(word.to_owned());
    }
    let below = |path: &Path| {
        let (dir, path) = (dir.canonicalize().ok()?, path.canonicalize().ok()?);
        path.starts_with(dir).then_some(())
    };
    let path = Path::new(word);
    match (below(path), path.file_name().and_then(|name| name.to_str())) {
        (Some(()), Some(name)) => Ok(name.to_owned()),
        _ => Err(Usage::new(
            format!("there is no {word} below {}", dir.display()),
            "select by project, project==version, or a pattern of the file name",
        )),
    }
}

/// Returns what a command that builds is asked, and what its builds need.
pub(super) fn building(
    surroundings: &Surroundings,
    place: &PlaceArgs,
    recipe: &RecipeArgs,
) -> Result<(Request, pipeline::Surroundings), Usage> {
    let mut asked = Asked::for_all(Errand::Build);
    asked.flags.take_recipe(recipe);
    let mut request = request::place(surroundings, place, asked)?;
    override_with(&mut request.policy.rebuild, recipe);
    Ok((request, around(surroundings, recipe, None)?))
}

/// Returns what builds need besides the policy.
pub(super) fn around(
    surroundings: &Surroundings,
    args: &RecipeArgs,
    keep: Option<&KeepArgs>,
) -> Result<pipeline::Surroundings, Usage> {
    let named = surroundings.variable(environment::CACHE).map(PathBuf::from);
    let cache = match (
        args.cache.clone().or(named),
        surroundings.variable("XDG_CACHE_HOME"),
    ) {
        (Some(cache), _) => cache,
        (None, Some(directory)) => PathBuf::from(directory).join("wheelproof"),
        (None, None) => match surroundings.variable("HOME") {
            Some(home) => PathBuf::from(home).join(".cache/wheelproof"),
            None => {
                return Err(Usage::new(
                    "there is no cache directory: neither XDG_CACHE_HOME nor HOME is set",
                    "name a directory with --cache",
                ));
            }
        },
    };
    let offline = args.offline || environment::switch(surroundings, environment::OFFLINE)?;
    let executable = surroundings.executable.clone().ok_or_else(|| {
        Usage::new(
            "the system does not say where this program's own file is",
            "make /proc available",
        )
    })?;
    Ok(pipeline::Surroundings {
        cache,
        temporary: surroundings.temporary()?,
        executable,
        search_path: surroundings
            .variable("PATH")
            .map(|path| std::env::split_paths(path).collect())
            .unwrap_or_default(),
        fetch: (!offline).then(|| surroundings.environment.clone()),
        keep: keep.and_then(|keep| keep.keep.clone()),
        keep_different: keep.and_then(|keep| keep.keep_different.clone()),
        witness: args.witness.clone(),
        logs: args.logs.clone(),
        durations: args.durations,
        reuse: args.reuse_results,
        prove: args.prove,
        search: args.search.then(|| {
            let seconds = args.search_time.map_or(SEARCH_SECONDS, NonZeroU32::get);
            Duration::from_secs(u64::from(seconds))
        }),
    })
}

pub(super) fn override_with(policy: &mut RebuildPolicy, args: &RecipeArgs) {
    // A tag that is named on the command line has no other interpreter.
    let mut named: BTreeMap<String, Vec<InterpreterPolicy>> = BTreeMap::new();
    for (tag, path) in &args.python {
        let list = named.entry(tag.clone()).or_default();
        list.push(InterpreterPolicy::from(path.clone()));
    }
    policy.interpreters.extend(named);
    policy.jobs = args.jobs.or(policy.jobs);
    policy.timeout = args.timeout.map_or(policy.timeout, |seconds: NonZeroU32| {
        Duration::from_secs(u64::from(seconds.get()))
    });
    let mebibytes = |number: NonZeroU32| u64::from(number.get()) << 20;
    policy.memory = args.memory_mib.map_or(policy.memory, mebibytes);
    policy.disk = args.disk_mib.map_or(policy.disk, mebibytes);
    policy.processes = args
        .processes
        .map_or(policy.processes, |number| u64::from(number.get()));
    policy.exact |= args.exact;
    policy.sandbox = args.sandbox.unwrap_or(policy.sandbox);
    // A flag is said for this run, so it wins over what single projects have.
    let layers = policy.projects.values_mut().chain([&mut policy.recipe]);
    for recipe in layers {
        if let Some(seconds) = args.source_date_epoch {
            recipe.source_date_epoch = Some(Epoch::At(seconds));
        }
        if let Some(seconds) = args.clock {
            recipe.clock = Some(Epoch::At(seconds));
            recipe.clock_steps = None;
        }
        recipe.platform = args.platform.or(recipe.platform);
        recipe.source_times = args.source_times.or(recipe.source_times);
        recipe.time_zone = args.time_zone.clone().or(recipe.time_zone.take());
        recipe.source_modes = args.source_modes.or(recipe.source_modes);
        if !args.build_env.is_empty() {
            recipe.environment = Some(args.build_env.iter().cloned().collect());
        }
        recipe.umask = args.umask.or(recipe.umask);
        recipe.build_path = args.build_path.clone().or(recipe.build_path.take());
        for (setting, flags) in [
            (&mut recipe.tools, &args.tools),
            (&mut recipe.tool_directories, &args.tool_directory),
            (&mut recipe.tool_wheelhouses, &args.tool_wheelhouse),
        ] {
            if !flags.is_empty() {
                *setting = Some(flags.clone());
            }
        }
    }
}
