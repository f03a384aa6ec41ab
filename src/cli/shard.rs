//! `--shard` and `--results`: one machine of many.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Mutex;

use clap::Args;

use super::{Surroundings, Usage};
use crate::digest::Sha256Digest;
use crate::finding::Finding;
use crate::pipeline::{self, Request, Results};
use crate::policy::RebuildPolicy;
use crate::report::{RebuildSummary, Report, Trouble};
use crate::results::{ResultsFile, Task, WriteError};
use crate::selection::{Pair, Selection, Shard, ShardError};

#[derive(Debug, Args)]
#[command(next_help_heading = "Many machines")]
pub(super) struct ShardArgs {
    /// Rebuild part I of N only; auto asks Slurm, Kubernetes, CircleCI or GitLab CI which one it is
    #[arg(long, value_name = "I/N|auto")]
    shard: Option<ShardWish>,
    /// Write each result to this file as it comes, for wheelproof merge
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy)]
enum ShardWish {
    Named(Shard),
    Auto,
}

impl FromStr for ShardWish {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => text.parse().map(Self::Named),
        }
    }
}

impl ShardArgs {
    /// Returns the part that is to be done; `None` for all of it.
    pub(super) fn shard(
        &self,
        surroundings: &Surroundings,
        time_is_chosen: bool,
    ) -> Result<Option<Shard>, Usage> {
        let shard = match self.shard {
            None => return Ok(None),
            Some(ShardWish::Named(shard)) => shard,
            Some(ShardWish::Auto) => from_environment(surroundings)?,
        };
        if self.results.is_some() && !time_is_chosen {
            return Err(Usage::new(
                "results of several machines are merged only when all judge at one time",
                "give all of them the same --time",
            ));
        }
        Ok(Some(shard))
    }

    pub(super) fn results(&self) -> Option<&Path> {
        self.results.as_deref()
    }
}

/// An engine that starts one process on many machines, and how it numbers them.
struct Engine {
    name: &'static str,
    index: &'static str,
    /// The number of the first one, or the variable that has it.
    first: First,
    step: Option<&'static str>,
    count: &'static str,
}

