//! Proving causes: rebuild once more with only one thing changed, and look whether
//! the difference is gone.
//!
//! In: a wheel that did not come back, the causes of that, and the recipe. Out: the
//! same causes, those that were proved marked as such, and the build that has the signed
//! digest where one has. It may be made with tools that no list names; whether it counts
//! as the rebuild is for the caller to say, who knows where the recipe came from.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::rebuild::facts_of;
use super::tools::Toolbox;
use crate::archive::Limits;
use crate::cancel::Cancel;
use crate::compare::{self, Comparison};
use crate::digest::Sha256Digest;
use crate::explain::{self, Cause, Factor, Proof};
use crate::filename::ProjectName;
use crate::policy::{Platform, RecipePolicy};
use crate::rebuild::{Built, Job, Outcome, Wanted, Workshop};
use crate::recipe::{Recipe, SourceModes, ToolWheel, Umask};
use crate::sdist::SourceFiles;

/// The most builds that one wheel is worth.
const BUILDS: usize = 12;

/// The most interpreters that are tried for one cause.
const INTERPRETERS: usize = 4;

/// What a proof works with.
pub(super) struct Prover<'a> {
    pub(super) workshop: &'a Workshop,
    pub(super) toolbox: &'a Toolbox<'a>,
    pub(super) policy: &'a RecipePolicy,
    /// Interpreters that may be tried in place of the recipe's.
    pub(super) interpreters: Vec<PathBuf>,
    pub(super) published: &'a Path,
    pub(super) published_sha256: Sha256Digest,
    pub(super) source: Option<&'a SourceFiles>,
    pub(super) limits: Limits,
    pub(super) cancel: &'a Cancel,
}

/// What trying the causes gave.
#[derive(Default)]
pub(super) struct Proved {
    /// What to say beside the causes.
    pub(super) notes: Vec<String>,
    /// The build that has the signed digest.
    pub(super) reproduced: Option<Reproduced>,
}

/// A build that has the signed digest.
pub(super) struct Reproduced {
    pub(super) recipe: Recipe,
    /// What was changed, in words.
    pub(super) change: String,
    /// Whether something that the user stated was changed for it.
    pub(super) is_stated: bool,
    pub(super) built: Built,
    /// The interpreter, as it is named in a report.
    pub(super) python: String,
}

/// A recipe with one thing changed.
struct Variant {
    recipe: Recipe,
    /// What was changed, in words.
    change: String,
}

