//! What a build gave, and what is written down of it.

use super::tools::Reason;
use crate::cancel::Cancel;
use crate::rebuild::{Built, Outcome, Workshop};
use crate::recipe::{Machine, Recipe};

/// Returns the wheel that a build gave, or why there is none, with the end of its
/// log.
pub(super) fn finished(outcome: Outcome) -> Result<Built, Reason> {
    let said = |reason: String, log: &str| {
        let last = log.lines().rfind(|line| !line.trim().is_empty());
        match last {
            Some(last) => Reason(format!("{reason}; its log ends with: {}", last.trim())),
            None => Reason(reason),
        }
    };
    match outcome {
        Outcome::Built(built) => Ok(built),
        Outcome::BuildFailed { reason, log_tail } => Err(said(reason, &log_tail)),
        Outcome::TimedOut { after, log_tail } => {
            let seconds = after.as_secs();
            let reason = format!("the build was ended after {seconds} s, the limit");
            Err(said(reason, &log_tail))
        }
        Outcome::NotAttempted { reason } => Err(reason.into()),
    }
}

/// Returns a recipe with what this machine is. What only compiled wheels depend on
/// is left out where nothing was compiled.
pub(super) fn with_machine(
    workshop: &Workshop,
    recipe: Recipe,
    built: &Built,
    cancel: &Cancel,
) -> Result<Recipe, Reason> {
    let facts = workshop.facts(&recipe, cancel)?;
    let compiled = built
        .filename
        .platform_tags()
        .iter()
        .any(|tag| tag != "any");
    let (machine, sysconfig) = match compiled {
        true => {
            let data = recipe.sysconfig.clone();
            let data = data.unwrap_or_else(|| facts.sysconfig.clone());
            (facts.machine.clone(), Some(data))
        }
        false => {
            let machine = Machine {
                interpreter: facts.machine.interpreter.clone(),
                zlib: facts.machine.zlib.clone(),
                ..Machine::default()
            };
            (machine, None)
        }
    };
    Ok(Recipe {
        machine,
        sysconfig,
        ..recipe
    })
}
