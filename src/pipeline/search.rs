//! Searching recipes, with the signed digest as oracle.
//!
//! In: the wheels that did not come back, and a time. Out: for some of them a
//! recipe that gives the signed digest, shown by a build. Sets of tools are tried in
//! the order of `search`, one build each; epochs, umasks and modes are tried on what
//! a build gave, in memory, and only a match is built again. What was found for one
//! wheel is tried first for all others: who signs a manifest seldom built each wheel
//! in another way.
//!
//! Attempts have numbers, and what is tried as one of them depends on what came of
//! those that are [`LEAD`] before it, and on no later one. So the same recipes are
//! found by any number of workers, whichever of them is faster.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::Progress;
use super::rebuild::Shop;
use super::recipes::{Copies, Seen};
use super::searched::{Found, Place};
use super::tools::Reason;
use crate::cancel::Cancel;
use crate::filename::SdistFilename;
use crate::infer;
use crate::policy::Epoch;
use crate::rebuild::{Built, Job, Outcome, Wanted};
use crate::recipe::{Recipe, ToolWheel};
use crate::report::{RebuildOutcome, RebuildSummary, RecipeSource, WitnessSummary};
use crate::requirements::Requirement;
use crate::search::{self, Moments, ToolSet, Variation, Variations};
use crate::selection::{Pair, Signed};
use crate::threads;

/// How many bytes of a wheel are hashed for one set of tools at most.
const HASHED: u64 = 4 << 30;

/// How many attempts are begun without knowing what comes of each other; there are
/// never more workers.
const LEAD: usize = 32;

/// A wheel whose recipe is searched.
struct Hunt<'a> {
    index: usize,
    pair: &'a Pair,
    sdist: &'a Signed<SdistFilename>,
    sdist_copy: PathBuf,
    seen: Arc<Seen>,
    sets: Vec<ToolSet>,
    tried: BTreeSet<ToolSet>,
    place: Place,
    /// What an earlier search found.
    remembered: Option<Found>,
    is_busy: bool,
    is_over: bool,
}

/// What the workers share.
#[derive(Default)]
struct State<'a> {
    hunts: Vec<Hunt<'a>>,
    /// What gave a signed digest so far, the newest first.
    found: Vec<Found>,
    /// How many attempts have been given out.
    begun: usize,
    /// How many of them are known to `hunts` and `found`.
    merged: usize,
    /// What came of attempts that are not known there yet; `None` for a number that
    /// was passed over.
    ended: BTreeMap<usize, Option<Ended>>,
}

/// What came of an attempt.
struct Ended {
    /// The place of the wheel among the hunts.
    at: usize,
    /// What gives its signed digest.
    found: Option<Found>,
}

/// What a worker does next.
enum Step {
    Attempt {
        number: usize,
        /// The place of the wheel among the hunts.
        at: usize,
        set: ToolSet,
        /// What other wheels came back with.
        variations: Vec<Variation>,
    },
    /// Wait for another worker.
    Wait,
    Over,
}

/// A wheel with the signed digest and what it was built by.
struct Hit {
    built: Built,
    recipe: Recipe,
    variation: Option<Variation>,
}