impl Prover<'_> {
    /// Tries each cause that one thing decides.
    pub(super) fn prove(&self, job: &Job<'_>, causes: &mut [Cause]) -> Proved {
        let mut builds = 0;
        let mut together = job.recipe.clone();
        let mut changes = Vec::new();
        let mut tried: Vec<(Factor, Option<Tried>)> = Vec::new();
        for index in 0..causes.len() {
            let Some((factor, name)) = causes
                .get(index)
                .and_then(|cause| Some((cause.factor.clone()?, cause.cause)))
            else {
                continue;
            };
            if self.cancel.is_requested() {
                return Proved::default();
            }
            // Two causes may hang on one thing; it is built once.
            let known = tried.iter().position(|(other, _)| *other == factor);
            let known = known.unwrap_or_else(|| {
                let found = self
                    .variants(job.recipe, &factor)
                    .into_iter()
                    .filter_map(|variant| {
                        builds += 1;
                        (builds <= BUILDS)
                            .then(|| self.build(job, variant))
                            .flatten()
                    })
                    .min_by_key(|tried| tried.left.len());
                tried.push((factor, found));
                tried.len() - 1
            });
            let Some((_, Some(found))) = tried.get(known) else {
                continue;
            };
            let gone = !found.left.contains(name);
            if let Some(cause) = causes.get_mut(index).filter(|_| gone) {
                cause.proof = Proof::Counterfactual;
                cause.evidence.push(match found.reproduced {
                    true => format!("a rebuild with {} has the signed digest", found.change),
                    false => format!("a rebuild with {} no longer shows it", found.change),
                });
                if !changes.contains(&found.change) {
                    changes.push(found.change.clone());
                    merge(&mut together, job.recipe, &found.recipe);
                }
            }
        }
        let is_stated = tried
            .iter()
            .filter(|(_, found)| found.is_some())
            .any(|(factor, _)| self.is_stated(factor));
        let hit = tried.into_iter().find_map(|(factor, found)| {
            let found = found.filter(|found| found.reproduced)?;
            Some(found.into_reproduced(self.is_stated(&factor)))
        });
        if hit.is_some() {
            return Proved {
                notes: Vec::new(),
                reproduced: hit,
            };
        }
        if changes.len() < 2 {
            return Proved::default();
        }
        let variant = Variant {
            recipe: together,
            change: changes.join(", "),
        };
        match self.build(job, variant) {
            Some(found) if found.reproduced => Proved {
                notes: vec![format!(
                    "a rebuild with {} has the signed digest",
                    found.change
                )],
                reproduced: Some(found.into_reproduced(is_stated)),
            },
            _ => Proved::default(),
        }
    }

    /// Returns whether the user said how the recipe is in this part.
    fn is_stated(&self, factor: &Factor) -> bool {
        let policy = self.policy;
        match factor {
            Factor::Epoch(_) => policy.source_date_epoch.is_some(),
            Factor::Umask(_) => policy.umask.is_some(),
            Factor::ArchiveModes(_) => policy.source_modes.is_some(),
            Factor::Platform(_) => policy.platform.is_some(),
            Factor::BuildPath(_) => policy.build_path.is_some(),
            Factor::Interpreter => policy.interpreter.is_some(),
            Factor::Tool { .. } => policy.names_tools(),
            Factor::Variable("TZ", _) => policy.time_zone.is_some(),
            Factor::Variable(name, _) => policy
                .environment
                .as_ref()
                .is_some_and(|environment| environment.contains_key(*name)),
        }
    }

    /// Returns the recipes to try for a factor.
    fn variants(&self, recipe: &Recipe, factor: &Factor) -> Vec<Variant> {
        let with = |change: String, apply: &dyn Fn(&mut Recipe)| {
            let mut recipe = recipe.clone();
            apply(&mut recipe);
            vec![Variant { recipe, change }]
        };
        match factor {
            Factor::Epoch(epoch) => with(
                match epoch {
                    Some(seconds) => format!("SOURCE_DATE_EPOCH={seconds}"),
                    None => "SOURCE_DATE_EPOCH unset".to_owned(),
                },
                &|recipe| recipe.source_date_epoch = *epoch,
            ),
            Factor::Umask(umask) => with(format!("umask {umask:03o}"), &|recipe| {
                recipe.umask = Umask::from_bits(*umask);
            }),
            Factor::ArchiveModes(archive) => with(
                match archive {
                    true => "the modes of the sdist kept".to_owned(),
                    false => "the modes of the sdist less the umask".to_owned(),
                },
                &|recipe| {
                    recipe.source_modes = match archive {
                        true => SourceModes::Archive,
                        false => SourceModes::Umask,
                    };
                },
            ),
            Factor::Platform(platform) => {
                let change = match platform {
                    Platform::Native => "no other system simulated",
                    Platform::Windows => "Windows simulated",
                };
                with(change.to_owned(), &|recipe| recipe.platform = *platform)
            }
            Factor::BuildPath(path) if path.starts_with('/') => {
                with(format!("the source in {path}"), &|recipe| {
                    recipe.build_path = PathBuf::from(path);
                })
            }
            Factor::BuildPath(_) => Vec::new(),
            Factor::Variable("TZ", value) => with(format!("TZ={value}"), &|recipe| {
                recipe.time_zone.clone_from(value);
            }),
            Factor::Variable(name, value) => with(format!("{name}={value}"), &|recipe| {
                recipe.environment.insert((*name).to_owned(), value.clone());
            }),
            Factor::Tool { name, version } => match self.tool(recipe, name, version) {
                Some(tool) => with(format!("{name} {version}"), &|recipe| {
                    let project = tool.filename.project();
                    recipe
                        .tools
                        .retain(|other| other.filename.project() != project);
                    recipe.tools.push(tool.clone());
                    recipe.tools.sort_by_key(|tool| tool.filename.to_string());
                }),
                None => Vec::new(),
            },
            Factor::Interpreter => self
                .interpreters
                .iter()
                .filter(|path| **path != recipe.interpreter)
                .take(INTERPRETERS)
                .map(|path| Variant {
                    recipe: Recipe {
                        interpreter: path.clone(),
                        ..recipe.clone()
                    },
                    change: format!("the interpreter {}", path.display()),
                })
                .collect(),
        }
    }

    /// Finds a tool in a version: in the directories of tools, else from an index.
    fn tool(&self, recipe: &Recipe, name: &str, version: &str) -> Option<ToolWheel> {
        let project = ProjectName::parse(name).ok()?;
        let version_wanted = version.parse().ok()?;
        let directories = self.policy.tool_directories.as_deref().unwrap_or_default();
        let cache = self.workshop.cache();
        if let Ok(Some(tool)) = cache.unlisted(&project, &version_wanted, directories) {
            return Some(tool);
        }
        let wanted = Wanted {
            requirements: vec![format!("{name}=={version}")],
            pinned: BTreeSet::from([project.clone()]),
            ..Wanted::default()
        };
        let interpreter = self
            .workshop
            .interpreter(recipe.root.as_deref(), &recipe.interpreter)
            .ok()?;
        let tools = self.toolbox.as_of(
            cache,
            &wanted,
            &recipe.interpreter,
            &interpreter,
            self.cancel,
        );
        let is_it = |tool: &ToolWheel| *tool.filename.project() == project;
        tools.ok()?.0.into_iter().find(is_it)
    }

    /// Builds a variant and explains it; nothing when it cannot be built.
    fn build(&self, job: &Job<'_>, variant: Variant) -> Option<Tried> {
        let Variant { recipe, change } = variant;
        let interpreter = self
            .workshop
            .interpreter(recipe.root.as_deref(), &recipe.interpreter)
            .ok()?;
        let variant = Job {
            recipe: &recipe,
            ..*job
        };
        let Outcome::Built(built) = self.workshop.build(&variant, self.cancel).ok()? else {
            return None;
        };
        let change = match recipe.interpreter == job.recipe.interpreter {
            true => change,
            false => format!("{change} ({})", interpreter.name()),
        };
        let reproduced = built.sha256 == self.published_sha256;
        let mut left = BTreeSet::new();
        if !reproduced {
            let compared =
                compare::wheels(self.published, &built.wheel, self.limits, self.cancel).ok()?;
            if let Comparison::Different(different) = compared {
                let build = facts_of(&recipe);
                let explanation = explain::explain(&different, self.source, Some(&build));
                left.extend(explanation.causes.iter().map(|cause| cause.cause));
            }
        }
        Some(Tried {
            recipe,
            change,
            reproduced,
            left,
            python: interpreter.name(),
            built,
        })
    }
}

