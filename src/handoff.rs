//! The copy that a command may use.
//!
//! In: a [`VerifiedTree`], nothing else. Out: a private directory in which only
//! files with their signed digest exist, and the environment that points pip and
//! uv at it. What happens to the original after the check changes nothing.

mod constraints;
mod hashed;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rayon::prelude::*;
use rustix::io::FdFlags;
use rustix::process::{Pid, Signal};

use crate::cancel::Cancel;
use crate::relpath::RelPath;
use crate::scratch::{self, Scratch};
use crate::wheelhouse::{CopyError, VerifiedTree};

pub use constraints::{admitted, constraints};
pub use hashed::hashed_requirements;

/// What uv is told in a file, because `uv pip` reads it from no variable: nothing
/// is to be built.
const UV_CONFIGURATION: &[u8] = b"no-build = true\n[pip]\nno-build = true\n";

/// A private, read-only copy of a verified directory. Removed when dropped.
#[derive(Debug)]
pub struct Sealed {
    directory: Scratch,
    wheelhouse: PathBuf,
    uv_configuration: PathBuf,
}

/// Why the copy could not be made.
#[derive(Debug, thiserror::Error)]
pub enum HandoffError {
    /// A directory could not be made or closed.
    #[error("cannot make a private directory in {}: {source}", .path.display())]
    Directory {
        /// Where it was to be.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file could not be copied.
    #[error("{0}")]
    Copy(#[from] CopyError),
    /// Two files of different directories have one name; installers look into one
    /// directory only.
    #[error("{one} and {other} have the same file name, and installers are given one directory")]
    SameName {
        /// The first file.
        one: RelPath,
        /// The second file.
        other: RelPath,
    },
}

impl Sealed {
    /// Copies every verified file, or those among them that `only` names, into a new
    /// private directory below `parent`, hashing while copying, and takes away every
    /// permission to write.
    ///
    /// # Errors
    ///
    /// A file changed since it was verified, or a directory or file could not be
    /// made. Nothing is left behind then.
    pub fn copy(
        verified: &VerifiedTree,
        only: Option<&BTreeSet<&RelPath>>,
        parent: &Path,
        cancel: &Cancel,
    ) -> Result<Self, HandoffError> {
        let failed = |source| HandoffError::Directory {
            path: parent.to_owned(),
            source,
        };
        scratch::sweep(parent);
        let directory = Scratch::new("run", parent).map_err(failed)?;
        let wheelhouse = directory.path().join("wheelhouse");
        std::fs::create_dir(&wheelhouse).map_err(failed)?;
        let mut sealed = Self {
            directory,
            wheelhouse,
            uv_configuration: PathBuf::new(),
        };
        sealed.uv_configuration = sealed.write("uv.toml", UV_CONFIGURATION)?;
        let mut names: BTreeMap<&str, &RelPath> = BTreeMap::new();
        let wanted = |name: &RelPath| only.is_none_or(|only| only.contains(name));
        for (name, _) in verified.files().iter().filter(|(name, _)| wanted(name)) {
            if let Some(other) = names.insert(name.file_name(), name) {
                return Err(HandoffError::SameName {
                    one: other.clone(),
                    other: name.clone(),
                });
            }
        }
        names.par_iter().try_for_each(|(file_name, name)| {
            let to = sealed.wheelhouse.join(file_name);
            verified.files().copy(name, &to, cancel)
        })?;
        let read_only = std::fs::Permissions::from_mode(0o555);
        std::fs::set_permissions(&sealed.wheelhouse, read_only).map_err(failed)?;
        Ok(sealed)
    }

    /// Returns the directory with the files.
    pub fn wheelhouse(&self) -> &Path {
        &self.wheelhouse
    }

    /// Writes a file beside the wheelhouse and returns its path.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<PathBuf, HandoffError> {
        let path = self.directory.path().join(name);
        let failed = |source| HandoffError::Directory {
            path: path.clone(),
            source,
        };
        std::fs::write(&path, contents).map_err(failed)?;
        let read_only = std::fs::Permissions::from_mode(0o444);
        std::fs::set_permissions(&path, read_only).map_err(failed)?;
        Ok(path)
    }
}

/// Returns the environment of a command that may use the copy: the inherited one
/// without everything that could point pip, uv or Python elsewhere, or let them
/// build an sdist.
///
/// `constraints` is a file with the verified digests; with it, pip and uv install
/// nothing that the file does not name.
pub fn environment(
    inherited: &[(OsString, OsString)],
    sealed: &Sealed,
    constraints: Option<&Path>,
) -> BTreeMap<OsString, OsString> {
    let mut environment: BTreeMap<OsString, OsString> = inherited
        .iter()
        .filter(|(name, _)| !points_elsewhere(name))
        .cloned()
        .collect();
    let mut set = |name: &str, value: &OsStr| {
        environment.insert(name.into(), value.to_owned());
    };
    let wheelhouse = sealed.wheelhouse().as_os_str();
    set("WHEELPROOF_WHEELHOUSE", wheelhouse);
    // pip: "configuration files are not loaded when PIP_CONFIG_FILE is os.devnull".
    set("PIP_CONFIG_FILE", OsStr::new("/dev/null"));
    set("PIP_NO_INDEX", OsStr::new("1"));
    set("PIP_FIND_LINKS", wheelhouse);
    set("PIP_ONLY_BINARY", OsStr::new(":all:"));
    set("PIP_NO_CACHE_DIR", OsStr::new("1"));
    set("PIP_DISABLE_PIP_VERSION_CHECK", OsStr::new("1"));
    // A named file is read instead of those that uv would find.
    set("UV_CONFIG_FILE", sealed.uv_configuration.as_os_str());
    set("UV_NO_CONFIG", OsStr::new("1"));
    set("UV_OFFLINE", OsStr::new("1"));
    set("UV_NO_INDEX", OsStr::new("1"));
    set("UV_FIND_LINKS", wheelhouse);
    set("UV_NO_BUILD", OsStr::new("1"));
    set("UV_NO_CACHE", OsStr::new("1"));
    if let Some(constraints) = constraints {
        let constraints = constraints.as_os_str();
        set("PIP_CONSTRAINT", constraints);
        set("PIP_REQUIRE_HASHES", OsStr::new("1"));
        set("UV_CONSTRAINT", constraints);
        set("UV_REQUIRE_HASHES", OsStr::new("1"));
        set("WHEELPROOF_REQUIREMENTS", constraints);
    }
    environment
}

/// Returns whether a variable is one of those that decide where pip, uv and
/// Python take code from.
fn points_elsewhere(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["PIP_", "UV_", "PYTHON", "WHEELPROOF_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// Why a requirement cannot be met from the verified files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// No verified file is of that project and version.
    #[error("line {line}: no signed file is {project}=={version}")]
    NotSigned {
        /// The line of the requirements file.
        line: u64,
        /// The project.
        project: String,
        /// The version.
        version: String,
    },
    /// Only an sdist is of that project and version, and wheels were asked for.
    #[error("line {line}: only a signed sdist is {project}=={version}, and no wheel")]
    OnlySdist {
        /// The line of the requirements file.
        line: u64,
        /// The project.
        project: String,
        /// The version.
        version: String,
    },
}

/// Runs a command and returns how it ended. A signal that asks this program to
/// end is handed on to the command, which is then waited for; a second one kills
/// it.
///
/// The command inherits the lock on the copy: if this program is killed and the
/// command lives on, nobody sweeps away what it installs from, and nobody can put
/// another directory in its place.
///
/// With `shares_terminal`, interrupts reach the command without us, and what they
/// mean is its business: a shell or a debugger goes on after one.
///
/// # Errors
///
/// The command could not be started.
pub fn run(
    command: &[OsString],
    sealed: &Sealed,
    environment: &BTreeMap<OsString, OsString>,
    cancel: &Cancel,
    shares_terminal: bool,
) -> io::Result<ExitStatus> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no command was given"))?;
    let mut child = Command::new(program);
    child.args(arguments).env_clear().envs(environment);
    let lock = sealed.directory.lock();
    rustix::io::fcntl_setfd(lock, FdFlags::empty())?;
    let spawned = child.spawn();
    rustix::io::fcntl_setfd(lock, FdFlags::CLOEXEC)?;
    let mut child = spawned?;
    let for_us = |number: &i32| {
        let is_interrupt = [Signal::INT, Signal::QUIT].map(Signal::as_raw);
        !(shares_terminal && is_interrupt.contains(number))
    };
    let mut told = None;
    loop {
        let status = child.try_wait()?;
        let signal = cancel.take_signal().filter(for_us);
        if let Some(status) = status {
            if let Some(signal) = told.or(signal) {
                // Whoever asked this program to end has to see it end so.
                cancel.request_by(signal);
            }
            return Ok(status);
        }
        if let Some(number) = signal {
            let pass_on = match Signal::from_named_raw(number) {
                Some(signal) if told.is_none() => signal,
                _ => Signal::KILL,
            };
            let _ = rustix::process::kill_process(Pid::from_child(&child), pass_on);
            told = Some(number);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
