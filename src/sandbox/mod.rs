//! Commands that cannot reach the network or write outside.
//!
//! In: a command whose program is trusted and whose work is not, and limits. Out:
//! how it ended, what it wrote to its output and its log. Both are foreign:
//! whoever reads them trusts nothing.
//!
//! # Layers
//!
//! | layer | keeps out | leaves open |
//! |---|---|---|
//! | `bubblewrap` | network, the host's files, other processes, writing anywhere but to a `tmpfs` of limited size | the kernel's system calls |
//! | `landlock-seccomp` | sockets of every kind, contents of files outside an allowlist, changing other processes, objects that outlive the command | reading all of `/usr`; size of all files together is only watched; modes and times of files of the same user; signals to processes of the same user where Landlock is older than version 6 |
//! | `none` | nothing; limits still hold | everything |
//!
//! In every layer the limits hold, the environment is only what was handed in,
//! and a process that started as root becomes an unprivileged user with a number
//! of its own before the command starts.
//!
//! # The stage
//!
//! Setting limits, giving up root and confining oneself are things a process
//! does to itself, between fork and exec. This crate forbids `unsafe`, so a
//! second start of our own executable stands there: [`stage::run`] reads a
//! request from its standard input, confines itself, and becomes the command.
//! The caller says where the executable is; `main` calls [`stage::run`] when its
//! first argument is [`stage::WORD`].

mod bubblewrap;
mod calls;
mod files;
mod identity;
mod run;
pub mod stage;
mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::cancel::Cancel;
use crate::policy::SandboxPolicy;
use crate::scratch::Scratch;

pub use run::{Ending, Ran};

/// What stands between foreign code and the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Nothing but limits.
    None,
    /// Landlock for files and seccomp for sockets.
    LandlockSeccomp,
    /// Namespaces made by the `bwrap` program, and seccomp.
    Bubblewrap,
}

impl Layer {
    /// Returns the word that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::LandlockSeccomp => "landlock-seccomp",
            Self::Bubblewrap => "bubblewrap",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How much a command may use. Memory and file size count for each process,
/// processes and scratch space for the command as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From start to end.
    pub wall_time: Duration,
    /// Bytes of private writable memory of one process (`RLIMIT_DATA`, which
    /// unlike `RLIMIT_AS` does not count what compilers and runtimes reserve
    /// without using).
    pub memory_bytes: u64,
    /// Processes and threads at one time.
    pub processes: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files together. Under bubblewrap the size of the `tmpfs`,
    /// elsewhere watched and therefore passed for a moment.
    pub scratch_bytes: u64,
    /// Files and directories. Watched in every layer.
    pub files: u64,
    /// Bytes of the log, which is standard error.
    pub log_bytes: u64,
    /// Bytes of the output, which is standard output.
    pub output_bytes: u64,
}

impl Default for Limits {
    /// Returns limits that the builds of large packages stay below.
    fn default() -> Self {
        Self {
            wall_time: Duration::from_secs(15 * 60),
            memory_bytes: 4 << 30,
            processes: 512,
            file_bytes: 2 << 30,
            scratch_bytes: 4 << 30,
            files: 250_000,
            log_bytes: 16 << 20,
            output_bytes: 1 << 30,
        }
    }
}

/// A directory that the command gets a copy of, which it may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The directory on this machine. Files, directories and links below it are
    /// copied with their modes and times.
    pub from: PathBuf,
    /// Where the command finds the copy. Must not exist yet.
    pub to: PathBuf,
}

/// A file or directory that the command reads at a path of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// Where it is on this machine.
    pub from: PathBuf,
    /// Where the command finds it. Only bubblewrap can give another path than the
    /// one it has.
    pub at: PathBuf,
}

/// A command to run. All paths are absolute and, unless said otherwise, as the
/// command sees them.
#[derive(Debug, Clone)]
pub struct Command {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
    /// Where it starts.
    pub directory: PathBuf,
    /// The directory that takes the place of `/`: the system's programs, libraries
    /// and files are those below it. Only bubblewrap can do that.
    pub root: Option<PathBuf>,
    /// Files and directories it may read besides the system's; they have the
    /// same path inside as outside.
    pub read_only: Vec<PathBuf>,
    /// Files and directories it may read that have a path of their own.
    pub mounted: Vec<Mounted>,
    /// Directories that look empty where the layer can do that; those that do
    /// not exist are passed over.
    pub masked: Vec<PathBuf>,
    /// What it may change.
    pub copies: Vec<Copied>,
    /// Empty directories to make below the temporary directory.
    pub make_directories: Vec<PathBuf>,
    /// Its umask.
    pub umask: u32,
    /// What it may use.
    pub limits: Limits,
}

/// Where a command finds what it may write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Where a copy that should be at a certain path really is. Other than
    /// asked for where the layer cannot give paths of its own.
    pub source: PathBuf,
    /// The directory for temporary files.
    pub temporary: PathBuf,
}

