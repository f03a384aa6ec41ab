//! Where the recipe of a rebuild comes from.
//!
//! In: a wheel, its sdist, the policy. Out: the recipe and its source, with
//! interpreter and tools found. The sources are asked in the order of
//! [`RecipeSource`]; the first that has a recipe decides.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tools::{Reason, Toolbox};
use crate::archive::Limits;
use crate::cancel::Cancel;
use crate::evidence::{SdistEvidence, WheelEvidence};
use crate::filename::{SdistFilename, WheelFilename};
use crate::infer;
use crate::infer::Inference;
use crate::input;
use crate::policy::{
    EARLIEST_EPOCH, Epoch, InterpreterPolicy, LATEST_EPOCH, RebuildPolicy, RecipePolicy,
};
use crate::rebuild::{Interpreter, Job, Wanted, Workshop};
use crate::recipe::{
    BuildRecord, Input, InterpreterIdentity, MAX_RECORD_BYTES, RECORD_ENDING, Recipe, Sysconfig,
    ToolWheel, Umask,
};
use crate::report::RecipeSource;
use crate::requirements::Requirement;
use crate::sandbox::find_program;
use crate::selection::{Pair, Signed};
use crate::time::UtcTime;

/// What the sources of recipes share.
pub(super) struct Recipes<'a> {
    pub(super) policy: &'a RebuildPolicy,
    /// How much an archive may hold that is looked into for evidence.
    pub(super) limits: Limits,
    /// When the manifest was signed.
    pub(super) signed: Option<UtcTime>,
    pub(super) search_path: &'a [PathBuf],
    pub(super) workshop: &'a Workshop,
    pub(super) toolbox: &'a Toolbox<'a>,
    pub(super) cancel: &'a Cancel,
}

/// The recipe for one wheel.
pub(super) struct Chosen {
    pub(super) recipe: Recipe,
    pub(super) source: RecipeSource,
    pub(super) interpreter: Arc<Interpreter>,
    /// Why it is so, where it was inferred.
    pub(super) reasons: Vec<infer::Reason>,
}

/// An interpreter that was found.
pub(super) struct Found {
    pub(super) root: Option<PathBuf>,
    pub(super) path: PathBuf,
    pub(super) interpreter: Arc<Interpreter>,
}

/// Returns the requirement that only this tool meets.
fn requirement(tool: &ToolWheel) -> Requirement {
    Requirement {
        project: tool.filename.project().clone(),
        extras: Vec::new(),
        version: tool.filename.version().clone(),
        hashes: vec![tool.sha256],
        marker: None,
        line: 0,
    }
}

/// What the files of one wheel show.
pub(super) struct Seen {
    pub(super) found: Found,
    pub(super) wheel: Option<WheelEvidence>,
    pub(super) sdist: SdistEvidence,
    pub(super) inference: Inference,
    /// The policy, and below it what was inferred, tools left out.
    pub(super) settings: RecipePolicy,
}

/// An sdist, and what it shows.
struct Source<'a> {
    name: &'a SdistFilename,
    /// A copy that nobody else can write to.
    path: &'a Path,
    evidence: &'a SdistEvidence,
}

/// The verified files of one wheel, where nobody else can write to them.
pub(super) struct Copies<'a> {
    pub(super) sdist: &'a Path,
    /// `None` when the published wheel is not there.
    pub(super) wheel: Option<&'a Path>,
}

