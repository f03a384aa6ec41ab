//! What a machine is, as far as it decides bytes.
//!
//! In: an interpreter, and the sysconfig data and environment of a recipe. Out:
//! [`Facts`], found by asking inside the sandbox: the name of a compiler may come
//! from a record, and asking a program for its version is running it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::interpreter::{Interpreter, below};
use super::plan::text;
use super::{RebuildError, Workshop};
use crate::cancel::Cancel;
use crate::digest::Sha256Digest;
use crate::filename::WheelFilename;
use crate::recipe::{
    CLibrary, Headers, InterpreterIdentity, Machine, Mismatch, Program, Recipe, Sysconfig,
};
use crate::sandbox::{Command, Ending, Limits, Mounted};

const QUESTION: &str = include_str!("inspect.py");

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the answer may be; sysconfig data has 50 kB.
const MAX_ANSWER_BYTES: u64 = 4 << 20;
/// Where Debian's package manager remembers what it installed.
const PACKAGES: &str = "/var/lib/dpkg";

/// What is known of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Everything a record states of it.
    pub machine: Machine,
    /// The interpreter's own sysconfig data.
    pub sysconfig: Sysconfig,
}

#[derive(Deserialize)]
struct Answer {
    variables: serde_json::Value,
    compiler: Option<Program>,
    linker: Option<Program>,
    c_library: Option<CLibrary>,
    headers: Option<Headers>,
    interpreter: InterpreterAnswer,
    zlib: Option<String>,
}

#[derive(Deserialize)]
struct InterpreterAnswer {
    implementation: String,
    version: String,
    path: String,
    sha256: Sha256Digest,
    package: Option<String>,
}

/// What an answer depends on.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    root: Option<PathBuf>,
    executable: PathBuf,
    sysconfig: Option<Sha256Digest>,
    compiler: Option<String>,
    path: Option<String>,
    inputs: Vec<crate::recipe::Input>,
}

impl Workshop {
    /// Returns what this machine is for a recipe; each question is asked once.
    ///
    /// # Errors
    ///
    /// [`RebuildError`] when the interpreter does not answer.
    pub fn facts(&self, recipe: &Recipe, cancel: &Cancel) -> Result<Arc<Facts>, RebuildError> {
        let interpreter = self.interpreter(recipe.root.as_deref(), &recipe.interpreter)?;
        let variable = |name: &str| recipe.environment.get(name).cloned();
        let key = Key {
            root: recipe.root.clone(),
            executable: interpreter.executable.clone(),
            sysconfig: recipe.sysconfig.as_ref().map(Sysconfig::sha256),
            compiler: variable("CC"),
            path: variable("PATH"),
            inputs: recipe.inputs.clone(),
        };
        let mut known = match self.facts.lock() {
            Ok(known) => known,
            Err(poisoned) => poisoned.into_inner(),
        };
        if let Some(facts) = known.get(&key) {
            return Ok(Arc::clone(facts));
        }
        let facts = Arc::new(self.ask(recipe, &interpreter, cancel)?);
        known.insert(key, Arc::clone(&facts));
        Ok(facts)
    }

    /// Returns where this machine is not the one that the recipe speaks of.
    ///
    /// # Errors
    ///
    /// [`RebuildError`] when the interpreter does not answer.
    pub fn mismatches(
        &self,
        recipe: &Recipe,
        wheel: &WheelFilename,
        cancel: &Cancel,
    ) -> Result<Vec<Mismatch>, RebuildError> {
        if recipe.machine.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.facts(recipe, cancel)?;
        let compiled = super::plan::is_compiled(wheel);
        Ok(recipe.machine.mismatches(&found.machine, compiled))
    }

    /// Returns the data in the text of a module as CPython writes it. The text is
    /// read as literals, not run.
    ///
    /// # Errors
    ///
    /// [`RebuildError`] when it is no such module.
    pub fn sysconfig_of_module(
        &self,
        python: &Path,
        module: &str,
        cancel: &Cancel,
    ) -> Result<Sysconfig, RebuildError> {
        const READ: &str = "import ast, json, sys
for node in ast.parse(sys.argv[1]).body:
    if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == 'build_time_vars':
        found = ast.literal_eval(node.value)
print(json.dumps({name: value for name, value in found.items() if type(value) in (int, str)}))";
        let interpreter = self.interpreter(None, python)?;
        let answer = self.ask_python(
            interpreter.executable.clone(),
            &[READ, module],
            |command| command.read_only = interpreter.places(),
            cancel,
        )?;
        Sysconfig::from_json(&answer).map_err(|error| RebuildError::Inspection {
            path: python.display().to_string(),
            reason: error.to_string(),
        })
    }

