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

mod index;
mod inputs;
mod inspect;
mod interpreter;
mod ownership;
mod plan;
mod receive;
mod resolve;
mod results;
mod surroundings;
pub mod tools;
mod unzip;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};

use crate::archive;
use crate::cancel::Cancel;
use crate::digest::Sha256Digest;
use crate::evidence::BuildSystem;
use crate::filename::{SdistFilename, WheelFilename};
use crate::recipe::{Recipe, SourceTimes, Sysconfig, unpacked_modes};
use crate::sandbox::{Command, Ending, Layer, Limits, Ran, Sandbox, SandboxError};
use crate::scratch::Scratch;
use crate::sdist::{self, SdistError};

use plan::{Hook, Plan};
use receive::Receiver;

pub use index::{IndexWheel, MarkersError, NoSource, SourceFile, markers_hold};
pub use inputs::directory_digest;
pub use inspect::Facts;
pub use interpreter::{Interpreter, InterpreterError};
pub use resolve::{Asks, Resolved, Resolver, Wanted};
pub use surroundings::{
    MAX_BYTES as MAX_ENVIRONMENT_BYTES, parse as parse_environment, surroundings,
};
pub use tools::{Cache, Candidate, Fetcher, ToolsError};

/// How long what a build wrote is removed after it, though its time is up.
const CLEANING_AT_LEAST: Duration = Duration::from_secs(1);
/// How long what builds left is removed at the end. The rest is for the next run.
const CLEANING_IN_THE_END: Duration = Duration::from_secs(5);

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
    /// The name of the published wheel; `None` takes any of the sdist's project and
    /// version.
    pub wheel: Option<&'a WheelFilename>,
    /// How to build.
    pub recipe: &'a Recipe,
    /// Where to write the log of the build; created, or emptied.
    pub log: &'a Path,
}

/// How an attempt ended.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one for each build, and most are built"
)]
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
    /// The name it was built under; the published one, where there is one.
    pub filename: WheelFilename,
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
    /// The machine could not be asked what it is.
    #[error("'{path}' does not say what machine this is: {reason}")]
    Inspection {
        /// The interpreter.
        path: String,
        /// What it did.
        reason: String,
    },
    /// A directory that the build reads is not the recipe's.
    #[error(
        "input '{path}' has other files than the recipe says\n  expected: {expected}\n  found:    {found}"
    )]
    Input {
        /// The directory.
        path: String,
        /// The recipe's digest of its list of files.
        expected: Sha256Digest,
        /// The digest found.
        found: Sha256Digest,
    },
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

/// A root, and a path inside.
type Place = (Option<PathBuf>, PathBuf);