/// Why a command was not run. None of these is the command's doing.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The policy asks for a layer that this machine does not have.
    #[error("no sandbox that the policy accepts: {0}")]
    Unavailable(String),
    /// The layer or the stage did not start the command.
    #[error("the {layer} sandbox did not start the command: {reason}")]
    Start {
        /// The layer.
        layer: Layer,
        /// What it said.
        reason: String,
    },
    /// A build path that would hide or change what the sandbox is made of.
    #[error("'{path}' cannot be the build path: {reason}")]
    BuildPath {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Something that only bubblewrap can give.
    #[error(
        "{what} needs bubblewrap, and the layer is {layer}; install bubblewrap and allow user namespaces"
    )]
    NeedsBubblewrap {
        /// What was asked for.
        what: String,
        /// The layer.
        layer: Layer,
    },
    /// A root that is none.
    #[error("'{path}' cannot be the root of a build: {reason}")]
    Root {
        /// The directory.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A path cannot be told to the stage.
    #[error("path '{0}' is not UTF-8; use another place")]
    NotUtf8(String),
    /// The system refused something.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Where the parts of the layers are.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Our own executable, for the stage.
    pub stage: PathBuf,
    /// The `bwrap` program, when there is one; [`find_program`] looks for it.
    pub bubblewrap: Option<PathBuf>,
}

/// A layer that was tried and works.
#[derive(Debug, Clone)]
pub struct Sandbox {
    parts: Parts,
    layer: Layer,
    shortfall: Option<String>,
    landlock_at_most: u32,
}

impl Sandbox {
    /// Tries the layers by really running something in them, the strongest
    /// first, and returns the first that works and is accepted. None at all is
    /// accepted by `Off` only. What is missing is said by [`Sandbox::shortfall`].
    ///
    /// # Errors
    ///
    /// [`SandboxError::Unavailable`] with the reason of every layer that was
    /// tried.
    pub fn choose(policy: SandboxPolicy, parts: &Parts) -> Result<Self, SandboxError> {
        if policy == SandboxPolicy::Off {
            let off = Some("switched off".to_owned());
            return Ok(Self::with(parts, Layer::None, off));
        }
        let bubblewrap = Self::with(parts, Layer::Bubblewrap, None);
        let tried = match &parts.bubblewrap {
            None => Err("bubblewrap: the program 'bwrap' was not found; install the package bubblewrap".to_owned()),
            Some(_) => bubblewrap
                .probe()
                .map_err(|error| format!("bubblewrap: {error}; user namespaces may be switched off, or a container may forbid them")),
        };
        let reason = match tried {
            Ok(_) => return Ok(bubblewrap),
            Err(reason) => reason,
        };
        if policy == SandboxPolicy::Require {
            return Err(SandboxError::Unavailable(reason));
        }
        let weaker = Self::with(parts, Layer::LandlockSeccomp, None);
        match weaker.probe() {
            Ok(ran) => {
                let is_root = rustix::process::geteuid().is_root();
                let shortfall = match ran.landlock.and_then(|version| left_open(version, is_root)) {
                    Some(open) => format!("{reason}; {open}"),
                    None => reason,
                };
                Ok(Self {
                    shortfall: Some(shortfall),
                    ..weaker
                })
            }
            Err(error) => Err(SandboxError::Unavailable(format!(
                "{reason}; landlock-seccomp: {error}"
            ))),
        }
    }

    /// Returns one layer without trying it.
    pub fn with(parts: &Parts, layer: Layer, shortfall: Option<String>) -> Self {
        Self {
            parts: parts.clone(),
            layer,
            shortfall,
            landlock_at_most: files::NEWEST,
        }
    }

    /// Returns the same with what a kernel offers whose Landlock has this version: for
    /// trying what an older kernel leaves open.
    #[must_use]
    pub fn with_landlock_at_most(self, version: u32) -> Self {
        Self {
            landlock_at_most: version,
            ..self
        }
    }

    /// Returns the layer in use.
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// Returns the file that the stage is started from: this program.
    pub fn stage(&self) -> &Path {
        &self.parts.stage
    }

    /// Returns why no stronger layer is in use, when there is one.
    pub fn shortfall(&self) -> Option<&str> {
        self.shortfall.as_deref()
    }

    /// Returns where a command will find its files, given the path that its
    /// source should have and the scratch directory of [`Sandbox::run`].
    pub fn places(&self, wanted_source: &Path, scratch: &Path) -> Places {
        match self.layer {
            Layer::Bubblewrap => Places {
                source: wanted_source.to_owned(),
                temporary: PathBuf::from("/tmp"),
            },
            Layer::LandlockSeccomp | Layer::None => Places {
                source: scratch
                    .join("source")
                    .join(wanted_source.file_name().unwrap_or("source".as_ref())),
                temporary: scratch.join("tmp"),
            },
        }
    }