impl Recipes<'_> {
    /// Returns the recipe of the first source that has one.
    pub(super) fn choose(
        &self,
        pair: &Pair,
        sdist: &Signed<SdistFilename>,
        copies: &Copies<'_>,
        record: Option<BuildRecord>,
    ) -> Result<Chosen, Reason> {
        // The order of the sources. Each gives `None` when it has nothing to say
        // of this wheel, and a reason when it has and cannot be followed: to go on
        // to a weaker source then would hide that.
        let of_project = self.policy.recipe_of(sdist.filename.project());
        if let Some(record) = record {
            return self.by_record(pair, &of_project, record);
        }
        if let Some(chosen) = self.by_policy(pair, sdist, &of_project)? {
            return Ok(chosen);
        }
        self.inferred(pair, sdist, &of_project, copies)
    }

    /// Returns what the policy says of a wheel, with the defaults for what it
    /// does not say. A policy that does not say where the tools are leaves them,
    /// and what else it does not say, to inference.
    fn by_policy(
        &self,
        pair: &Pair,
        sdist: &Signed<SdistFilename>,
        policy: &RecipePolicy,
    ) -> Result<Option<Chosen>, Reason> {
        if !policy.names_tools() {
            return Ok(None);
        }
        let found = self.interpreter(Some(&pair.wheel.filename), policy, None)?;
        let recipe = self.stated(&found, policy, &sdist.filename)?;
        Ok(Some(Chosen {
            recipe,
            source: RecipeSource::Policy,
            interpreter: found.interpreter,
            reasons: Vec::new(),
        }))
    }

    /// Returns what the policy states for an sdist, with the tools it names.
    pub(super) fn stated(
        &self,
        found: &Found,
        policy: &RecipePolicy,
        sdist: &SdistFilename,
    ) -> Result<Recipe, Reason> {
        let cache = self.workshop.cache();
        let tools = self
            .toolbox
            .gather(cache, policy, &self.fetching_python(found))?;
        let recipe = Recipe::from_policy(policy, sdist, found.path.clone(), tools);
        self.complete(recipe, found, policy)
    }

    /// Returns a recipe for an sdist of which there is no wheel yet: what the policy
    /// states, the tools that it names or else those that the sdist asks for, and
    /// where nothing states a time, the newest one in the sdist, so that the same
    /// bytes come out tomorrow.
    pub(super) fn unbuilt(
        &self,
        found: &Found,
        policy: &RecipePolicy,
        name: &SdistFilename,
        sdist: &Path,
    ) -> Result<(Recipe, RecipeSource), Reason> {
        let evidence = SdistEvidence::read(sdist, name, &self.limits)
            .map_err(|error| format!("sdist {name} is refused: {error}"))?;
        let newest = evidence
            .newest()
            .map(|time| time.clamp(EARLIEST_EPOCH, LATEST_EPOCH));
        let policy = policy.or(&RecipePolicy {
            source_date_epoch: newest.map(Epoch::At),
            ..RecipePolicy::default()
        });
        if policy.names_tools() {
            let recipe = self.stated(found, &policy, name)?;
            return Ok((recipe, RecipeSource::Policy));
        }
        let mut inference = infer::infer(name.project(), None, &evidence, None)?;
        // It is built now, with what there is now.
        inference.cutoff = None;
        let source = Source {
            name,
            path: sdist,
            evidence: &evidence,
        };
        let (recipe, _) = self.with_tools(&mut inference, &source, None, found, &policy)?;
        Ok((recipe, RecipeSource::Inferred))
    }

    /// Returns the recipe of some settings, with the tools that were inferred, and where
    /// only the backend knows what else it needs, those that it asks for; and whether the
    /// date was kept to.
    fn with_tools(
        &self,
        inference: &mut Inference,
        source: &Source<'_>,
        wheel: Option<&WheelFilename>,
        found: &Found,
        settings: &RecipePolicy,
    ) -> Result<(Recipe, bool), Reason> {
        let python = self.fetching_python(found);
        let resolve = |inference: &Inference| {
            let wanted = Wanted {
                requirements: inference.requirements.clone(),
                pinned: inference.pinned.clone(),
                cutoff: inference.cutoff,
            };
            let cache = self.workshop.cache();
            let interpreter = &found.interpreter;
            self.toolbox
                .as_of(cache, &wanted, &python, interpreter, self.cancel)
        };
        let (tools, mut is_dated) = resolve(inference)?;
        let recipe = Recipe::from_policy(settings, source.name, found.path.clone(), tools);
        let mut recipe = self.complete(recipe, found, settings)?;
        if infer::asks_when_asked(source.evidence) {
            let job = Job {
                sdist: source.path,
                sdist_name: source.name,
                wheel,
                recipe: &recipe,
                log: Path::new("/dev/null"),
            };
            let asked = self.workshop.further_requirements(&job, self.cancel)?;
            if inference.asked_besides(&asked) {
                (recipe.tools, is_dated) = resolve(inference)?;
            }
        }
        Ok((recipe, is_dated))
    }

    /// Returns what a signed record says of a wheel, with interpreter, tools and
    /// inputs found here. Where things are is the policy's to say.
    fn by_record(
        &self,
        pair: &Pair,
        policy: &RecipePolicy,
        record: BuildRecord,
    ) -> Result<Chosen, Reason> {
        let identity = record.recipe.machine.interpreter.as_ref();
        let found = self.interpreter(Some(&pair.wheel.filename), policy, identity)?;
        let listed = RecipePolicy {
            tools: None,
            pinned_tools: Some(record.recipe.tools.iter().map(requirement).collect()),
            ..policy.clone()
        };
        let cache = self.workshop.cache();
        let tools = self
            .toolbox
            .gather(cache, &listed, &self.fetching_python(&found))?;
        let mut inputs = Vec::new();
        for input in record.recipe.inputs {
            let place = policy.inputs.as_ref().and_then(|it| it.get(&input.at));
            let path = place.ok_or_else(|| {
                format!(
                    "the record reads {}, a directory with the digest {}; say in the policy under inputs where one is",
                    input.at.display(),
                    input.sha256
                )
            })?;
            inputs.push(Input {
                path: path.clone(),
                ..input
            });
        }
        Ok(Chosen {
            recipe: Recipe {
                interpreter: found.path.clone(),
                root: found.root.clone(),
                tools,
                inputs,
                ..record.recipe
            },
            source: RecipeSource::Record,
            interpreter: found.interpreter,
            reasons: Vec::new(),
        })
    }

    /// Adds what a policy names by place.
    pub(super) fn complete(
        &self,
        mut recipe: Recipe,
        found: &Found,
        policy: &RecipePolicy,
    ) -> Result<Recipe, Reason> {
        recipe.root.clone_from(&found.root);
        recipe.inputs.extend(self.inputs(policy)?);
        if let Some(place) = &policy.sysconfig {
            recipe.sysconfig = Some(self.sysconfig_at(place)?);
        }
        Ok(recipe)
    }

    /// Returns the inputs that a policy names, with the digests they have now.
    pub(super) fn inputs(&self, policy: &RecipePolicy) -> Result<Vec<Input>, Reason> {
        let named = policy.inputs.iter().flatten();
        named
            .map(|(at, path)| {
                Ok(Input {
                    at: at.clone(),
                    sha256: self.workshop.input_digest(path, self.cancel)?,
                    path: path.clone(),
                })
            })
            .collect()
    }

    /// Returns the sysconfig data at a place that the policy names: a file of JSON,
    /// a build record, CPython's own module, or another interpreter.
    pub(super) fn sysconfig_at(&self, place: &Path) -> Result<Sysconfig, Reason> {
        let refuse = |reason: &dyn std::fmt::Display| {
            format!("the sysconfig data at {}: {reason}", place.display())
        };
        let name = place.to_string_lossy();
        if name.ends_with(RECORD_ENDING) {
            let bytes = input::read(place, MAX_RECORD_BYTES)?;
            let record = BuildRecord::parse(&bytes).map_err(|error| refuse(&error))?;
            return Ok(record
                .recipe
                .sysconfig
                .ok_or_else(|| refuse(&"the record has none"))?);
        }
        if name.ends_with(".json") {
            let bytes = input::read(place, MAX_RECORD_BYTES)?;
            return Ok(Sysconfig::from_json(&bytes).map_err(|error| refuse(&error))?);
        }
        if name.ends_with(".py") {
            let bytes = input::read(place, MAX_RECORD_BYTES)?;
            let text = String::from_utf8(bytes).map_err(|error| refuse(&error))?;
            let python = self.locate(Path::new("python3"))?;
            return Ok(self
                .workshop
                .sysconfig_of_module(&python, &text, self.cancel)?);
        }
        let python = self.locate(place)?;
        let recipe = Recipe::new(python, PathBuf::from("/"));
        Ok(self.workshop.facts(&recipe, self.cancel)?.sysconfig.clone())
    }

    /// Returns the interpreter that fetches tools: the one that builds, or where
    /// that one has a root of its own, this machine's.
    pub(super) fn fetching_python(&self, found: &Found) -> PathBuf {
        match &found.root {
            Some(_) => self
                .locate(Path::new("python3"))
                .unwrap_or_else(|_| "python3".into()),
            None => found.path.clone(),
        }
    }

    /// Returns what wheel and sdist show, and what they speak for.
    pub(super) fn seen(
        &self,
        pair: &Pair,
        sdist: &Signed<SdistFilename>,
        policy: &RecipePolicy,
        copies: &Copies<'_>,
    ) -> Result<Seen, Reason> {
        let found = self.interpreter(Some(&pair.wheel.filename), policy, None)?;
        let seen_sdist = SdistEvidence::read(copies.sdist, &sdist.filename, &self.limits)
            .map_err(|error| format!("sdist {} is refused: {error}", sdist.filename))?;
        let seen_wheel = copies
            .wheel
            .map(|wheel| WheelEvidence::read(wheel, self.limits))
            .transpose()?;
        let project = sdist.filename.project();
        let inference = infer::infer(project, seen_wheel.as_ref(), &seen_sdist, self.signed)?;
        let at = |seconds: Option<i64>| Some(seconds.map_or(Epoch::Unset, Epoch::At));
        let mut below = RecipePolicy {
            source_date_epoch: at(inference.source_date_epoch),
            platform: inference.platform,
            distutils: Some(inference.distutils.clone()),
            umask: inference.umask.map(Umask::octal),
            source_modes: Some(inference.source_modes.unwrap_or_default()),
            time_zone: inference.time_zone.clone(),
            ..RecipePolicy::default()
        };
        // An epoch that the policy sets leaves no work for a clock.
        if policy.source_date_epoch.is_none() {
            below.clock = at(inference.clock);
            below.clock_steps = Some(inference.clock_steps.clone());
        }
        Ok(Seen {
            found,
            wheel: seen_wheel,
            sdist: seen_sdist,
            inference,
            settings: policy.or(&below),
        })
    }

    /// Returns what wheel and sdist speak for; what the policy says comes first.
    fn inferred(
        &self,
        pair: &Pair,
        sdist: &Signed<SdistFilename>,
        policy: &RecipePolicy,
        copies: &Copies<'_>,
    ) -> Result<Chosen, Reason> {
        let Seen {
            found,
            sdist: evidence,
            mut inference,
            settings,
            ..
        } = self.seen(pair, sdist, policy, copies)?;
        let source = Source {
            name: &sdist.filename,
            path: copies.sdist,
            evidence: &evidence,
        };
        let wheel = Some(&pair.wheel.filename);
        let (recipe, is_dated) =
            self.with_tools(&mut inference, &source, wheel, &found, &settings)?;
        let asked_for_nothing = recipe.tools.is_empty() && policy.source_date_epoch.is_some();
        let said = [
            ("source-date-epoch", policy.source_date_epoch.is_some()),
            ("clock", policy.clock.or(policy.source_date_epoch).is_some()),
            (
                "clock-steps",
                policy.clock.or(policy.source_date_epoch).is_some(),
            ),
            ("platform", policy.platform.is_some()),
            ("distutils", policy.distutils.is_some()),
            ("umask", policy.umask.is_some()),
            ("source-modes", policy.source_modes.is_some()),
            ("time-zone", policy.time_zone.is_some()),
        ];
        let mut reasons = inference.reasons;
        reasons.retain(|reason| !said.contains(&(reason.part, true)));
        if !is_dated {
            reasons.retain(|reason| !reason.value.starts_with("none newer"));
            reasons.push(infer::Reason {
                part: "tools",
                value: "the newest of the others".to_owned(),
                because: "uv, which knows what an index had when, is not on the path".to_owned(),
            });
        }
        Ok(Chosen {
            recipe,
            // Where the policy says when, and no tools are asked for, it says all.
            source: match asked_for_nothing {
                true => RecipeSource::Policy,
                false => RecipeSource::Inferred,
            },
            interpreter: found.interpreter,
            reasons: match asked_for_nothing {
                true => Vec::new(),
                false => reasons,
            },
        })
    }

    /// Returns the first interpreter named for a wheel that can build it: the
    /// project's own, else one of a tag in its name, else one for Python 3 in
    /// general. Of several, one that is the recorded one comes first, then one
    /// that compiles as that one does, then one of its version.
    pub(super) fn interpreter(
        &self,
        wheel: Option<&WheelFilename>,
        policy: &RecipePolicy,
        recorded: Option<&InterpreterIdentity>,
    ) -> Result<Found, Reason> {
        let mut refused = None;
        let mut fitting = Vec::new();
        for mut named in self.interpreters(wheel, policy) {
            if let Some(root) = &mut named.root {
                *root = std::fs::canonicalize(&*root)
                    .map_err(|error| format!("the root {}: {error}", root.display()))?;
            }
            let path = match &named.root {
                Some(_) => named.python.clone(),
                None => self.locate(&named.python)?,
            };
            let interpreter = self.workshop.interpreter(named.root.as_deref(), &path)?;
            // Before fetching any tools: no recipe mends the wrong interpreter.
            match wheel.map_or(Ok(()), |wheel| interpreter.suits(wheel)) {
                Ok(()) => fitting.push(Found {
                    root: named.root,
                    path,
                    interpreter,
                }),
                Err(reason) => refused = refused.or(Some(reason)),
            }
        }
        if let Some(recorded) = recorded
            && fitting.len() > 1
        {
            let mut ranked = Vec::new();
            for found in fitting {
                ranked.push((self.distance(&found, recorded)?, found));
            }
            // Stable: of equals, the one that is named first.
            ranked.sort_by_key(|(distance, _)| *distance);
            fitting = ranked.into_iter().map(|(_, found)| found).collect();
        }
        fitting.into_iter().next().ok_or_else(|| {
            refused
                .unwrap_or_else(|| "the policy names no interpreter for it".to_owned())
                .into()
        })
    }

    /// Returns how far an interpreter is from the recorded one.
    fn distance(&self, found: &Found, recorded: &InterpreterIdentity) -> Result<u8, Reason> {
        let mut recipe = Recipe::new(found.path.clone(), PathBuf::from("/"));
        recipe.root.clone_from(&found.root);
        let facts = self.workshop.facts(&recipe, self.cancel)?;
        Ok(match &facts.machine.interpreter {
            Some(own) if own.sha256 == recorded.sha256 => 0,
            Some(own) if own.sysconfig_sha256 == recorded.sysconfig_sha256 => 1,
            Some(own) if own.version == recorded.version => 2,
            Some(_) | None => 3,
        })
    }

    /// Returns the interpreters that are named for a wheel, the one to take first
    /// in front.
    fn interpreters(
        &self,
        wheel: Option<&WheelFilename>,
        policy: &RecipePolicy,
    ) -> Vec<InterpreterPolicy> {
        if let Some(own) = &policy.interpreter {
            return vec![own.clone()];
        }
        let named = &self.policy.interpreters;
        wheel
            .map(WheelFilename::python_tags)
            .unwrap_or_default()
            .iter()
            .rev()
            .find_map(|tag| named.get(tag))
            .or_else(|| named.get("py3"))
            .cloned()
            .unwrap_or_else(|| vec![InterpreterPolicy::from(PathBuf::from("python3"))])
    }

    /// Returns the file of an interpreter; a bare name is looked for on the path.
    fn locate(&self, python: &Path) -> Result<PathBuf, Reason> {
        if python.components().count() > 1 || python.is_absolute() {
            // It runs in another directory than this one.
            return std::path::absolute(python).map_err(|error| {
                Reason(format!("the interpreter '{}': {error}", python.display()))
            });
        }
        let name = python.display().to_string();
        find_program(&name, self.search_path).ok_or_else(|| {
            Reason(format!(
                "the interpreter '{name}' is not on the path; name one with --python or in the policy under [rebuild.interpreters]"
            ))
        })
    }
}