/// What a build with one thing changed gave.
struct Tried {
    recipe: Recipe,
    change: String,
    reproduced: bool,
    /// The causes that the difference from the published wheel still has.
    left: BTreeSet<&'static str>,
    python: String,
    built: Built,
}

impl Tried {
    fn into_reproduced(self, is_stated: bool) -> Reproduced {
        Reproduced {
            recipe: self.recipe,
            change: self.change,
            is_stated,
            built: self.built,
            python: self.python,
        }
    }
}

/// Takes over what a variant changed.
fn merge(together: &mut Recipe, base: &Recipe, variant: &Recipe) {
    if variant.source_date_epoch != base.source_date_epoch {
        together.source_date_epoch = variant.source_date_epoch;
    }
    if variant.umask != base.umask {
        together.umask = variant.umask;
    }
    if variant.source_modes != base.source_modes {
        together.source_modes = variant.source_modes;
    }
    if variant.platform != base.platform {
        together.platform = variant.platform;
    }
    if variant.build_path != base.build_path {
        together.build_path.clone_from(&variant.build_path);
    }
    if variant.time_zone != base.time_zone {
        together.time_zone.clone_from(&variant.time_zone);
    }
    if variant.interpreter != base.interpreter {
        together.interpreter.clone_from(&variant.interpreter);
    }
    together.environment.extend(variant.environment.clone());
    for tool in &variant.tools {
        if !base.tools.contains(tool) {
            let project = tool.filename.project();
            together
                .tools
                .retain(|other| other.filename.project() != project);
            together.tools.push(tool.clone());
        }
    }
    together.tools.sort_by_key(|tool| tool.filename.to_string());
}
