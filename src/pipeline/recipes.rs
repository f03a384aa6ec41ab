//! Where the recipe of a rebuild comes from.
//!
//! In: a wheel, its sdist, the policy. Out: the recipe and its source, with
//! interpreter and tools found. The sources are asked in the order of
//! [`RecipeSource`]; the first that has a recipe decides.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tools::{Reason, Toolbox};
use crate::archive::Limits;
use crate::evidence::{SdistEvidence, WheelEvidence};
use crate::filename::{SdistFilename, WheelFilename};
use crate::infer;
use crate::infer::Inference;
use crate::policy::{Epoch, InterpreterPolicy, RebuildPolicy, RecipePolicy};
use crate::rebuild::{Interpreter, Wanted, Workshop};
use crate::recipe::{Recipe, SourceModes, Umask};
use crate::report::RecipeSource;
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
}

/// The recipe for one wheel.
pub(super) struct Chosen {
    pub(super) recipe: Recipe,
    pub(super) source: RecipeSource,
    pub(super) interpreter: Arc<Interpreter>,
    /// Why it is so, where it was inferred.
    pub(super) reasons: Vec<infer::Reason>,
}

/// What the files of one wheel show.
pub(super) struct Seen {
    pub(super) path: PathBuf,
    pub(super) interpreter: Arc<Interpreter>,
    pub(super) wheel: Option<WheelEvidence>,
    pub(super) sdist: SdistEvidence,
    pub(super) inference: Inference,
    /// The policy, and below it what was inferred, tools left out.
    pub(super) settings: RecipePolicy,
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
    ) -> Result<Chosen, Reason> {
        // The order of the sources. Each gives `None` when it has nothing to say
        // of this wheel, and a reason when it has and cannot be followed: to go on
        // to a weaker source then would hide that.
        let of_project = self.policy.recipe_of(sdist.filename.project());
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
        let (path, interpreter) = self.interpreter(&pair.wheel.filename, policy)?;
        let tools = self.toolbox.gather(self.workshop.cache(), policy, &path)?;
        let recipe = Recipe::from_policy(policy, &sdist.filename, path, tools);
        Ok(Some(Chosen {
            recipe,
            source: RecipeSource::Policy,
            interpreter,
            reasons: Vec::new(),
        }))
    }

    /// Returns what wheel and sdist show, and what they speak for.
    pub(super) fn seen(
        &self,
        pair: &Pair,
        sdist: &Signed<SdistFilename>,
        policy: &RecipePolicy,
        copies: &Copies<'_>,
    ) -> Result<Seen, Reason> {
        let (path, interpreter) = self.interpreter(&pair.wheel.filename, policy)?;
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
            umask: inference.umask.map(Umask::octal),
            keep_source_modes: Some(inference.source_modes == Some(SourceModes::Archive)),
            time_zone: inference.time_zone.clone(),
            ..RecipePolicy::default()
        };
        // An epoch that the policy sets leaves no work for a clock.
        if policy.source_date_epoch.is_none() {
            below.clock = at(inference.clock);
        }
        Ok(Seen {
            path,
            interpreter,
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
            path,
            interpreter,
            inference,
            settings,
            ..
        } = self.seen(pair, sdist, policy, copies)?;
        let wanted = Wanted {
            requirements: inference.requirements,
            pinned: inference.pinned,
            cutoff: inference.cutoff,
        };
        let (tools, is_dated) =
            self.toolbox
                .as_of(self.workshop.cache(), &wanted, &path, &interpreter)?;
        let asked_for_nothing = tools.is_empty() && policy.source_date_epoch.is_some();
        let said = [
            ("source-date-epoch", policy.source_date_epoch.is_some()),
            ("clock", policy.clock.or(policy.source_date_epoch).is_some()),
            ("umask", policy.umask.is_some()),
            ("source-modes", policy.keep_source_modes.is_some()),
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
        let recipe = Recipe::from_policy(&settings, &sdist.filename, path, tools);
        Ok(Chosen {
            recipe,
            // Where the policy says when, and no tools are asked for, it says all.
            source: match asked_for_nothing {
                true => RecipeSource::Policy,
                false => RecipeSource::Inferred,
            },
            interpreter,
            reasons: match asked_for_nothing {
                true => Vec::new(),
                false => reasons,
            },
        })
    }

    /// Returns the first interpreter named for a wheel that can build it: the
    /// project's own, else one of a tag in its name, else one for Python 3 in
    /// general.
    fn interpreter(
        &self,
        wheel: &WheelFilename,
        policy: &RecipePolicy,
    ) -> Result<(PathBuf, Arc<Interpreter>), Reason> {
        let mut refused = None;
        for named in self.interpreters(wheel, policy) {
            let path = self.locate(&named.python)?;
            let interpreter = self.workshop.interpreter(&path)?;
            // Before fetching any tools: no recipe mends the wrong interpreter.
            match interpreter.suits(wheel) {
                Ok(()) => return Ok((path, interpreter)),
                Err(reason) => refused = refused.or(Some(reason)),
            }
        }
        Err(refused
            .unwrap_or_else(|| "the policy names no interpreter for it".to_owned())
            .into())
    }

    /// Returns the interpreters that are named for a wheel, the one to take first
    /// in front.
    fn interpreters(&self, wheel: &WheelFilename, policy: &RecipePolicy) -> Vec<InterpreterPolicy> {
        if let Some(own) = &policy.interpreter {
            return vec![own.clone()];
        }
        let named = &self.policy.interpreters;
        wheel
            .python_tags()
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
            return Ok(python.to_owned());
        }
        let name = python.display().to_string();
        find_program(&name, self.search_path).ok_or_else(|| {
            Reason(format!(
                "the interpreter '{name}' is not on the path; name one with --python or in the policy under [rebuild.interpreters]"
            ))
        })
    }
}
