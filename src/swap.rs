//! A directory replaced whole, or not at all.
//!
//! In: a directory, and a tree that is made beside it. Out: the tree in the place of
//! the directory, in one step, and the old one kept beside it. Nothing is trusted
//! about what lies around.
//!
//! ```text
//! DIR                    what everybody reads
//! .DIR.update/           the work of a run; locked by it, of our user alone
//! .DIR.update/next/      the tree in the making
//! .DIR.update/ready      which tree is about to take the place
//! DIR.previous           what stood in DIR before
//! ```
//!
//! The system exchanges two directories in one step (`renameat2`,
//! `RENAME_EXCHANGE`), so whoever opens DIR finds the old tree or the new one. A run
//! that is killed after that step leaves the old tree in `next/`; `ready` tells the
//! next run which of the two it finds there.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::cancel::Cancel;

/// How often the work of a run that just ended is taken over.
const TRIES: usize = 100;

/// Why a directory could not be replaced. The old one is as it was.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// Another process is at work on the same directory.
    #[error("another run is updating {} at this moment", .directory.display())]
    Busy {
        /// The directory.
        directory: PathBuf,
    },
    /// A name that is needed is taken by something else.
    #[error("{} is in the way: {reason}", .path.display())]
    InTheWay {
        /// What is in the way.
        path: PathBuf,
        /// Why it is not ours.
        reason: &'static str,
    },
    /// The directory cannot be one that is exchanged.
    #[error("{} cannot be replaced: {reason}", .directory.display())]
    NotReplaceable {
        /// The directory.
        directory: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The system does not exchange the two directories.
    #[error(
        "the system cannot exchange {} and {} in one step: {source}",
        .directory.display(),
        .tree.display()
    )]
    Exchange {
        /// The directory.
        directory: PathBuf,
        /// The tree that was to take its place.
        tree: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The system refused something else.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SwapError {
    let path = path.to_owned();
    move |source| SwapError::Io {
        action,
        path,
        source,
    }
}

/// Where a run works on what is to take the place of a directory. What it made and
/// did not finish stays when this value goes, for the next run.
#[derive(Debug)]
pub struct Workplace {
    directory: PathBuf,
    path: PathBuf,
    /// Held as long as the run works.
    _lock: File,
}

impl Workplace {
    /// Opens the workplace of a directory, which need not be there yet, and brings
    /// to its end what a killed run left between two steps.
    ///
    /// # Errors
    ///
    /// Another run is at work, or the place is none of ours.
    pub fn open(directory: &Path) -> Result<Self, SwapError> {
        let refuse = |reason: &str| SwapError::NotReplaceable {
            directory: directory.to_owned(),
            reason: reason.to_owned(),
        };
        let name = directory
            .file_name()
            .ok_or_else(|| refuse("it has no name of its own"))?;
        let mut own = OsString::from(".");
        own.push(name);
        own.push(".update");
        let path = directory.with_file_name(own);
        for _ in 0..TRIES {
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io_error("create", &path)(error)),
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let lock = match rustix::fs::open(&path, flags, Mode::empty()) {
                Ok(lock) => File::from(lock),
                // Its owner has just ended.
                Err(Errno::NOENT) => continue,
                Err(Errno::LOOP | Errno::NOTDIR) => {
                    return Err(SwapError::InTheWay {
                        path,
                        reason: "it is no directory",
                    });
                }
                Err(error) => return Err(io_error("open", &path)(error.into())),
            };
            match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => {
                    return Err(SwapError::Busy {
                        directory: directory.to_owned(),
                    });
                }
                Err(error) => return Err(io_error("lock", &path)(error.into())),
            }
            let held = lock.metadata().map_err(io_error("look at", &path))?;
            let is_there = path
                .symlink_metadata()
                .is_ok_and(|named| (named.dev(), named.ino()) == (held.dev(), held.ino()));
            if !is_there {
                continue;
            }
            let is_ours =
                held.uid() == rustix::process::geteuid().as_raw() && held.mode() & 0o077 == 0;
            if !is_ours {
                return Err(SwapError::InTheWay {
                    path,
                    reason: "it was not left by an earlier run of yours",
                });
            }
            let workplace = Self {
                directory: directory.to_owned(),
                path,
                _lock: lock,
            };
            workplace.recover()?;
            return Ok(workplace);
        }
        Err(SwapError::Busy {
            directory: directory.to_owned(),
        })
    }

    /// Returns where it is. Other names than those above are the run's own.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns where the old directory goes.
    pub fn previous(&self) -> PathBuf {
        let mut name = self.directory.file_name().unwrap_or_default().to_owned();
        name.push(".previous");
        self.directory.with_file_name(name)
    }

    fn next(&self) -> PathBuf {
        self.path.join("next")
    }

    fn ready(&self) -> PathBuf {
        self.path.join("ready")
    }

    /// Returns an empty tree that is to take the place of the directory, with its
    /// mode.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub fn tree(&self) -> Result<PathBuf, SwapError> {
        let next = self.next();
        remove(&next)?;
        fs::create_dir(&next).map_err(io_error("create", &next))?;
        if let Ok(old) = self.directory.metadata() {
            copy_metadata(&old, &next).map_err(io_error("set the mode of", &next))?;
        }
        Ok(next)
    }

    /// Puts the tree in the place of the directory. With `keep`, the old directory
    /// is at [`Workplace::previous`] then; without, it is gone.
    ///
    /// # Errors
    ///
    /// The old directory is as it was then, but for an error after the exchange:
    /// the next run of [`Workplace::open`] brings that to its end.
    pub fn put_in_place(&self, keep: bool) -> Result<(), SwapError> {
        let next = self.next();
        // A power cut must not give names without contents.
        for entry in walkdir::WalkDir::new(&next).contents_first(true) {
            let entry = entry.map_err(|error| io_error("read", &next)(error.into()))?;
            if !entry.file_type().is_symlink() {
                let flushed = File::open(entry.path()).and_then(|file| file.sync_all());
                flushed
                    .or_else(unless_unknown)
                    .map_err(io_error("flush", entry.path()))?;
            }
        }
        let tree = next.metadata().map_err(io_error("look at", &next))?;
        let word = if keep { "keep" } else { "drop" };
        let ready = self.ready();
        let text = format!("{} {} {word}\n", tree.dev(), tree.ino());
        crate::replace::file(&ready, text.as_bytes()).map_err(|error| SwapError::Io {
            action: "write",
            path: ready.clone(),
            source: io::Error::other(error),
        })?;
        let exchanged = match self.directory.symlink_metadata() {
            Ok(_) => {
                rustix::fs::renameat_with(CWD, &next, CWD, &self.directory, RenameFlags::EXCHANGE)
            }
            Err(_) => {
                rustix::fs::renameat_with(CWD, &next, CWD, &self.directory, RenameFlags::NOREPLACE)
            }
        };
        if let Err(error) = exchanged {
            let _ = fs::remove_file(&ready);
            return Err(SwapError::Exchange {
                directory: self.directory.clone(),
                tree: next,
                source: error.into(),
            });
        }
        self.flush_parent()?;
        self.conclude(keep)
    }

    /// Ends the work: removes everything when it is done, else only what the next
    /// run has no use for.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub fn leave(self, is_done: bool) -> Result<(), SwapError> {
        // A tree that `ready` speaks of is for the next run to look at.
        if self.ready().symlink_metadata().is_ok() {
            return Ok(());
        }
        if is_done {
            return remove(&self.path);
        }
        remove(&self.next())?;
        // Only when nothing is in it.
        let _ = fs::remove_dir(&self.path);
        Ok(())
    }

    /// Moves the old tree where it belongs, once the new one is in place.
    fn conclude(&self, keep: bool) -> Result<(), SwapError> {
        let next = self.next();
        if keep && next.symlink_metadata().is_ok() {
            let previous = self.previous();
            let outdated = self.path.join("outdated");
            remove(&outdated)?;
            if previous.symlink_metadata().is_ok() {
                fs::rename(&previous, &outdated).map_err(io_error("move", &previous))?;
            }
            fs::rename(&next, &previous).map_err(io_error("move", &next))?;
            remove(&outdated)?;
        }
        remove(&next)?;
        remove(&self.ready())?;
        self.flush_parent()
    }

    /// Brings to its end what a killed run began.
    fn recover(&self) -> Result<(), SwapError> {
        let text = match fs::read_to_string(self.ready()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return remove(&self.next()),
            Err(error) => return Err(io_error("read", &self.ready())(error)),
        };
        let mut words = text.split_whitespace();
        let identity = (
            words.next().and_then(|word| word.parse().ok()),
            words.next().and_then(|word| word.parse().ok()),
        );
        let keep = words.next() == Some("keep");
        let found = self.directory.symlink_metadata().ok();
        let is_exchanged =
            found.is_some_and(|found| identity == (Some(found.dev()), Some(found.ino())));
        match is_exchanged {
            true => self.conclude(keep),
            false => {
                remove(&self.ready())?;
                remove(&self.next())
            }
        }
    }

    fn flush_parent(&self) -> Result<(), SwapError> {
        let parent = self
            .directory
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let flushed = File::open(parent).and_then(|parent| parent.sync_all());
        flushed
            .or_else(unless_unknown)
            .map_err(io_error("flush", parent))
    }
}

