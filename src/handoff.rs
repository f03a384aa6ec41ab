//! The copy that a command may use.
//!
//! In: a [`VerifiedTree`], nothing else. Out: a private directory in which only
//! files with their signed digest exist, and the environment that points pip and
//! uv at it. What happens to the original after the check changes nothing.

mod command;
mod constraints;
mod hashed;
mod place;

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
use crate::digest::Sha256Digest;
use crate::relpath::RelPath;
use crate::scratch::{self, Scratch};
use crate::wheelhouse::{CopyError, VerifiedTree};

pub use command::{Replaced, locked_project, with_lists};
pub use constraints::{admitted, constraints, requirements};
pub use hashed::hashed_requirements;
pub use place::{Place, PlaceError};

/// What uv is told in a file, because `uv pip` reads it from no variable: nothing
/// is to be built.
const UV_CONFIGURATION: &str = "no-build = true\n[pip]\nno-build = true\n";

/// The form of the list of what was copied.
const SCHEMA: &str = "wheelproof.sealed/1";

/// A private, read-only copy of a verified directory. Removed when dropped, unless
/// it is kept.
#[derive(Debug)]
pub struct Sealed {
    directory: Scratch,
    place: Place,
    files: BTreeMap<String, Sha256Digest>,
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
        let place = Place::at(directory.path().to_owned());
        std::fs::create_dir(place.wheelhouse()).map_err(failed)?;
        let mut names: BTreeMap<&str, &RelPath> = BTreeMap::new();
        let wanted = |name: &RelPath| only.is_none_or(|only| only.contains(name));
        let mut files = BTreeMap::new();
        for (name, digest) in verified.files().iter().filter(|(name, _)| wanted(name)) {
            if let Some(other) = names.insert(name.file_name(), name) {
                return Err(HandoffError::SameName {
                    one: other.clone(),
                    other: name.clone(),
                });
            }
            files.insert(name.file_name().to_owned(), *digest);
        }
        names.par_iter().try_for_each(|(file_name, name)| {
            let to = place.wheelhouse().join(file_name);
            verified.files().copy(name, &to, cancel)
        })?;
        let read_only = std::fs::Permissions::from_mode(0o555);
        std::fs::set_permissions(place.wheelhouse(), read_only).map_err(failed)?;
        write(&place.uv_configuration(), UV_CONFIGURATION)?;
        Ok(Self {
            directory,
            place,
            files,
        })
    }

    /// Returns where it lies.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns the directory with the files.
    pub fn wheelhouse(&self) -> PathBuf {
        self.place.wheelhouse()
    }

    /// Lets nothing be installed but what this list names: requirements with the
    /// verified digests.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn constrain(&mut self, constraints: &str) -> Result<(), HandoffError> {
        write(&self.place.constraints(), constraints)?;
        self.place.constrain();
        Ok(())
    }

    /// Writes a list beside the copy, and returns where it is.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn list(&self, number: usize, text: &str) -> Result<PathBuf, HandoffError> {
        let path = self.place.list(number);
        write(&path, text)?;
        Ok(path)
    }

    /// Gives the copy a name under which it stays when this program ends. It is there
    /// whole, or not at all. Beside the files lie the variables that point pip and uv
    /// at it, and a list of what was copied.
    ///
    /// # Errors
    ///
    /// Something has this name already, or it lies in another file system, or the
    /// system's reason.
    pub fn keep(self, out: &Path) -> Result<Place, HandoffError> {
        let mut place = Place::at(out.to_owned());
        if self.place.is_constrained() {
            place.constrain();
        }
        let listed = serde_json::json!({
            "schema": SCHEMA,
            "files": self.files.iter().map(|(name, digest)| (name.clone(), digest.to_string()))
                .collect::<BTreeMap<_, _>>(),
        });
        let top = self.directory.path();
        write(&top.join("environment"), &place.environment_file())?;
        write(&top.join("sealed.json"), &format!("{listed:#}\n"))?;
        let failed = |source| HandoffError::Directory {
            path: out.to_owned(),
            source,
        };
        // A rename puts a directory into the place of an empty one, and of nothing
        // else; making that one first fails where there is anything.
        std::fs::create_dir(out).map_err(failed)?;
        std::fs::rename(top, out).map_err(|source| {
            let _ = std::fs::remove_dir(out);
            failed(source)
        })?;
        Ok(place)
    }
}

/// Writes a file that nobody is to change.
fn write(path: &Path, contents: &str) -> Result<(), HandoffError> {
    let failed = |source| HandoffError::Directory {
        path: path.to_owned(),
        source,
    };
    std::fs::write(path, contents).map_err(failed)?;
    let read_only = std::fs::Permissions::from_mode(0o444);
    std::fs::set_permissions(path, read_only).map_err(failed)
}

/// Returns the environment of a command that may use the copy: the inherited one
/// without everything that could point pip, uv or Python elsewhere, or let them
/// build an sdist.
pub fn environment(
    inherited: &[(OsString, OsString)],
    place: &Place,
) -> BTreeMap<OsString, OsString> {
    let mut environment: BTreeMap<OsString, OsString> = inherited
        .iter()
        .filter(|(name, _)| !points_elsewhere(name))
        .cloned()
        .collect();
    for (name, value) in place.variables() {
        environment.insert(name.into(), value);
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