impl Shop<'_> {
    /// Searches recipes for the wheels that did not come back, and puts what was
    /// found into their summaries.
    pub(super) fn search(
        &self,
        pairs: &[Pair],
        rebuilds: &mut [RebuildSummary],
        time: Duration,
        progress: &dyn Progress,
    ) {
        // Builds and fetching end with the time, too.
        let cancel = self.cancel.until(Instant::now() + time);
        let mut state = State::default();
        for (index, (pair, summary)) in pairs.iter().zip(rebuilds.iter()).enumerate() {
            if summary.outcome != RebuildOutcome::Reproduced
                && let Some(hunt) = self.hunt(index, pair)
            {
                state.hunts.push(hunt);
            }
        }
        progress.rebuilding(state.hunts.len() as u64);
        let hunted: Vec<usize> = state.hunts.iter().map(|hunt| hunt.index).collect();
        let state = Mutex::new(state);
        let rebuilds = Mutex::new(rebuilds);
        threads::each_of(self.jobs().min(LEAD), || {
            self.work(&state, &rebuilds, &cancel, progress);
        });
        if let Ok(rebuilds) = rebuilds.into_inner() {
            for index in hunted {
                let Some(summary) = rebuilds.get_mut(index) else {
                    continue;
                };
                if summary.outcome != RebuildOutcome::Reproduced {
                    summary
                        .notes
                        .push("no recipe that was tried gives the signed digest (--search)".into());
                }
            }
        }
    }

    /// Returns a wheel as one to search for; `None` when nothing can be built for
    /// it.
    fn hunt<'a>(&self, index: usize, pair: &'a Pair) -> Option<Hunt<'a>> {
        let sdist = pair.sdist.as_ref()?;
        let private = self.private.path().join(index.to_string());
        let sdist_copy = private.join(sdist.filename.to_string());
        let published = private.join(pair.wheel.filename.to_string());
        let copies = Copies {
            sdist: &sdist_copy,
            wheel: published.exists().then_some(&*published),
        };
        let rebuild = &self.request.policy.rebuild;
        let policy = rebuild.recipe_of(sdist.filename.project());
        let seen = self.recipes().seen(pair, sdist, &policy, &copies).ok()?;
        let latest = self.signed.or(seen.inference.cutoff)?;
        let sets = search::tool_sets(&seen.sdist, seen.wheel.as_ref(), latest).ok()?;
        let place = Place::of(
            self.workshop.cache().root(),
            pair.wheel.sha256,
            sdist.sha256,
            &seen.found.interpreter,
        );
        Some(Hunt {
            remembered: place.read(),
            place,
            index,
            pair,
            sdist,
            sdist_copy,
            seen: Arc::new(seen),
            sets,
            tried: BTreeSet::new(),
            is_busy: false,
            is_over: false,
        })
    }

    fn work(
        &self,
        state: &Mutex<State<'_>>,
        rebuilds: &Mutex<&mut [RebuildSummary]>,
        cancel: &Cancel,
        progress: &dyn Progress,
    ) {
        while !cancel.is_requested() {
            let (number, at, set, variations) = match lock(state).next() {
                Step::Attempt {
                    number,
                    at,
                    set,
                    variations,
                } => (number, at, set, variations),
                Step::Wait => {
                    std::thread::sleep(Duration::from_millis(10));
                    continue;
                }
                Step::Over => return,
            };
            // What a build needs is lent out, so that others can go on.
            let lent = lock(state).hunts.get(at).map(Task::of);
            let Some(task) = lent else { return };
            progress.building(task.pair.wheel.path.as_str());
            let hit = self.attempt_set(&task, &set, &variations, cancel);
            let mut state = lock(state);
            let mut found = None;
            if let Ok(Some(hit)) = hit
                && let Some(hunt) = state.hunts.get(at)
            {
                let known = (set, hit.variation);
                hunt.place.keep(&known);
                if let Ok(mut rebuilds) = rebuilds.lock()
                    && let Some(summary) = rebuilds.get_mut(hunt.index)
                {
                    self.put(summary, hit, hunt, &known.0);
                }
                progress.rebuilt(hunt.pair.wheel.path.as_str());
                found = Some(known);
            }
            state.ended.insert(number, Some(Ended { at, found }));
        }
    }

    /// Builds with one set of tools and looks whether that, with other times or
    /// modes, gives the signed digest.
    fn attempt_set(
        &self,
        task: &Task<'_>,
        set: &ToolSet,
        found: &[Variation],
        cancel: &Cancel,
    ) -> Result<Option<Hit>, Reason> {
        let tools = self.tools_of(task, set, cancel)?;
        let wanted = task.pair.wheel.sha256;
        let said = &task.seen.settings;
        // Where there is a wheel, it shows times and modes, and tools are all that
        // is searched. A policy's word counts too.
        let is_open =
            task.seen.wheel.is_none() && !matches!(said.source_date_epoch, Some(Epoch::At(_)));
        let first = is_open.then(|| found.first().copied().unwrap_or_default());
        let recipe = task.recipe(&tools, first);
        let Some(built) = self.build_one(task, &recipe, cancel)? else {
            return Ok(None);
        };
        if built.sha256 == wanted {
            return Ok(Some(Hit {
                built,
                recipe,
                variation: first,
            }));
        }
        if first.is_none() || cancel.is_requested() {
            return Ok(None);
        }
        let moments: Vec<i64> = found.iter().map(|variation| variation.epoch).collect();
        let mut epochs = search::epochs(
            &task.seen.sdist,
            Moments {
                found: &moments,
                signed: self.signed,
            },
        );
        epochs.truncate(usize::try_from(HASHED / 8 / built.size.max(1)).unwrap_or(usize::MAX));
        let bytes = std::fs::read(&built.wheel)?;
        drop(built);
        let limits = self.request.policy.wheelhouse.limits;
        let mut variations = Variations::of(bytes, &task.seen.sdist, limits)?;
        let Some(variation) = variations.find(wanted, &epochs) else {
            return Ok(None);
        };
        let recipe = task.recipe(&tools, Some(variation));
        Ok(self
            .build_one(task, &recipe, cancel)?
            .filter(|built| built.sha256 == wanted)
            .map(|built| Hit {
                built,
                recipe,
                variation: Some(variation),
            }))
    }

    fn tools_of(
        &self,
        task: &Task<'_>,
        set: &ToolSet,
        cancel: &Cancel,
    ) -> Result<Vec<ToolWheel>, Reason> {
        let cache = self.workshop.cache();
        if let Some(releases) = set.complete() {
            let listed: Vec<Requirement> = releases
                .into_iter()
                .map(|release| Requirement {
                    project: release.project.clone(),
                    extras: Vec::new(),
                    version: release.version.clone(),
                    hashes: vec![release.sha256],
                    marker: None,
                    line: 0,
                })
                .collect();
            let python = self.recipes().fetching_python(&task.seen.found);
            return self.toolbox.listed(cache, &listed, &python, cancel);
        }
        let wanted = Wanted {
            requirements: set.requirements(),
            pinned: set.pins.keys().cloned().collect(),
            cutoff: self.signed.or(task.seen.inference.cutoff),
        };
        let found = &task.seen.found;
        let python = self.recipes().fetching_python(found);
        self.toolbox
            .as_of(cache, &wanted, &python, &found.interpreter, cancel)
            .map(|(tools, _)| tools)
    }

    fn build_one(
        &self,
        task: &Task<'_>,
        recipe: &Recipe,
        cancel: &Cancel,
    ) -> Result<Option<Built>, Reason> {
        let log = task.sdist_copy.with_file_name("search-log");
        let job = Job {
            sdist: &task.sdist_copy,
            sdist_name: &task.sdist.filename,
            wheel: Some(&task.pair.wheel.filename),
            recipe,
            log: &log,
        };
        Ok(match self.workshop.build(&job, cancel)? {
            Outcome::Built(built) => Some(built),
            Outcome::BuildFailed { .. }
            | Outcome::TimedOut { .. }
            | Outcome::NotAttempted { .. } => None,
        })
    }

    fn put(&self, summary: &mut RebuildSummary, hit: Hit, hunt: &Hunt<'_>, set: &ToolSet) {
        let project = hunt.sdist.filename.project();
        let mut inferred = vec![infer::Reason {
            part: "tools",
            value: set.requirements().join(", "),
            because: "with them the signed digest came out; others may write the same bytes".into(),
        }];
        if let Some(variation) = hit.variation {
            inferred.push(infer::Reason {
                part: "source-date-epoch",
                value: variation.epoch.to_string(),
                because: "with it the signed digest came out".into(),
            });
        }
        summary.outcome = RebuildOutcome::Reproduced;
        summary.reason = None;
        summary.rebuilt_sha256 = Some(hit.built.sha256);
        summary.policy = Some(hit.recipe.to_policy_toml(project));
        summary.recipe = Some(hit.recipe);
        summary.recipe_source = Some(RecipeSource::Searched);
        summary.inferred = inferred;
        summary.python = Some(hunt.seen.found.interpreter.name());
        summary.sandbox = Some(hit.built.layer);
        summary.notes.clone_from(&hit.built.notes);
        summary.differences.clear();
        summary.wheels = Default::default();
        summary.causes.clear();
        summary.attributed.clear();
        summary.unexplained.clear();
        summary.witness = WitnessSummary::default();
        summary.log = None;
        if let Err(Reason(reason)) = self.keep(&hit.built, &hunt.pair.wheel) {
            summary.reason = Some(reason);
        }
    }
}