    fn ask(
        &self,
        recipe: &Recipe,
        interpreter: &Interpreter,
        cancel: &Cancel,
    ) -> Result<Facts, RebuildError> {
        let question = serde_json::json!({
            // What is asked for of them; all would be long for an argument.
            "variables": recipe.sysconfig.as_ref().map(|data| {
                let named = ["CC", "INCLUDEPY", "MULTIARCH"];
                named.map(|name| (name, data.text(name).unwrap_or_default())).into_iter().collect::<BTreeMap<_, _>>()
            }),
            "compiler": recipe.environment.get("CC"),
            "executable": text(&interpreter.executable)?,
        });
        let mut path = "/usr/bin:/bin".to_owned();
        if let Some(directory) = interpreter.executable.parent() {
            path = format!("{}:{path}", text(directory)?);
        }
        let path = recipe.environment.get("PATH").cloned().unwrap_or(path);
        let packages = PathBuf::from(PACKAGES);
        let mut wanted = interpreter.places();
        if interpreter.outside(&packages).is_dir() {
            wanted.push(packages);
        }
        let mut mounted = self.mounted_inputs(recipe, cancel)?;
        let mut read_only = Vec::new();
        match &interpreter.root {
            None => read_only = wanted,
            Some(root) => mounted.extend(wanted.into_iter().map(|at| Mounted {
                from: below(root, &at),
                at,
            })),
        }
        let answer = self.ask_python(
            interpreter.executable.clone(),
            &[QUESTION, &question.to_string()],
            |command| {
                command.root.clone_from(&interpreter.root);
                command.read_only = read_only;
                command.mounted = mounted;
                command.environment = BTreeMap::from([
                    ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
                    ("PATH".to_owned(), path),
                ]);
            },
            cancel,
        )?;
        let malformed = |reason: String| RebuildError::Inspection {
            path: interpreter.executable.display().to_string(),
            reason,
        };
        let answer: Answer =
            serde_json::from_slice(&answer).map_err(|error| malformed(error.to_string()))?;
        let sysconfig = Sysconfig::from_value(answer.variables)
            .map_err(|error| malformed(format!("its sysconfig data is {error}")))?;
        let found = answer.interpreter;
        Ok(Facts {
            machine: Machine {
                compiler: answer.compiler,
                c_library: answer.c_library,
                headers: answer.headers,
                interpreter: Some(InterpreterIdentity {
                    implementation: found.implementation,
                    package: found.package,
                    path: found.path,
                    sha256: found.sha256,
                    sysconfig_sha256: sysconfig.sha256(),
                    version: found.version,
                }),
                linker: answer.linker,
                zlib: answer.zlib,
            },
            sysconfig,
        })
    }

    /// Runs a script of ours in an interpreter, inside the sandbox, and returns
    /// what it printed.
    pub(super) fn ask_python(
        &self,
        python: PathBuf,
        script_and_arguments: &[&str],
        amend: impl FnOnce(&mut Command),
        cancel: &Cancel,
    ) -> Result<Vec<u8>, RebuildError> {
        let scratch = self.private_directory("scratch")?;
        let places = self
            .sandbox
            .places(std::path::Path::new("/tmp/unused"), scratch.path());
        let path = python.display().to_string();
        let mut arguments: Vec<String> = ["-I", "-S", "-B", "-c"].map(str::to_owned).to_vec();
        arguments.extend(script_and_arguments.iter().map(|it| (*it).to_owned()));
        let mut command = Command {
            program: python,
            arguments,
            environment: BTreeMap::new(),
            directory: places.temporary,
            root: None,
            read_only: Vec::new(),
            mounted: Vec::new(),
            masked: Vec::new(),
            copies: Vec::new(),
            make_directories: Vec::new(),
            umask: 0o022,
            limits: Limits {
                wall_time: PATIENCE,
                output_bytes: MAX_ANSWER_BYTES,
                ..self.limits
            },
        };
        amend(&mut command);
        let (mut answer, mut log) = (Vec::new(), Vec::new());
        let ran = self.run_in(scratch, &command, &mut answer, &mut log, cancel)?;
        match ran.ending {
            Ending::Exited(0) => Ok(answer),
            Ending::Cancelled => Err(RebuildError::Interrupted),
            other => {
                let log = String::from_utf8_lossy(&log);
                let last = log.lines().last().unwrap_or("it said nothing");
                Err(RebuildError::Inspection {
                    path,
                    reason: format!("it ended with {other}: {}", last.escape_default()),
                })
            }
        }
    }
}
