//! From a recipe to a command.
//!
//! In: a recipe, and what was found and unpacked for it. Out: the command that
//! calls the backend's hook, with its environment, and notes about what this
//! layer could not give.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::interpreter::{Interpreter, below};
use super::{Job, RebuildError, Workshop};
use crate::cancel::Cancel;
use crate::evidence::BuildSystem;
use crate::filename::{ProjectName, WheelFilename};
use crate::infer::name_of;
use crate::sandbox::{Command, Copied, Layer, Mounted, SandboxError};

const DRIVER: &str = include_str!("driver.py");

/// What the backend is to do (PEP 517).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hook {
    /// Build the wheel.
    BuildWheel,
    /// Say what building it needs besides `requires` of `pyproject.toml`.
    Requires,
}

impl Hook {
    fn name(self) -> &'static str {
        match self {
            Self::BuildWheel => "build_wheel",
            Self::Requires => "get_requires_for_build_wheel",
        }
    }
}

/// A command, and what is not quite as the recipe says.
pub(super) struct Plan {
    pub(super) command: Command,
    pub(super) notes: Vec<String>,
}

impl Workshop {
    /// Turns a recipe into a command.
    #[allow(clippy::too_many_arguments, reason = "each is one part of a build")]
    pub(super) fn plan(
        &self,
        job: &Job<'_>,
        hook: Hook,
        interpreter: &Interpreter,
        tools: &[PathBuf],
        system: &BuildSystem,
        source: &Path,
        scratch: &Path,
        cancel: &Cancel,
    ) -> Result<Plan, RebuildError> {
        let recipe = job.recipe;
        let mut notes = Vec::new();
        let places = self.sandbox.places(&recipe.build_path, scratch);
        let is_elsewhere = places.source != recipe.build_path;
        if is_elsewhere {
            notes.push(format!(
                "built in another directory than the recipe's {}: layer {} cannot give paths of its own",
                recipe.build_path.display(),
                self.sandbox.layer()
            ));
        }
        let mut copies = vec![Copied {
            from: source.to_owned(),
            to: places.source.clone(),
        }];
        let mut read_only = Vec::new();
        let mut mounted = self.mounted_inputs(recipe, cancel)?;
        match &interpreter.root {
            None => read_only.extend(interpreter.places()),
            Some(root) => mounted.extend(interpreter.places().into_iter().map(|at| Mounted {
                from: below(root, &at),
                at,
            })),
        }
        if self.sandbox.layer() != Layer::Bubblewrap {
            notes.push(format!(
                "what the build starts can import from the interpreter's own packages: layer {} cannot hide them",
                self.sandbox.layer()
            ));
        }
        let is_root = rustix::process::geteuid().is_root();
        let unpacked = tools;
        let mut tool_places = Vec::new();
        for (index, tool) in tools.iter().enumerate() {
            tool_places.push(match self.sandbox.layer() {
                Layer::Bubblewrap => tool.clone(),
                // The build is another user, who may read but not write these.
                Layer::LandlockSeccomp | Layer::None if is_root => self.shared_copy(tool)?,
                Layer::LandlockSeccomp => tool.clone(),
                // Nothing keeps this build from writing to the cache but that it
                // does not know of it.
                Layer::None => {
                    let to = scratch.join("tools").join(index.to_string());
                    copies.push(Copied {
                        from: tool.clone(),
                        to: to.clone(),
                    });
                    to
                }
            });
        }
        let mut tools = tool_places;
        if let Some(sysconfig) = &recipe.sysconfig
            && sysconfig.sha256() != self.facts(recipe, cancel)?.sysconfig.sha256()
        {
            tools.push(self.sysconfig_module(sysconfig)?);
        }
        let tools = tools;
        read_only.extend(tools.iter().cloned());
        let private = places.temporary.join(".wheelproof");
        let (home, output) = (private.join("home"), private.join("wheel"));

        let mut path = vec!["/usr/bin".to_owned(), "/bin".to_owned()];
        if let Some(directory) = interpreter.executable.parent() {
            let directory = text(directory)?;
            if !path.contains(&directory) {
                path.insert(0, directory);
            }
        }
        let mut environment = BTreeMap::from(
            [
                ("HOME", text(&home)?),
                ("LC_ALL", "C.UTF-8".to_owned()),
                ("PATH", path.join(":")),
                ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
                ("PYTHONHASHSEED", "0".to_owned()),
                ("PYTHONNOUSERSITE", "1".to_owned()),
                // For the interpreters that a backend starts; the driver sets its
                // own path.
                ("PYTHONPATH", joined(&tools)?),
                ("TMPDIR", text(&places.temporary)?),
                ("TZ", recipe.time_zone.clone()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        if let Some(epoch) = recipe.source_date_epoch {
            environment.insert("SOURCE_DATE_EPOCH".to_owned(), epoch.to_string());
        }
        if let Some(sysconfig) = &recipe.sysconfig {
            // Where it is the interpreter's own, the name is not set: what is under
            // another name may be written into a wheel.
            if tools.len() > recipe.tools.len() {
                let name = "_PYTHON_SYSCONFIGDATA_NAME".to_owned();
                environment.insert(name, sysconfig.module_name());
            }
        }
        environment.extend(recipe.environment.clone());
        let mut scripts = Vec::new();
        for (tool, place) in unpacked.iter().zip(&tools) {
            for directory in script_directories(tool) {
                scripts.push(text(&place.join(directory))?);
            }
        }
        if let Some(path) = environment.get_mut("PATH")
            && !scripts.is_empty()
        {
            *path = format!("{}:{path}", scripts.join(":"));
        }
        let map_to = match (&recipe.prefix_map, is_elsewhere) {
            (Some(map), _) => Some(map.clone()),
            (None, true) => Some(text(&recipe.build_path)?),
            (None, false) => None,
        };
        if let Some(map_to) = map_to
            && job.wheel.is_none_or(is_compiled)
        {
            let from = text(&places.source)?;
            let facts = self.facts(recipe, cancel)?;
            map_prefixes(&mut environment, &from, &map_to, |name| {
                let data = recipe.sysconfig.as_ref().unwrap_or(&facts.sysconfig);
                data.text(name).map(str::to_owned)
            });
            if recipe.prefix_map.is_none() {
                notes.push(format!(
                    "the compiler was told to write {map_to} for the directory it was in"
                ));
            }
        }

        let mut tool_texts = Vec::new();
        for tool in &tools {
            tool_texts.push(text(tool)?);
        }
        let mut packages = Vec::new();
        for place in &interpreter.packages {
            packages.push(text(place)?);
        }
        let job = serde_json::json!({
            "hook": hook.name(),
            "backend": system.backend,
            "backend_path": system.backend_path,
            "tools": tool_texts,
            "packages": packages,
            "temporary": text(&places.temporary)?,
            "output": text(&output)?,
            "clock": recipe.clock,
            "clock_steps": recipe.clock_steps,
            "platform": recipe.platform,
            "distutils": recipe.distutils,
        });
        let command = Command {
            program: interpreter.executable.clone(),
            // Not `-I`, which would pass over PYTHONHASHSEED.
            arguments: vec![
                "-S".to_owned(),
                "-s".to_owned(),
                "-B".to_owned(),
                "-c".to_owned(),
                DRIVER.to_owned(),
                joined(&interpreter.standard_library)?,
                job.to_string(),
            ],
            environment,
            directory: places.source,
            root: interpreter.root.clone(),
            read_only,
            mounted,
            masked: interpreter.packages.clone(),
            copies,
            make_directories: vec![home, output],
            umask: recipe.umask.bits(),
            limits: self.limits,
        };
        for requirement in &system.requires {
            if let Ok(project) = ProjectName::parse(name_of(requirement))
                && !recipe
                    .tools
                    .iter()
                    .any(|tool| tool.filename.project() == &project)
            {
                notes.push(format!(
                    "pyproject.toml asks for {project}, which the recipe does not have"
                ));
            }
        }
        Ok(Plan { command, notes })
    }
}

/// Returns whether a wheel of this name holds compiled code.
pub(super) fn is_compiled(wheel: &WheelFilename) -> bool {
    wheel.platform_tags().iter().any(|tag| tag != "any")
}

/// Makes compilers write one directory for another. Not through `CFLAGS`: recent
/// setuptools takes them instead of the interpreter's own, and older ones write
/// them where they show. The option leaves no trace of itself in the output.
fn map_prefixes(
    environment: &mut BTreeMap<String, String>,
    from: &str,
    to: &str,
    variable: impl Fn(&str) -> Option<String>,
) {
    for name in ["CC", "CXX"] {
        let named = environment.get(name).cloned();
        if let Some(compiler) = named.or_else(|| variable(name)).filter(|it| !it.is_empty()) {
            let mapped = format!("{compiler} -ffile-prefix-map={from}={to}");
            environment.insert(name.to_owned(), mapped);
        }
    }
    let flags = environment.entry("RUSTFLAGS".to_owned()).or_default();
    if !flags.is_empty() {
        flags.push(' ');
    }
    flags.push_str(&format!("--remap-path-prefix={from}={to}"));
}

/// Returns the directories of an unpacked wheel whose programs an installer would
/// put on the path (binary distribution format, "The .data directory"), sorted.
fn script_directories(tool: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(tool)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| PathBuf::from(entry.file_name()))
        .filter(|name| name.extension().is_some_and(|ending| ending == "data"))
        .map(|name| name.join("scripts"))
        .filter(|scripts| tool.join(scripts).is_dir())
        .collect();
    found.sort();
    found
}

pub(super) fn text(path: &Path) -> Result<String, RebuildError> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| SandboxError::NotUtf8(path.display().to_string()).into())
}

/// Joins paths as `PATH` and `PYTHONPATH` do.
pub(super) fn joined(paths: &[PathBuf]) -> Result<String, RebuildError> {
    let mut texts = Vec::new();
    for path in paths {
        texts.push(text(path)?);
    }
    Ok(texts.join(":"))
}