/// Some file systems know no flushing of directories.
fn unless_unknown(error: io::Error) -> io::Result<()> {
    match error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) {
        true => Ok(()),
        false => Err(error),
    }
}

/// Removes a file or a directory, if it is there.
fn remove(path: &Path) -> Result<(), SwapError> {
    let removed = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Copies what lies below a directory into another one, but for the paths that
/// `leave_out` names, given below the directory: files with their modes and times,
/// links as they are.
///
/// # Errors
///
/// Whatever the system says, and [`SwapError::InTheWay`] for what is neither file,
/// link nor directory.
pub fn carry(
    from: &Path,
    to: &Path,
    leave_out: &dyn Fn(&Path) -> bool,
    cancel: &Cancel,
) -> Result<(), SwapError> {
    let walk = walkdir::WalkDir::new(from).min_depth(1).sort_by_file_name();
    let mut directories = Vec::new();
    let below = |path: &Path| path.strip_prefix(from).unwrap_or(path).to_owned();
    for entry in walk
        .into_iter()
        .filter_entry(|entry| !leave_out(&below(entry.path())))
    {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(from).to_owned();
            io_error("read", &path)(error.into())
        })?;
        cancel.check().map_err(io_error("copy", from))?;
        let path = entry.path();
        let target = to.join(below(path));
        let metadata = entry
            .metadata()
            .map_err(|error| io_error("look at", path)(error.into()))?;
        let kind = metadata.file_type();
        let copied = if kind.is_dir() {
            directories.push((metadata.clone(), target.clone()));
            fs::create_dir(&target)
        } else if kind.is_symlink() {
            fs::read_link(path).and_then(|text| std::os::unix::fs::symlink(text, &target))
        } else if kind.is_file() {
            fs::copy(path, &target).and_then(|_| copy_metadata(&metadata, &target))
        } else {
            return Err(SwapError::InTheWay {
                path: path.to_owned(),
                reason: "it is neither file, link nor directory",
            });
        };
        copied.map_err(io_error("copy", path))?;
    }
    // Last: a directory may not be one that can be written to.
    for (metadata, target) in directories.into_iter().rev() {
        copy_metadata(&metadata, &target).map_err(io_error("set the mode of", &target))?;
    }
    Ok(())
}