/// What all builds of a run share. Several may be at work at once.
#[derive(Debug)]
pub struct Workshop {
    sandbox: Sandbox,
    cache: Cache,
    limits: Limits,
    sdist_limits: archive::Limits,
    temporary: PathBuf,
    interpreters: Mutex<BTreeMap<Place, Arc<Interpreter>>>,
    shared: Mutex<BTreeMap<PathBuf, Scratch>>,
    /// Modules of sysconfig data, by digest.
    sysconfigs: Mutex<BTreeMap<Sha256Digest, Scratch>>,
    /// Digests of inputs.
    inputs: Mutex<BTreeMap<PathBuf, Sha256Digest>>,
    facts: Mutex<BTreeMap<inspect::Key, Arc<Facts>>>,
    /// Digests of standard libraries.
    libraries: Mutex<BTreeMap<Place, String>>,
    /// What builds wrote and could not be removed in their time.
    left: Mutex<Vec<Scratch>>,
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let deadline = Instant::now() + CLEANING_IN_THE_END;
        let left = match self.left.get_mut() {
            Ok(left) => left,
            Err(poisoned) => poisoned.into_inner(),
        };
        for scratch in left.drain(..) {
            scratch.leave_by(deadline);
        }
    }
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
            sysconfigs: Mutex::default(),
            inputs: Mutex::default(),
            facts: Mutex::default(),
            libraries: Mutex::default(),
            left: Mutex::default(),
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

    /// Returns what an interpreter is; each is asked once. One in a root of its own
    /// is asked inside the sandbox, which alone can go there.
    ///
    /// # Errors
    ///
    /// [`RebuildError`] when it does not answer.
    pub fn interpreter(
        &self,
        root: Option<&Path>,
        path: &Path,
    ) -> Result<Arc<Interpreter>, RebuildError> {
        let key = (root.map(Path::to_owned), path.to_owned());
        if let Ok(known) = self.interpreters.lock()
            && let Some(interpreter) = known.get(&key)
        {
            return Ok(Arc::clone(interpreter));
        }
        let interpreter = Arc::new(match root {
            None => Interpreter::probe(path)?,
            Some(root) => self.probe_in(root, path)?,
        });
        if let Ok(mut known) = self.interpreters.lock() {
            known.insert(key, Arc::clone(&interpreter));
        }
        Ok(interpreter)
    }

    fn probe_in(&self, root: &Path, path: &Path) -> Result<Interpreter, RebuildError> {
        let answer = self.ask_python(
            path.to_owned(),
            &[interpreter::QUESTION],
            |command| command.root = Some(root.to_owned()),
            &Cancel::new(),
        )?;
        let mut interpreter = Interpreter::from_answer(path, &String::from_utf8_lossy(&answer))?;
        interpreter.root = Some(root.to_owned());
        Ok(interpreter)
    }

    /// Unpacks tools and source, and plans the call of a hook; or says in one sentence
    /// why the hook cannot be called.
    fn prepare(
        &self,
        job: &Job<'_>,
        hook: Hook,
        cancel: &Cancel,
    ) -> Result<Result<Prepared, String>, RebuildError> {
        let recipe = job.recipe;
        let interpreter = self.interpreter(recipe.root.as_deref(), &recipe.interpreter)?;
        if let Some(wheel) = job.wheel
            && let Err(reason) = interpreter.suits(wheel)
        {
            return Ok(Err(reason));
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
            unpacked_modes(recipe.source_modes, recipe.umask),
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
                return Ok(Err(format!(
                    "sdist {} is refused: {refused}",
                    job.sdist_name
                )));
            }
        };
        if let SourceTimes::At(seconds) = recipe.source_times {
            set_times(source_directory.path(), seconds)
                .map_err(io_error("set the times in", source_directory.path()))?;
        }
        let system = match BuildSystem::read(&unpacked.source) {
            Ok(system) => system,
            Err(reason) => return Ok(Err(reason)),
        };

        let scratch = self.private_directory("scratch")?;
        let plan = self.plan(
            job,
            hook,
            &interpreter,
            &tools,
            &system,
            &unpacked.source,
            scratch.path(),
            cancel,
        )?;
        Ok(Ok(Prepared {
            plan,
            scratch,
            _source: source_directory,
        }))
    }

    /// Returns what building a wheel needs besides the tools of its recipe, as the
    /// backend says when it is asked (`get_requires_for_build_wheel`, PEP 517). Foreign
    /// text. A backend that cannot be asked says nothing: the build will say why.
    ///
    /// # Errors
    ///
    /// [`RebuildError`] when the attempt could not be made.
    pub fn further_requirements(
        &self,
        job: &Job<'_>,
        cancel: &Cancel,
    ) -> Result<Vec<String>, RebuildError> {
        let Ok(Prepared {
            plan,
            scratch,
            _source,
        }) = self.prepare(job, Hook::Requires, cancel)?
        else {
            return Ok(Vec::new());
        };
        let command = Command {
            limits: Limits {
                output_bytes: receive::MAX_HEADER_BYTES as u64,
                ..plan.command.limits
            },
            ..plan.command
        };
        let (mut answer, mut log) = (Vec::new(), Vec::new());
        let ran = self.run_in(scratch, &command, &mut answer, &mut log, cancel)?;
        match ran.ending {
            Ending::Exited(0) => Ok(receive::requirements(&answer)),
            Ending::Cancelled => Err(RebuildError::Interrupted),
            _ => Ok(Vec::new()),
        }
    }

    /// Builds one wheel.
    ///
    /// # Errors
    ///
    /// [`RebuildError`] when the attempt could not be made; what happens in the
    /// build is an [`Outcome`].
    pub fn build(&self, job: &Job<'_>, cancel: &Cancel) -> Result<Outcome, RebuildError> {
        let Prepared {
            plan,
            scratch,
            _source,
        } = match self.prepare(job, Hook::BuildWheel, cancel)? {
            Ok(prepared) => prepared,
            Err(reason) => return Ok(Outcome::NotAttempted { reason }),
        };
        let recipe = job.recipe;
        let result_directory = self.private_directory("wheel")?;
        let wheel_path = result_directory.path().join("wheel");
        let mut receiver = Receiver::new(&wheel_path).map_err(io_error("create", &wheel_path))?;
        let mut log = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(job.log)
            .map_err(io_error("write", job.log))?;
        // Where the path is not the recipe's it is another one each time, and a report
        // of the same is to be the same.
        let places = self.sandbox.places(&recipe.build_path, scratch.path());
        let scratch_path = scratch.path().to_owned();
        let ran = self.run_in(scratch, &plan.command, &mut receiver, &mut log, cancel)?;
        let settled = |said: String| match places.source == recipe.build_path {
            true => said,
            false => said
                .replace(
                    &*places.source.to_string_lossy(),
                    &recipe.build_path.to_string_lossy(),
                )
                .replace(&*scratch_path.to_string_lossy(), "/scratch"),
        };
        let log_tail = settled(tail(&mut log).map_err(io_error("read", job.log))?);
        let failed = |reason: String| {
            Ok(Outcome::BuildFailed {
                reason: settled(reason),
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
            Ending::FilesLimit => {
                return failed(format!(
                    "the build made more than {} files, the limit",
                    self.limits.files
                ));
            }
            Ending::OutOfSight => {
                return failed(
                    "the build kept files where they cannot be counted: in a directory that its owner may not read, or nested too deep"
                        .to_owned(),
                );
            }
        }
        let received = receiver.finish().map_err(io_error("write", &wheel_path))?;
        let filename = match received.judge(job.wheel, job.sdist_name) {
            Ok(filename) => filename,
            Err(reason) => return failed(reason),
        };
        // Comparisons and people know it by its name.
        let received_path = wheel_path;
        let wheel_path = result_directory.path().join(filename.to_string());
        fs::rename(&received_path, &wheel_path).map_err(io_error("rename", &received_path))?;
        Ok(Outcome::Built(Built {
            wheel: wheel_path,
            filename,
            sha256: received.sha256,
            size: received.size,
            layer: self.sandbox.layer(),
            elapsed: ran.elapsed,
            notes: plan.notes,
            is_reused: false,
            directory: result_directory,
        }))
    }

    /// Runs a command, and removes what it wrote within the time that it may take.
    ///
    /// # Errors
    ///
    /// [`RebuildError::Sandbox`].
    fn run_in(
        &self,
        scratch: Scratch,
        command: &Command,
        output: &mut dyn io::Write,
        log: &mut dyn io::Write,
        cancel: &Cancel,
    ) -> Result<Ran, RebuildError> {
        let deadline = Instant::now() + command.limits.wall_time;
        let ran = self
            .sandbox
            .run(command, scratch.path(), output, log, cancel)?;
        let at_least = Instant::now() + CLEANING_AT_LEAST;
        if let Some(rest) = scratch.remove_by(deadline.max(at_least))
            && let Ok(mut left) = self.left.lock()
        {
            left.push(rest);
        }
        Ok(ran)
    }

    fn private_directory(&self, what: &'static str) -> Result<Scratch, RebuildError> {
        Scratch::new(what, &self.temporary)
            .map_err(io_error("create a directory in", &self.temporary))
    }

    /// Returns a directory with the module that holds sysconfig data.
    fn sysconfig_module(&self, sysconfig: &Sysconfig) -> Result<PathBuf, RebuildError> {
        let mut made = match self.sysconfigs.lock() {
            Ok(made) => made,
            Err(poisoned) => poisoned.into_inner(),
        };
        if let Some(directory) = made.get(&sysconfig.sha256()) {
            return Ok(directory.path().to_owned());
        }
        let directory = self.private_directory("tool")?;
        let module = directory
            .path()
            .join(format!("{}.py", sysconfig.module_name()));
        fs::write(&module, sysconfig.module_text()).map_err(io_error("write", &module))?;
        for (path, mode) in [(module.as_path(), 0o644), (directory.path(), 0o755)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
                .map_err(io_error("write", path))?;
        }
        let path = directory.path().to_owned();
        made.insert(sysconfig.sha256(), directory);
        Ok(path)
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
}

/// A hook that can be called. What it reads goes when this value goes.
struct Prepared {
    plan: Plan,
    scratch: Scratch,
    _source: Scratch,
}

/// Returns the end of a log as text.
fn tail(log: &mut File) -> io::Result<String> {
    let size = log.seek(SeekFrom::End(0))?;
    log.seek(SeekFrom::Start(size.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    log.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RebuildError {
    let path = path.display().to_string();
    move |source| RebuildError::Io {
        action,
        path,
        source,
    }
}