    /// Runs a command to its end, or until it passes a limit or somebody asks to
    /// stop; then every process it started is killed.
    ///
    /// `scratch` is an empty private directory for this command alone, below one
    /// that every user may pass through; only the weaker layers write to it.
    /// Standard output goes to `output`, standard error to `log`, as they come.
    ///
    /// # Errors
    ///
    /// A [`SandboxError`] when the command did not start, or when `output` or
    /// `log` cannot be written.
    pub fn run(
        &self,
        command: &Command,
        scratch: &Path,
        output: &mut dyn io::Write,
        log: &mut dyn io::Write,
        cancel: &Cancel,
    ) -> Result<Ran, SandboxError> {
        if self.layer != Layer::Bubblewrap {
            self.refuse_what_needs_bubblewrap(command)?;
        }
        let identity = identity::Identity::for_build()?;
        let request = stage::Request::new(self, command, scratch, identity)?;
        let process = match (self.layer, &self.parts.bubblewrap) {
            (Layer::Bubblewrap, Some(bubblewrap)) => {
                let mut process =
                    bubblewrap::command(bubblewrap, &self.parts.stage, command, identity)?;
                // Killed as a group until it has made sure that it dies with us.
                process.process_group(0);
                process
            }
            (Layer::Bubblewrap, None) => {
                return Err(SandboxError::Start {
                    layer: self.layer,
                    reason: "no bwrap program was named".to_owned(),
                });
            }
            (Layer::LandlockSeccomp | Layer::None, _) => {
                let mut process = std::process::Command::new(&self.parts.stage);
                process.arg(stage::WORD);
                process
            }
        };
        let place = match self.layer {
            Layer::Bubblewrap => watch::Place::Namespaces(bubblewrap::writable(command)),
            Layer::LandlockSeccomp | Layer::None => watch::Place::Directory(scratch),
        };
        let start = run::Start {
            process,
            request: &request,
            layer: self.layer,
            limits: &command.limits,
            watch: watch::Watch::new(place),
        };
        run::run(start, output, log, cancel)
    }

    fn refuse_what_needs_bubblewrap(&self, command: &Command) -> Result<(), SandboxError> {
        let moved = command
            .mounted
            .iter()
            .find(|mounted| mounted.at != mounted.from);
        let what = match (&command.root, moved) {
            (Some(root), _) => format!("the root {}", root.display()),
            (None, Some(Mounted { from, at })) => {
                format!("{} at {}", from.display(), at.display())
            }
            (None, None) => return Ok(()),
        };
        Err(SandboxError::NeedsBubblewrap {
            what,
            layer: self.layer,
        })
    }

    /// Runs a program that does nothing, with everything a build uses.
    fn probe(&self) -> Result<Ran, SandboxError> {
        let scratch =
            Scratch::new("probe", &std::env::temp_dir()).map_err(|source| SandboxError::Io {
                action: "create a temporary directory",
                source,
            })?;
        let places = self.places(Path::new("/tmp/probe"), scratch.path());
        let command = Command {
            program: PathBuf::from("/bin/sh"),
            arguments: vec!["-c".to_owned(), "exit 0".to_owned()],
            environment: BTreeMap::new(),
            directory: places.temporary.clone(),
            root: None,
            read_only: Vec::new(),
            mounted: Vec::new(),
            masked: Vec::new(),
            copies: Vec::new(),
            make_directories: Vec::new(),
            umask: 0o022,
            limits: Limits {
                wall_time: Duration::from_secs(20),
                ..Limits::default()
            },
        };
        let mut log = Vec::new();
        let ran = self.run(
            &command,
            scratch.path(),
            &mut io::sink(),
            &mut log,
            &Cancel::new(),
        )?;
        if ran.ending == Ending::Exited(0) {
            return Ok(ran);
        }
        Err(SandboxError::Start {
            layer: self.layer,
            reason: format!("a program that does nothing ended with {}", ran.ending),
        })
    }
}

/// Says what a version of Landlock leaves open that the newest one does not, to a build
/// of the same user. What versions before the third leave open besides, filters close.
fn left_open(landlock: u32, is_root: bool) -> Option<String> {
    // Builds of root are other users, whom the kernel lets signal nobody else.
    (landlock < 6 && !is_root).then(|| {
        format!(
            "Landlock of this kernel has version {landlock}, and before version 6 (Linux 6.12) \
             a build can send signals to other processes of its user"
        )
    })
}

/// Returns the first executable file of a name in a list of directories, as the
/// shell looks through `PATH`.
pub fn find_program(name: &str, directories: &[PathBuf]) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    directories
        .iter()
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|path| {
            path.metadata()
                .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
        })
}

/// Directories that hold the system's programs and libraries. On most systems
/// all but the first are links into it.
const SYSTEM_DIRECTORIES: &[&str] = &[
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];

/// What programs need of `/etc`. Nothing here is secret.
const SYSTEM_FILES: &[&str] = &[
    "/etc/alternatives",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
];

fn utf8(path: &Path) -> Result<&str, SandboxError> {
    path.to_str()
        .ok_or_else(|| SandboxError::NotUtf8(path.display().to_string()))
}