impl<'a> State<'a> {
    /// Returns the next attempt, and marks its wheel as being tried.
    fn next(&mut self) -> Step {
        loop {
            while self.merged + LEAD <= self.begun {
                let Some(ended) = self.ended.remove(&self.merged) else {
                    return Step::Wait;
                };
                self.merged += 1;
                if let Some(ended) = ended {
                    self.merge(ended);
                }
            }
            let number = self.begun;
            if let Some((at, set, variations)) = self.choose() {
                self.begun += 1;
                return Step::Attempt {
                    number,
                    at,
                    set,
                    variations,
                };
            }
            if !self.hunts.iter().any(|hunt| hunt.is_busy) {
                return Step::Over;
            }
            // Nothing can be tried before more is known.
            self.begun += 1;
            self.ended.insert(number, None);
        }
    }

    fn merge(&mut self, ended: Ended) {
        let Some(hunt) = self.hunts.get_mut(ended.at) else {
            return;
        };
        hunt.is_busy = false;
        if let Some(known) = ended.found {
            hunt.is_over = true;
            self.found.retain(|other| *other != known);
            self.found.insert(0, known);
        }
    }

    /// Returns the best set to try with the place of its wheel and the variations
    /// that other wheels came back with, and marks it as being tried.
    fn choose(&mut self) -> Option<(usize, ToolSet, Vec<Variation>)> {
        let mut best: Option<(usize, usize, ToolSet)> = None;
        for (at, hunt) in self.hunts.iter().enumerate() {
            if hunt.is_busy || hunt.is_over {
                continue;
            }
            let remembered = hunt.remembered.as_ref().map(|(set, _)| set.clone());
            let known = remembered
                .into_iter()
                .chain(self.found.iter().filter_map(|(set, _)| {
                    let own = hunt.sets.first()?;
                    own.with_versions_of(set, &hunt.seen.sdist)
                }))
                .find(|set| !hunt.tried.contains(set));
            // What came back for another wheel goes before everything else; then
            // each wheel has its turn.
            let (rank, set) = match known {
                Some(set) => (0, set),
                None => match hunt.sets.iter().find(|set| !hunt.tried.contains(set)) {
                    Some(set) => (1 + hunt.tried.len(), set.clone()),
                    None => continue,
                },
            };
            if best.as_ref().is_none_or(|(lowest, _, _)| rank < *lowest) {
                best = Some((rank, at, set));
            }
        }
        let (_, at, set) = best?;
        let hunt = self.hunts.get_mut(at)?;
        hunt.is_busy = true;
        hunt.tried.insert(set.clone());
        let mut variations: Vec<Variation> = Vec::new();
        let known = hunt.remembered.iter().chain(&self.found);
        for variation in known.filter_map(|(_, variation)| *variation) {
            if !variations.contains(&variation) {
                variations.push(variation);
            }
        }
        Some((at, set, variations))
    }
}

