//! Building a wheel again from its sdist, by a recipe.
//!
//! In: an sdist whose digest somebody has vouched for, the name of the wheel
//! that was published, and a [`Recipe`]. Out: an [`Outcome`], each with its own
//! name. What was built is foreign until it is compared with what was published:
//! nothing the build says is believed here, only looked at.
//!
//! The hook of the backend (PEP 517) is called directly, in the interpreter of
//! the recipe, with the unpacked tools on its path: no pip, no virtual
//! environment. That is what makes a rebuild cheap, and it gives the same bytes.

mod interpreter;
mod resolve;
mod results;
mod surroundings;
pub mod tools;
mod unzip;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
use serde::Deserialize;

use crate::archive;
use crate::cancel::Cancel;
use crate::digest::{Sha256Digest, Sha256Hasher};
use crate::evidence::BuildSystem;
use crate::filename::{ProjectName, SdistFilename, WheelFilename};
use crate::recipe::{Recipe, SourceModes, SourceTimes};
use crate::sandbox::{Command, Copied, Ending, Layer, Limits, Sandbox, SandboxError};
use crate::scratch::Scratch;
use crate::sdist::{self, SdistError};

pub use interpreter::{Interpreter, InterpreterError};
pub use resolve::{Asks, Resolved, Resolver, Wanted};
pub use surroundings::{
    MAX_BYTES as MAX_ENVIRONMENT_BYTES, parse as parse_environment, surroundings,
};
pub use tools::{Cache, Candidate, Fetcher, ToolsError};

const DRIVER: &str = include_str!("driver.py");
/// How long the line before the wheel may be.
const MAX_HEADER_BYTES: usize = 4 << 20;
/// How much of the end of a log an outcome carries.
const TAIL_BYTES: u64 = 4096;

/// One wheel to build.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The sdist: a copy that nobody else can write to, with the digest that was
    /// verified.
    pub sdist: &'a Path,
    /// The name it was published under.
    pub sdist_name: &'a SdistFilename,
    /// The name of the published wheel.
    pub wheel: &'a WheelFilename,
    /// How to build.
    pub recipe: &'a Recipe,
    /// Where to write the log of the build; created, or emptied.
    pub log: &'a Path,
}

/// How an attempt ended.
#[derive(Debug)]
pub enum Outcome {
    /// There is a wheel of the right name.
    Built(Built),
    /// The build ran and gave no such wheel.
    BuildFailed {
        /// Why, in one sentence.
        reason: String,
        /// The end of the log.
        log_tail: String,
    },
    /// The build was killed at its time limit.
    TimedOut {
        /// The limit.
        after: Duration,
        /// The end of the log.
        log_tail: String,
    },
    /// The build did not start, for a reason that lies in the wheel, the sdist
    /// or the recipe.
    NotAttempted {
        /// Why, in one sentence.
        reason: String,
    },
}

/// A wheel that was built. Its file goes when this value goes.
#[derive(Debug)]
pub struct Built {
    /// The file, in a private directory.
    pub wheel: PathBuf,
    /// The digest of the file.
    pub sha256: Sha256Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The layer that the build ran in.
    pub layer: Layer,
    /// How long the build ran.
    pub elapsed: Duration,
    /// What was not quite as the recipe says, each in one sentence.
    pub notes: Vec<String>,
    /// Whether it was built by an earlier run and taken from the cache.
    pub is_reused: bool,
    directory: Scratch,
}