/// Gives a file the owner, as far as we may, the mode and the times of another.
fn copy_metadata(from: &fs::Metadata, to: &Path) -> io::Result<()> {
    let own = to.symlink_metadata()?;
    if (own.uid(), own.gid()) != (from.uid(), from.gid()) {
        // Only root may give files away.
        let _ = std::os::unix::fs::chown(to, Some(from.uid()), Some(from.gid()));
    }
    fs::set_permissions(to, Permissions::from_mode(from.mode() & 0o7777))?;
    if let Ok(modified) = from.modified() {
        File::open(to)?.set_modified(modified)?;
    }
    Ok(())
}

/// Puts a file under a second name: as a link to the same bytes where that can be,
/// else as a copy.
///
/// # Errors
///
/// Whatever the system says.
pub fn second_name(from: &Path, to: &Path) -> Result<(), SwapError> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to).map_err(io_error("copy", from))?;
    fs::set_permissions(to, Permissions::from_mode(0o644)).map_err(io_error("copy", from))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        /// Returns a place with the directory `house`, which holds `old`.
        fn new() -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            fs::create_dir(place.house()).unwrap();
            fs::write(place.house().join("old"), "old").unwrap();
            place
        }

        fn house(&self) -> PathBuf {
            self.0.path().join("house")
        }

        /// Returns the names in a directory.
        fn names(&self, below: &str) -> Vec<String> {
            let mut names: Vec<String> = fs::read_dir(self.0.path().join(below))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }

        /// Returns a workplace whose tree holds `new`.
        fn at_work(&self) -> Workplace {
            let workplace = Workplace::open(&self.house()).unwrap();
            fs::write(workplace.tree().unwrap().join("new"), "new").unwrap();
            workplace
        }
    }

    #[test]
    fn the_new_tree_takes_the_place_and_the_old_one_stays_if_it_is_to() {
        for keep in [true, false] {
            let place = Place::new();
            fs::set_permissions(place.house(), Permissions::from_mode(0o750)).unwrap();
            let workplace = place.at_work();
            workplace.put_in_place(keep).unwrap();
            workplace.leave(true).unwrap();
            assert_eq!(place.names("house"), ["new"]);
            assert_eq!(place.house().metadata().unwrap().mode() & 0o777, 0o750);
            match keep {
                true => {
                    assert_eq!(place.names(""), ["house", "house.previous"]);
                    assert_eq!(place.names("house.previous"), ["old"]);
                }
                false => assert_eq!(place.names(""), ["house"]),
            }
        }
    }

    #[test]
    fn where_there_was_none_there_is_one_and_the_one_before_the_last_goes() {
        let place = Place::new();
        fs::remove_dir_all(place.house()).unwrap();
        for _ in 0..3 {
            let workplace = place.at_work();
            workplace.put_in_place(true).unwrap();
            workplace.leave(true).unwrap();
            assert_eq!(place.names("house"), ["new"]);
        }
        assert_eq!(place.names(""), ["house", "house.previous"]);
    }

    #[test]
    fn a_second_run_is_told_and_what_a_run_left_is_for_the_next() {
        let place = Place::new();
        let first = place.at_work();
        fs::create_dir(first.path().join("built")).unwrap();
        let second = Workplace::open(&place.house());
        assert!(matches!(second, Err(SwapError::Busy { .. })));
        first.leave(false).unwrap();
        assert_eq!(place.names(".house.update"), ["built"]);
        let third = Workplace::open(&place.house()).unwrap();
        assert_eq!(place.names(".house.update"), ["built"]);
        third.leave(true).unwrap();
        assert_eq!(place.names(""), ["house"]);
    }

    #[test]
    fn a_run_killed_before_the_exchange_changed_nothing() {
        let place = Place::new();
        let workplace = place.at_work();
        let tree = workplace.next().metadata().unwrap();
        let text = format!("{} {} keep\n", tree.dev(), tree.ino());
        fs::write(workplace.ready(), text).unwrap();
        drop(workplace);
        Workplace::open(&place.house())
            .unwrap()
            .leave(false)
            .unwrap();
        assert_eq!(place.names("house"), ["old"]);
        assert_eq!(place.names(""), ["house"]);
    }

    #[test]
    fn a_run_killed_after_the_exchange_is_brought_to_its_end() {
        for (word, expected) in [
            ("keep", vec!["house", "house.previous"]),
            ("drop", vec!["house"]),
        ] {
            let place = Place::new();
            let workplace = place.at_work();
            let tree = workplace.next().metadata().unwrap();
            let text = format!("{} {} {word}\n", tree.dev(), tree.ino());
            fs::write(workplace.ready(), text).unwrap();
            let next = workplace.next();
            rustix::fs::renameat_with(CWD, &next, CWD, place.house(), RenameFlags::EXCHANGE)
                .unwrap();
            drop(workplace);
            Workplace::open(&place.house())
                .unwrap()
                .leave(false)
                .unwrap();
            assert_eq!(place.names("house"), ["new"]);
            assert_eq!(place.names(""), expected);
        }
    }

    #[test]
    fn a_workplace_that_is_a_link_a_file_or_open_to_others_is_not_used() {
        let place = Place::new();
        let at = place.0.path().join(".house.update");
        std::os::unix::fs::symlink("house", &at).unwrap();
        assert!(matches!(
            Workplace::open(&place.house()),
            Err(SwapError::InTheWay { .. })
        ));
        fs::remove_file(&at).unwrap();
        fs::write(&at, "").unwrap();
        assert!(matches!(
            Workplace::open(&place.house()),
            Err(SwapError::InTheWay { .. })
        ));
        fs::remove_file(&at).unwrap();
        fs::create_dir(&at).unwrap();
        fs::set_permissions(&at, Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(
            Workplace::open(&place.house()),
            Err(SwapError::InTheWay { .. })
        ));
        assert_eq!(place.names("house"), ["old"]);
    }

    #[test]
    fn the_rest_is_carried_over_as_it_was() {
        let place = Place::new();
        let house = place.house();
        fs::create_dir_all(house.join("keys/inner")).unwrap();
        fs::write(house.join("keys/inner/key"), "key").unwrap();
        fs::set_permissions(house.join("keys/inner/key"), Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("keys/inner", house.join("link")).unwrap();
        let to = place.0.path().join("to");
        fs::create_dir(&to).unwrap();
        carry(
            &house,
            &to,
            &|path| path == Path::new("old"),
            &Cancel::new(),
        )
        .unwrap();
        assert_eq!(place.names("to"), ["keys", "link"]);
        let (old, new) = (house.join("keys/inner/key"), to.join("keys/inner/key"));
        let (old, new) = (old.metadata().unwrap(), new.metadata().unwrap());
        assert_eq!(new.mode(), old.mode());
        assert_eq!(new.mtime(), old.mtime());
        assert_ne!(new.ino(), old.ino());
        assert_eq!(
            fs::read_link(to.join("link")).unwrap(),
            Path::new("keys/inner")
        );
        rustix::fs::mknodat(
            CWD,
            house.join("fifo"),
            rustix::fs::FileType::Fifo,
            Mode::from(0o644),
            0,
        )
        .unwrap();
        let to = place.0.path().join("again");
        fs::create_dir(&to).unwrap();
        assert!(matches!(
            carry(&house, &to, &|_| false, &Cancel::new()),
            Err(SwapError::InTheWay { .. })
        ));
    }
}
