//! Where the recipe of a rebuild comes from.
//!
//! In: a wheel, its sdist, the policy. Out: the recipe and its source, with
//! interpreter and tools found. The sources are asked in the order of
//! [`RecipeSource`]; the first that has a recipe decides.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tools::{Reason, Toolbox};
use crate::filename::{SdistFilename, WheelFilename};
use crate::policy::{InterpreterPolicy, RebuildPolicy, RecipePolicy};
use crate::rebuild::{Interpreter, Workshop};
use crate::recipe::Recipe;
use crate::report::RecipeSource;
use crate::sandbox::find_program;
use crate::selection::{Pair, Signed};

/// What the sources of recipes share.
pub(super) struct Recipes<'a> {
    pub(super) policy: &'a RebuildPolicy,
    pub(super) search_path: &'a [PathBuf],
    pub(super) workshop: &'a Workshop,
    pub(super) toolbox: &'a Toolbox<'a>,
}

/// The recipe for one wheel.
pub(super) struct Chosen {
    pub(super) recipe: Recipe,
    pub(super) source: RecipeSource,
    pub(super) interpreter: Arc<Interpreter>,
}

impl Recipes<'_> {
    /// Returns the recipe of the first source that has one.
    pub(super) fn choose(
        &self,
        pair: &Pair,
        sdist: &Signed<SdistFilename>,
    ) -> Result<Chosen, Reason> {
        // The order of the sources. Each gives `None` when it has nothing to say
        // of this wheel, and a reason when it has and cannot be followed: to go on
        // to a weaker source then would hide that.
        let of_project = self.policy.recipe_of(sdist.filename.project());
        if let Some(chosen) = self.by_policy(pair, sdist, &of_project)? {
            return Ok(chosen);
        }
        Err("no source has a recipe for it".into())
    }

    /// Returns what the policy says of a wheel, with the defaults for what it
    /// does not say.
    fn by_policy(
        &self,
        pair: &Pair,
        sdist: &Signed<SdistFilename>,
        policy: &RecipePolicy,
    ) -> Result<Option<Chosen>, Reason> {
        let (path, interpreter) = self.interpreter(&pair.wheel.filename, policy)?;
        let tools = self.toolbox.gather(self.workshop.cache(), policy, &path)?;
        let recipe = Recipe::from_policy(policy, &sdist.filename, path, tools);
        Ok(Some(Chosen {
            recipe,
            source: RecipeSource::Policy,
            interpreter,
        }))
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