impl Built {
    /// Returns the private directory, which holds nothing but the wheel.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// Why an attempt could not be made; says nothing about the wheel.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The interpreter is missing or broken.
    #[error(transparent)]
    Interpreter(#[from] InterpreterError),
    /// A tool is missing or not what the recipe names.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// The sandbox did not start the build.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The system refused something.
    #[error("cannot {action} '{path}': {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// What all builds of a run share. Several may be at work at once.
#[derive(Debug)]
pub struct Workshop {
    sandbox: Sandbox,
    cache: Cache,
    limits: Limits,
    sdist_limits: archive::Limits,
    temporary: PathBuf,
    interpreters: Mutex<BTreeMap<PathBuf, Arc<Interpreter>>>,
    shared: Mutex<BTreeMap<PathBuf, Scratch>>,
}

impl Workshop {
    /// Returns a workshop. Private directories are made in `temporary`, which
    /// every user must be able to pass through, as `/tmp`.
    pub fn new(
        sandbox: Sandbox,
        cache: Cache,
        limits: Limits,
        sdist_limits: archive::Limits,
        temporary: PathBuf,
    ) -> Self {
        Self {
            sandbox,
            cache,
            limits,
            sdist_limits,
            temporary,
            interpreters: Mutex::default(),
            shared: Mutex::default(),
        }
    }

    /// Returns the sandbox in use.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Returns the cache of tools.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Returns what an interpreter is; each is asked once.
    ///
    /// # Errors
    ///
    /// [`InterpreterError`] when it does not answer.
    pub fn interpreter(&self, path: &Path) -> Result<Arc<Interpreter>, InterpreterError> {
        if let Ok(known) = self.interpreters.lock()
            && let Some(interpreter) = known.get(path)
        {
            return Ok(Arc::clone(interpreter));
        }
        let interpreter = Arc::new(Interpreter::probe(path)?);
        if let Ok(mut known) = self.interpreters.lock() {
            known.insert(path.to_owned(), Arc::clone(&interpreter));
        }
        Ok(interpreter)
    }

    /// Builds one wheel.
    ///
    /// # Errors
    ///
    /// [`RebuildError`] when the attempt could not be made; what happens in the
    /// build is an [`Outcome`].
    pub fn build(&self, job: &Job<'_>, cancel: &Cancel) -> Result<Outcome, RebuildError> {
        let recipe = job.recipe;
        let interpreter = self.interpreter(&recipe.interpreter)?;
        if let Err(reason) = interpreter.suits(job.wheel) {
            return Ok(Outcome::NotAttempted { reason });
        }
        if recipe.root.is_some() || recipe.sysconfig.is_some() || !recipe.inputs.is_empty() {
            let reason =
                "a root, sysconfig data and inputs cannot be given to builds yet".to_owned();
            return Ok(Outcome::NotAttempted { reason });
        }
        let mut tools = Vec::new();
        for tool in &recipe.tools {
            tools.push(self.cache.unpacked(tool, &interpreter, cancel)?);
        }

        let source_directory = self.private_directory("sdist")?;
        let unpacked = match sdist::unpack(
            job.sdist,
            job.sdist_name,
            source_directory.path(),
            match recipe.source_modes {
                SourceModes::Umask => sdist::Modes::LessUmask(recipe.umask.bits()),
                SourceModes::Archive => sdist::Modes::AsArchived,
            },
            &self.sdist_limits,
            cancel,
        ) {
            Ok(unpacked) => unpacked,
            Err(SdistError::Interrupted) => return Err(RebuildError::Interrupted),
            Err(SdistError::Io {
                action,
                path,
                source,
            }) => {
                return Err(RebuildError::Io {
                    action,
                    path,
                    source,
                });
            }
            Err(refused) => {
                return Ok(Outcome::NotAttempted {
                    reason: format!("sdist {} is refused: {refused}", job.sdist_name),
                });
            }
        };
        if let SourceTimes::At(seconds) = recipe.source_times {
            set_times(source_directory.path(), seconds)
                .map_err(io_error("set the times in", source_directory.path()))?;
        }
        let system = match BuildSystem::read(&unpacked.source) {
            Ok(system) => system,
            Err(reason) => return Ok(Outcome::NotAttempted { reason }),
        };

        let scratch = self.private_directory("scratch")?;
        let plan = self.plan(
            recipe,
            &interpreter,
            &tools,
            &system,
            &unpacked.source,
            scratch.path(),
        )?;
        let result_directory = self.private_directory("wheel")?;
        let wheel_path = result_directory.path().join(job.wheel.to_string());
        let mut receiver = Receiver::new(&wheel_path).map_err(io_error("create", &wheel_path))?;
        let mut log = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(job.log)
            .map_err(io_error("write", job.log))?;
        let ran = self.sandbox.run(
            &plan.command,
            scratch.path(),
            &mut receiver,
            &mut log,
            cancel,
        )?;
        let log_tail = tail(&mut log).map_err(io_error("read", job.log))?;
        let failed = |reason: String| {
            Ok(Outcome::BuildFailed {
                reason,
                log_tail: log_tail.clone(),
            })
        };
        match ran.ending {
            Ending::Exited(0) => {}
            Ending::Cancelled => return Err(RebuildError::Interrupted),
            Ending::TimedOut => {
                return Ok(Outcome::TimedOut {
                    after: self.limits.wall_time,
                    log_tail,
                });
            }
            Ending::Exited(code) => {
                return failed(format!("the build left Python with exit code {code}"));
            }
            Ending::Signalled(signal) => {
                return failed(format!(
                    "the build was ended by signal {signal}; at a limit on memory or time that is 9 or 24"
                ));
            }
            Ending::LogLimit => {
                return failed(format!(
                    "the build printed more than {} bytes, the limit",
                    self.limits.log_bytes
                ));
            }
            Ending::OutputLimit => {
                return failed(format!(
                    "the wheel is larger than {} bytes, the limit",
                    self.limits.output_bytes
                ));
            }
            Ending::ScratchLimit => {
                return failed(format!(
                    "the build wrote more than {} bytes, the limit",
                    self.limits.scratch_bytes
                ));
            }
        }
        let received = receiver.finish().map_err(io_error("write", &wheel_path))?;
        let (sha256, size) = match received.judge(job.wheel) {
            Ok(wheel) => wheel,
            Err(reason) => return failed(reason),
        };
        Ok(Outcome::Built(Built {
            wheel: wheel_path,
            sha256,
            size,
            layer: self.sandbox.layer(),
            elapsed: ran.elapsed,
            notes: plan.notes,
            is_reused: false,
            directory: result_directory,
        }))
    }

    fn private_directory(&self, what: &'static str) -> Result<Scratch, RebuildError> {
        Scratch::new(what, &self.temporary)
            .map_err(io_error("create a directory in", &self.temporary))
    }

    /// Returns a copy of a tool outside the cache, which is ours alone; made once
    /// for all builds.
    fn shared_copy(&self, tool: &Path) -> Result<PathBuf, RebuildError> {
        let error = || io_error("copy", tool);
        let mut shared = match self.shared.lock() {
            Ok(shared) => shared,
            Err(poisoned) => poisoned.into_inner(),
        };
        if let Some(copy) = shared.get(tool) {
            return Ok(copy.path().join("tree"));
        }
        let copy = self.private_directory("tool")?;
        let top = copy.path().join("tree");
        for entry in walkdir::WalkDir::new(tool) {
            let entry = entry.map_err(|source| error()(source.into()))?;
            let to = match entry.path().strip_prefix(tool) {
                Ok(rest) if rest.as_os_str().is_empty() => top.clone(),
                Ok(rest) => top.join(rest),
                Err(_) => continue,
            };
            if entry.file_type().is_dir() {
                fs::create_dir(&to).map_err(error())?;
                fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).map_err(error())?;
            } else if entry.file_type().is_file() {
                fs::copy(entry.path(), &to).map_err(error())?;
            }
        }
        // Only now may others pass through.
        fs::set_permissions(copy.path(), fs::Permissions::from_mode(0o755)).map_err(error())?;
        shared.insert(tool.to_owned(), copy);
        Ok(top)
    }

    /// Turns a recipe into a command.
    fn plan(
        &self,
        recipe: &Recipe,
        interpreter: &Interpreter,
        tools: &[PathBuf],
        system: &BuildSystem,
        source: &Path,
        scratch: &Path,
    ) -> Result<Plan, RebuildError> {
        let mut notes = Vec::new();
        let places = self.sandbox.places(&recipe.build_path, scratch);
        if places.source != recipe.build_path {
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
        let mut read_only = interpreter.places();
        if self.sandbox.layer() != Layer::Bubblewrap {
            notes.push(format!(
                "what the build starts can import from the interpreter's own packages: layer {} cannot hide them",
                self.sandbox.layer()
            ));
        }
        let is_root = rustix::process::geteuid().is_root();
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
        let tools = tool_places;
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
        environment.extend(recipe.environment.clone());

        let mut tool_texts = Vec::new();
        for tool in &tools {
            tool_texts.push(text(tool)?);
        }
        let mut packages = Vec::new();
        for place in &interpreter.packages {
            packages.push(text(place)?);
        }
        let job = serde_json::json!({
            "backend": system.backend,
            "backend_path": system.backend_path,
            "tools": tool_texts,
            "packages": packages,
            "temporary": text(&places.temporary)?,
            "output": text(&output)?,
            "clock": recipe.clock,
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
            read_only,
            masked: interpreter.packages.clone(),
            copies,
            make_directories: vec![home, output],
            umask: recipe.umask.bits(),
            limits: self.limits,
        };
        for requirement in &system.requires {
            let name = requirement
                .split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
                .next()
                .unwrap_or_default();
            if let Ok(project) = ProjectName::parse(name)
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

struct Plan {
    command: Command,
    notes: Vec<String>,
}

/// The line that the driver sends before the wheel.
#[derive(Debug, Deserialize)]
struct Header {
    #[serde(default)]
    wheels: Vec<String>,
    returned: Option<String>,
    failed: Option<String>,
    missing: Option<String>,
    #[serde(default)]
    elsewhere: BTreeMap<String, String>,
}

/// Splits what comes out of the sandbox into a line and a file.
struct Receiver {
    header: Vec<u8>,
    header_done: bool,
    file: File,
    hasher: Sha256Hasher,
    size: u64,
}

struct Received {
    header: Vec<u8>,
    sha256: Sha256Digest,
    size: u64,
}

impl Receiver {
    fn new(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self {
            header: Vec::new(),
            header_done: false,
            file,
            hasher: Sha256Hasher::new(),
            size: 0,
        })
    }

    fn finish(mut self) -> io::Result<Received> {
        self.file.flush()?;
        Ok(Received {
            header: self.header,
            sha256: self.hasher.finish(),
            size: self.size,
        })
    }
}

impl Write for Receiver {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let mut rest = piece;
        if !self.header_done {
            match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    let (line, after) = rest.split_at(end);
                    self.header.extend_from_slice(line);
                    self.header_done = true;
                    rest = after.get(1..).unwrap_or_default();
                }
                None => {
                    self.header.extend_from_slice(rest);
                    rest = &[];
                }
            }
            // Longer than any report: the rest is dropped, and the report with it.
            self.header.truncate(MAX_HEADER_BYTES);
        }
        self.file.write_all(rest)?;
        self.hasher.update(rest);
        self.size += rest.len() as u64;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Received {
    /// Returns the wheel, or in one sentence why there is none.
    fn judge(&self, wanted: &WheelFilename) -> Result<(Sha256Digest, u64), String> {
        if self.header.is_empty() {
            return Err("the build ended without an error and without a wheel".to_owned());
        }
        let header: Header = serde_json::from_slice(&self.header)
            .map_err(|_| "the build wrote into the pipe for its result".to_owned())?;
        if let Some((module, file)) = header.elsewhere.first_key_value() {
            return Err(format!(
                "'{}' was imported from {}, not from the recipe; add the tool that provides it",
                module.escape_default(),
                file.escape_default()
            ));
        }
        if let Some(error) = header.failed {
            let missing = header.missing.or_else(|| {
                error
                    .contains("invalid command 'bdist_wheel'")
                    .then(|| "wheel".to_owned())
            });
            return Err(match missing {
                Some(module) => format!(
                    "the build needs '{}', which no tool of the recipe provides ({}); add it to the tools",
                    module.escape_default(),
                    error.escape_default()
                ),
                None => format!("the build failed: {}", error.escape_default()),
            });
        }
        let wanted = wanted.to_string();
        match header.wheels.as_slice() {
            [] => Err("the build ended without an error and without a wheel".to_owned()),
            [built] if *built == wanted && self.size > 0 => Ok((self.sha256, self.size)),
            [built] if *built == wanted => Err(format!(
                "the build names its wheel '{}', and wrote {built}",
                header.returned.unwrap_or_default().escape_default()
            )),
            [built] => Err(format!(
                "built {}, published {wanted}",
                built.escape_default()
            )),
            several => Err(format!(
                "the build left {} files instead of one wheel, among them '{}'",
                several.len(),
                several.first().map_or("", String::as_str).escape_default()
            )),
        }
    }
}

/// Returns the end of a log as text.
fn tail(log: &mut File) -> io::Result<String> {
    let size = log.seek(SeekFrom::End(0))?;
    log.seek(SeekFrom::Start(size.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    log.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn text(path: &Path) -> Result<String, RebuildError> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| SandboxError::NotUtf8(path.display().to_string()).into())
}

/// Gives every file below a directory one time of last change.
fn set_times(directory: &Path, seconds: i64) -> io::Result<()> {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    for entry in walkdir::WalkDir::new(directory).contents_first(true) {
        rustix::fs::utimensat(CWD, entry?.path(), &times, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}

/// Joins paths as `PATH` and `PYTHONPATH` do.
fn joined(paths: &[PathBuf]) -> Result<String, RebuildError> {
    let mut texts = Vec::new();
    for path in paths {
        texts.push(text(path)?);
    }
    Ok(texts.join(":"))
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RebuildError {
    let path = path.display().to_string();
    move |source| RebuildError::Io {
        action,
        path,
        source,
    }
}