/// What one attempt needs of a wheel.
struct Task<'a> {
    pair: &'a Pair,
    sdist: &'a Signed<SdistFilename>,
    sdist_copy: PathBuf,
    seen: Arc<Seen>,
}

impl<'a> Task<'a> {
    fn of(hunt: &Hunt<'a>) -> Self {
        Self {
            pair: hunt.pair,
            sdist: hunt.sdist,
            sdist_copy: hunt.sdist_copy.clone(),
            seen: Arc::clone(&hunt.seen),
        }
    }

    /// Returns the recipe with these tools, and with a variation in place of what
    /// is known of times and modes.
    fn recipe(&self, tools: &[ToolWheel], variation: Option<Variation>) -> Recipe {
        let mut settings = self.seen.settings.clone();
        if let Some(variation) = variation {
            settings.source_date_epoch = Some(Epoch::At(variation.epoch));
            settings.clock = None;
            settings.umask = Some(variation.umask.octal());
            settings.source_modes = Some(variation.source_modes);
        }
        let found = &self.seen.found;
        Recipe {
            root: found.root.clone(),
            ..Recipe::from_policy(
                &settings,
                &self.sdist.filename,
                found.path.clone(),
                tools.to_vec(),
            )
        }
    }
}

fn lock<'m, 'a>(state: &'m Mutex<State<'a>>) -> MutexGuard<'m, State<'a>> {
    // A worker that broke off leaves a list of wheels that is still one.
    match state.lock() {
        Ok(state) => state,
        Err(poisoned) => poisoned.into_inner(),
    }
}