enum First {
    Is(u32),
    In(&'static str),
}

const ENGINES: &[Engine] = &[
    Engine {
        name: "a Slurm array",
        index: "SLURM_ARRAY_TASK_ID",
        first: First::In("SLURM_ARRAY_TASK_MIN"),
        step: Some("SLURM_ARRAY_TASK_STEP"),
        count: "SLURM_ARRAY_TASK_COUNT",
    },
    Engine {
        name: "an Indexed Job of Kubernetes",
        index: "JOB_COMPLETION_INDEX",
        first: First::Is(0),
        step: None,
        count: "WHEELPROOF_SHARDS",
    },
    Engine {
        name: "CircleCI",
        index: "CIRCLE_NODE_INDEX",
        first: First::Is(0),
        step: None,
        count: "CIRCLE_NODE_TOTAL",
    },
    Engine {
        name: "GitLab CI",
        index: "CI_NODE_INDEX",
        first: First::Is(1),
        step: None,
        count: "CI_NODE_TOTAL",
    },
];

/// Returns the part that the engine this process runs under has for it.
fn from_environment(surroundings: &Surroundings) -> Result<Shard, Usage> {
    const NEXT: &str = "say which part of how many, such as --shard 3/10";
    let mut there = ENGINES
        .iter()
        .filter(|engine| surroundings.variable(engine.index).is_some());
    let Some(engine) = there.next() else {
        let names: Vec<_> = ENGINES.iter().map(|engine| engine.index).collect();
        return Err(Usage::new(
            format!(
                "--shard auto finds none of {} in the environment",
                names.join(", ")
            ),
            NEXT,
        ));
    };
    if let Some(other) = there.next() {
        return Err(Usage::new(
            format!(
                "--shard auto finds both {} and {} in the environment",
                engine.index, other.index
            ),
            NEXT,
        ));
    }
    engine
        .shard(surroundings)
        .map_err(|message| Usage::new(message, NEXT))
}

impl Engine {
    fn shard(&self, surroundings: &Surroundings) -> Result<Shard, String> {
        let number = |name: &str| -> Result<u32, String> {
            let value = surroundings
                .variable(name)
                .ok_or_else(|| format!("{name} is not set, as {} does", self.name))?;
            let value = value.to_string_lossy();
            value
                .parse()
                .map_err(|_| format!("{name} is '{}', and no number", value.escape_debug()))
        };
        let index = number(self.index)?;
        let count = number(self.count)?;
        let first = match self.first {
            First::Is(first) => first,
            First::In(name) => number(name)?,
        };
        let step = match self.step {
            Some(name) if surroundings.variable(name).is_some() => number(name)?,
            _ => 1,
        };
        let outside = || {
            format!(
                "{} is {index}, which is none of the {count} parts of {}",
                self.index, self.name
            )
        };
        let below = index.checked_sub(first).ok_or_else(outside)?;
        // An array such as 1,2,7 has no step; its parts cannot be counted.
        let place = match (below.checked_rem(step), below.checked_div(step)) {
            (Some(0), Some(place)) => place,
            _ => return Err(outside()),
        };
        let number = place.checked_add(1).ok_or_else(outside)?;
        Shard::new(number, count).map_err(|_| outside())
    }
}

/// Returns what a file of results says of the task.
pub(super) fn task(
    request: &Request,
    around: &pipeline::Surroundings,
    selection: &Selection,
    shard: Option<Shard>,
) -> Result<Task, Usage> {
    let mut policy = request.policy.clone();
    // How much one machine does at once, and how long it waits, decides whether there is
    // a verdict, never which.
    let default = RebuildPolicy::default();
    policy.rebuild.jobs = default.jobs;
    policy.rebuild.timeout = default.timeout;
    policy.rebuild.memory = default.memory;
    policy.rebuild.disk = default.disk;
    policy.rebuild.processes = default.processes;
    let policy = serde_json::to_value(policy).map_err(|error| {
        Usage::new(
            format!("the policy cannot be written into results: {error}"),
            "name files and directories whose names are UTF-8",
        )
    })?;
    let how = serde_json::json!({
        "policy": policy,
        "fetch": around.fetch.is_some(),
        "durations": around.durations,
        "reuse": around.reuse,
        "prove": around.prove,
        "search_seconds": around.search.map(|time| time.as_secs()),
    });
    Ok(Task {
        shard: shard.unwrap_or(Shard::WHOLE),
        policy_sha256: Sha256Digest::of(how.to_string().as_bytes()),
        selection: selection.to_string(),
        strict: request.strict,
    })
}

/// Takes the results of the pipeline into a file.
pub(super) struct Taker {
    path: PathBuf,
    task: Task,
    state: Mutex<Option<Result<ResultsFile, WriteError>>>,
}

impl Taker {
    pub(super) fn new(path: &Path, task: Task) -> Self {
        Self {
            path: path.to_owned(),
            task,
            state: Mutex::new(None),
        }
    }

    /// Ends the file; returns what kept it from being whole.
    pub(super) fn end(self) -> Option<Trouble> {
        let state = match self.state.into_inner() {
            Ok(state) => state,
            Err(poisoned) => poisoned.into_inner(),
        };
        let error = state?.and_then(ResultsFile::end).err()?;
        Some(Trouble {
            message: error.to_string(),
            next: "name a file in a directory that has room and can be written to".to_owned(),
        })
    }
}

impl Results for Taker {
    fn begin(&self, verified: &Report, selected: &[Pair], of_machine: &[Finding]) {
        let begun = ResultsFile::begin(&self.path, &self.task, verified, selected, of_machine);
        if let Ok(mut state) = self.state.lock() {
            *state = Some(begun);
        }
    }

    fn add(&self, rebuild: &RebuildSummary, findings: &[Finding]) {
        if let Ok(state) = self.state.lock()
            && let Some(Ok(file)) = &*state
        {
            file.add(rebuild, findings);
        }
    }
}
