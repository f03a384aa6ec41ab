//! Private directories that go away whatever was put into them, and whatever ended
//! the run that made them.
//!
//! In: a place for temporary files. Out: a directory of our user alone, removed when
//! its value is dropped, also when foreign code has nested directories deeper than
//! descriptors or the stack reach, or taken away their modes. A run that is killed
//! drops nothing; what it leaves is removed by the next one that works in the same
//! place. A lock tells the two apart: the system takes it from whoever ends, however
//! that comes about.

use std::fs::{self, File};
use std::io;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags};
use tempfile::TempDir;

/// What directories are for, as their names say.
const PURPOSES: &[&str] = &[
    "run", "rebuild", "sdist", "scratch", "wheel", "tool", "fetch", "unpack", "probe", "resolve",
];

/// How many characters the system's chance gives to a name.
const RANDOM: usize = 6;

/// The user numbers that belong to builds of root, who hands scratch directories over to
/// them. The range up to 2^31 is assigned to nobody (systemd.io/UIDS-GIDS), and has room
/// for 64 builds of every process number there can be.
pub const BUILD_USERS: RangeInclusive<u32> = 0x7000_0000..=0x7fff_ffff;

/// How long one run removes what others left behind. A foreign build may have left more
/// files than that; the next runs go on with them.
const SWEEPING: Duration = Duration::from_secs(5);

/// How often a new name is tried when somebody else takes the directory away.
const TRIES: usize = 100;

/// A directory that is removed with this value. No process may be left that writes
/// to it then.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
    lock: File,
    is_left: bool,
}

impl Scratch {
    /// Makes a directory in another one, called `wheelproof-PURPOSE-` and six
    /// characters more.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub fn new(purpose: &'static str, inside: &Path) -> io::Result<Self> {
        debug_assert!(
            PURPOSES.contains(&purpose),
            "{purpose} would never be swept"
        );
        for _ in 0..TRIES {
            let directory = tempfile::Builder::new()
                .prefix(&format!("wheelproof-{purpose}-"))
                .rand_bytes(RANDOM)
                // Else the umask decides, and most let everybody look.
                .permissions(fs::Permissions::from_mode(0o700))
                .tempdir_in(inside)?;
            // Until it is locked it looks like one that was left behind, and another
            // run may remove it.
            match lock(directory.path()) {
                Ok(Some(lock)) if is_at(&lock, directory.path()) => {
                    return Ok(Self {
                        directory,
                        lock,
                        is_left: false,
                    });
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Removes the directory by this time; returns it when something is left by then.
    ///
    /// What cannot be removed at all stays, and nobody is told.
    #[must_use]
    pub fn remove_by(self, deadline: Instant) -> Option<Self> {
        match clear(self.directory.path(), Some(deadline)) {
            Ok(Cleared::Late) => Some(self),
            Ok(Cleared::Empty) | Err(_) => None,
        }
    }

    /// Removes the directory by this time, or leaves the rest to the next run.
    pub fn leave_by(self, deadline: Instant) {
        if let Some(mut rest) = self.remove_by(deadline) {
            rest.is_left = true;
            rest.directory.disable_cleanup(true);
        }
    }

    /// Returns the lock. Whoever holds it open keeps the directory from being swept.
    pub fn lock(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.is_left {
            return;
        }
        // What cannot be removed stays; there is nobody to tell from here. The empty
        // directory itself goes with its own value.
        let _ = clear(self.directory.path(), None);
    }
}

/// Removes the directories in this one that runs of ours made and did not live to
/// remove. What cannot be removed, or cannot be locked, stays.
///
/// Only a directory with such a name, of our user and closed to all others, is
/// touched; it is never reached through a link.
pub fn sweep(inside: &Path) {
    let deadline = Instant::now() + SWEEPING;
    let Ok(entries) = fs::read_dir(inside) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(is_name) {
            let _ = remove_if_left(&entry.path(), deadline);
        }
    }
}

/// Returns whether [`Scratch::new`] could have given this name.
fn is_name(name: &str) -> bool {
    name.strip_prefix("wheelproof-")
        .and_then(|rest| rest.rsplit_once('-'))
        .is_some_and(|(purpose, random)| {
            PURPOSES.contains(&purpose)
                && random.len() == RANDOM
                && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

fn remove_if_left(path: &Path, deadline: Instant) -> io::Result<()> {
    let Some(lock) = lock(path)? else {
        return Ok(());
    };
    let metadata = lock.metadata()?;
    let us = rustix::process::geteuid();
    // Nothing runs as a user of a build when that has ended: nobody can put a link in
    // the way of what is removed here.
    let is_of_our_build = us.is_root() && BUILD_USERS.contains(&metadata.uid());
    let is_ours =
        (metadata.uid() == us.as_raw() || is_of_our_build) && metadata.mode() & 0o7777 == 0o700;
    if is_ours {
        // By the open directory and not by its name: where others may rename, the
        // name could lead elsewhere by now.
        let open = PathBuf::from(format!("/proc/self/fd/{}", lock.as_raw_fd()));
        if clear(&open, Some(deadline))? == Cleared::Empty {
            fs::remove_dir(path)?;
        }
    }
    Ok(())
}

/// Returns a directory opened and locked; nothing when another process holds it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether what is open is what has this name.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// How far emptying a directory came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cleared {
    /// Nothing is left.
    Empty,
    /// It was time to stop.
    Late,
}

/// Empties a directory. Directories further down that are not empty are moved to the
/// top before they are emptied, so no path and no recursion grows with their depth.
/// Links are removed, never followed.
fn clear(top: &Path, deadline: Option<Instant>) -> io::Result<Cleared> {
    let is_late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
    let mut moved = 0u64;
    loop {
        let mut found = false;
        for entry in fs::read_dir(top)? {
            if is_late() {
                return Ok(Cleared::Late);
            }
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
                continue;
            }
            found = true;
            let directory = entry.path();
            if fs::remove_dir(&directory).is_ok() {
                continue;
            }
            open_up(&directory)?;
            for child in fs::read_dir(&directory)? {
                if is_late() {
                    return Ok(Cleared::Late);
                }
                let child = child?;
                if !child.file_type()?.is_dir() {
                    fs::remove_file(child.path())?;
                    continue;
                }
                // Most are empty, or soon will be; to move one costs as much again.
                if fs::remove_dir(child.path()).is_ok() {
                    continue;
                }
                // Moving a directory writes to it: its `..` changes.
                open_up(&child.path())?;
                let to = loop {
                    moved += 1;
                    let to = top.join(format!(".{moved}"));
                    if fs::symlink_metadata(&to).is_err() {
                        break to;
                    }
                };
                fs::rename(child.path(), to)?;
            }
            fs::remove_dir(&directory)?;
        }
        if !found {
            return Ok(Cleared::Empty);
        }
    }
}

/// Lets its owner into a directory, where he is not already.
fn open_up(directory: &Path) -> io::Result<()> {
    let mode = fs::symlink_metadata(directory)?.mode();
    match mode & 0o700 {
        0o700 => Ok(()),
        _ => fs::set_permissions(directory, fs::Permissions::from_mode(0o700)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(directory: &Path) -> usize {
        fs::read_dir(directory).unwrap().count()
    }

    #[test]
    fn depth_and_modes_and_links_do_not_keep_a_directory() {
        let outside = tempfile::tempdir().expect("a directory");
        let keep = outside.path().join("keep");
        fs::write(&keep, "text").expect("writes");
        let place = tempfile::tempdir().expect("a directory");
        let scratch = Scratch::new("scratch", place.path()).expect("a directory");
        // Deeper than any path can name.
        let nest = std::process::Command::new("python3")
            .args(["-c", "import os, sys\nos.chdir(sys.argv[1])\nfor _ in range(5000):\n os.mkdir('directory'); os.chdir('directory')\nopen('file', 'w')"])
            .arg(scratch.path())
            .status()
            .expect("runs");
        assert!(nest.success());
        std::os::unix::fs::symlink(outside.path(), scratch.path().join("link")).expect("links");
        std::os::unix::fs::symlink(&keep, scratch.path().join("directory/link")).expect("links");
        fs::create_dir_all(scratch.path().join("locked/inner")).expect("creates");
        fs::write(scratch.path().join("locked/inner/file"), "").expect("writes");
        for name in ["locked/inner", "locked"] {
            fs::set_permissions(scratch.path().join(name), fs::Permissions::from_mode(0o000))
                .expect("locks");
        }
        drop(scratch);
        assert_eq!(count(place.path()), 0);
        assert!(keep.exists());
    }

    #[test]
    fn what_is_held_stays_and_what_nobody_holds_goes() {
        let place = tempfile::tempdir().unwrap();
        let held = Scratch::new("run", place.path()).unwrap();
        // As a killed run leaves it: there, and locked by nobody.
        let left = place.path().join("wheelproof-run-Ab12cD");
        fs::create_dir_all(left.join("wheelhouse")).unwrap();
        fs::write(left.join("wheelhouse/file"), "x").unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        mode(&left.join("wheelhouse"), 0o555).unwrap();
        mode(&left, 0o700).unwrap();
        sweep(place.path());
        assert!(held.path().is_dir());
        assert_eq!(count(place.path()), 1);
        drop(held);
        assert_eq!(count(place.path()), 0);
    }

    #[test]
    fn what_is_not_removed_in_time_is_left_to_a_later_run() {
        let place = tempfile::tempdir().unwrap();
        let scratch = Scratch::new("scratch", place.path()).unwrap();
        for number in 0..100 {
            fs::create_dir_all(scratch.path().join(format!("{number}/sub"))).unwrap();
        }
        let scratch = scratch.remove_by(Instant::now()).expect("it is late");
        assert!(scratch.path().join("99/sub").is_dir());
        // As long as somebody holds it, no other run removes it.
        sweep(place.path());
        assert!(scratch.path().join("99/sub").is_dir());
        scratch.leave_by(Instant::now());
        assert_eq!(count(place.path()), 1);
        sweep(place.path());
        assert_eq!(count(place.path()), 0);
        let scratch = Scratch::new("scratch", place.path()).unwrap();
        fs::create_dir_all(scratch.path().join("sub/sub")).unwrap();
        let later = Instant::now() + Duration::from_secs(60);
        assert!(scratch.remove_by(later).is_none());
        assert_eq!(count(place.path()), 0);
    }

    #[test]
    fn what_root_handed_over_to_a_build_is_removed_and_no_other_users() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let place = tempfile::tempdir().unwrap();
        for (name, user) in [("Ab12cD", *BUILD_USERS.start()), ("Ab12cE", 65_534)] {
            let left = place.path().join(format!("wheelproof-scratch-{name}"));
            fs::create_dir_all(left.join("tmp")).unwrap();
            fs::set_permissions(&left, fs::Permissions::from_mode(0o700)).unwrap();
            std::os::unix::fs::chown(&left, Some(user), Some(user)).unwrap();
        }
        sweep(place.path());
        assert!(!place.path().join("wheelproof-scratch-Ab12cD").exists());
        assert!(place.path().join("wheelproof-scratch-Ab12cE").exists());
    }

    #[test]
    fn only_names_of_ours_are_looked_at() {
        for name in ["wheelproof-run-abc123", "wheelproof-probe-ABCDEF"] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "wheelproof-run-abc12",
            "wheelproof-run-abc1234",
            "wheelproof-run-abc12-",
            "wheelproof-notes-abc123",
            "wheelproof-abc123",
            "wheelproof-run-äbc12",
            "run-abc123",
            "",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
