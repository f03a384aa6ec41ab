//! Writing a file whole, or not at all.
//!
//! In: a path and what is to stand there. Out: a file that holds exactly that, or
//! the one that stood there before, whatever happens in between: a full disk, a
//! signal, a power cut. Nothing is trusted about the directory.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

/// Why a file could not be replaced. The old one is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// Something else than a file stands there.
    #[error("{} is not a regular file, and is not replaced", .path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// Another process is replacing the same file.
    #[error("another process is writing {} at this moment", .path.display())]
    Busy {
        /// The path.
        path: PathBuf,
    },
    /// The name of the file in the making is taken by something else.
    #[error("{} is in the way, and was not left by an earlier run of yours", .path.display())]
    InTheWay {
        /// What is in the way.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot write {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Returns the name under which a file is written before it takes its place. A
/// run that was killed may leave it behind; the next one uses it.
pub fn name_in_the_making(name: &OsStr) -> OsString {
    let mut making = OsString::from(".");
    making.push(name);
    making.push(".new");
    making
}

/// Returns the name that a file in the making is to have; none for any other file.
pub fn finished_name(making: &str) -> Option<&str> {
    making.strip_prefix('.')?.strip_suffix(".new")
}

/// Puts a file with these contents in place, in one step. The permissions of a
/// file that stood there are kept.
///
/// # Errors
///
/// The file could not be written, or is none of ours to replace. What stood there
/// is as it was then, except when only making it last (the flush of the directory)
/// failed.
pub fn file(path: &Path, contents: &[u8]) -> Result<(), ReplaceError> {
    let failed = |source: io::Error| ReplaceError::Io {
        path: path.to_owned(),
        source,
    };
    let name = path
        .file_name()
        .ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let permissions = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() => Some(metadata.mode() & 0o777),
        // A rename would put a file in place of the link, and what the link led
        // to would stay as it was.
        Ok(_) => {
            return Err(ReplaceError::NotRegular {
                path: path.to_owned(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let making = parent.join(name_in_the_making(name));
    let file = claim(path, &making)?;
    let written = write(&file, contents, permissions)
        .and_then(|()| std::fs::rename(&making, path))
        .map_err(failed);
    if let Err(error) = written {
        // It is ours: the lock is held. If it stays, the next run uses it.
        let _ = std::fs::remove_file(&making);
        return Err(error);
    }
    // The rename lasts only once the directory has reached the disk.
    match File::open(parent).and_then(|directory| directory.sync_all()) {
        // Some file systems know no such thing for directories.
        Err(error) if error.raw_os_error() != Some(Errno::INVAL.raw_os_error()) => {
            Err(failed(error))
        }
        _ => Ok(()),
    }
}

/// Opens the file in the making and makes sure that nobody else holds it.
fn claim(path: &Path, making: &Path) -> Result<File, ReplaceError> {
    let in_the_way = || ReplaceError::InTheWay {
        path: making.to_owned(),
    };
    let failed = |source: io::Error| ReplaceError::Io {
        path: making.to_owned(),
        source,
    };
    let busy = || ReplaceError::Busy {
        path: path.to_owned(),
    };
    // Never through a link, and never waiting for the reader of a FIFO.
    let flags =
        OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(making, flags, Mode::from(0o666)) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Err(in_the_way()),
        Err(error) => return Err(failed(error.into())),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        // Where there are no locks, nobody is told of two writers; each of them
        // still puts a whole file in place.
        Ok(()) | Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS) => {}
        Err(Errno::WOULDBLOCK) => return Err(busy()),
        Err(error) => return Err(failed(error.into())),
    }
    let held = file.metadata().map_err(failed)?;
    // Whoever held the lock before may have renamed what was opened here; it
    // would be the finished file then.
    let named = match making.symlink_metadata() {
        Ok(named) => named,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(busy()),
        Err(error) => return Err(failed(error)),
    };
    if (held.dev(), held.ino()) != (named.dev(), named.ino()) {
        return Err(busy());
    }
    // In a directory that others can write to, it may be a second name of a file
    // that is not to be touched.
    let is_ours =
        held.is_file() && held.nlink() == 1 && held.uid() == rustix::process::geteuid().as_raw();
    if !is_ours {
        return Err(in_the_way());
    }
    Ok(file)
}

fn write(mut file: &File, contents: &[u8], permissions: Option<u32>) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all(contents)?;
    if let Some(mode) = permissions {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<OsString> {
        let mut names: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_made_and_replaced_and_nothing_else_stays() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("list");
        file(&path, b"one").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        file(&path, b"2").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"2");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(names(root.path()), ["list"]);
    }

    #[test]
    fn what_a_killed_run_left_is_used_by_the_next() {
        let root = tempfile::tempdir().unwrap();
        let left = root.path().join(".list.new");
        std::fs::write(&left, "half a file that was longer").unwrap();
        file(&root.path().join("list"), b"whole").unwrap();
        assert_eq!(std::fs::read(root.path().join("list")).unwrap(), b"whole");
        assert_eq!(names(root.path()), ["list"]);
    }

    #[test]
    fn links_and_second_names_are_never_written_through() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::write(at("precious"), "precious").unwrap();
        std::os::unix::fs::symlink("precious", at("link")).unwrap();
        assert!(matches!(
            file(&at("link"), b"x"),
            Err(ReplaceError::NotRegular { .. })
        ));
        std::os::unix::fs::symlink("precious", at(".one.new")).unwrap();
        assert!(matches!(
            file(&at("one"), b"x"),
            Err(ReplaceError::InTheWay { .. })
        ));
        std::fs::hard_link(at("precious"), at(".two.new")).unwrap();
        assert!(matches!(
            file(&at("two"), b"x"),
            Err(ReplaceError::InTheWay { .. })
        ));
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at(".three.new"),
            rustix::fs::FileType::Fifo,
            Mode::from(0o600),
            0,
        )
        .unwrap();
        assert!(matches!(
            file(&at("three"), b"x"),
            Err(ReplaceError::InTheWay { .. })
        ));
        assert_eq!(std::fs::read(at("precious")).unwrap(), b"precious");
    }

    #[test]
    fn two_writers_at_once_are_told_and_the_file_is_one_of_both() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("list");
        let making = root.path().join(".list.new");
        let held = File::create(&making).unwrap();
        rustix::fs::flock(&held, FlockOperation::LockExclusive).unwrap();
        assert!(matches!(file(&path, b"x"), Err(ReplaceError::Busy { .. })));
        assert!(making.exists(), "it belongs to the other");
        drop(held);
        file(&path, b"x").unwrap();
        std::thread::scope(|scope| {
            for letter in [b'a', b'b', b'c'] {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..200 {
                        match file(path, &[letter; 3000]) {
                            Ok(()) | Err(ReplaceError::Busy { .. }) => {}
                            Err(error) => panic!("{error}"),
                        }
                        let read = std::fs::read(path).unwrap();
                        assert!(read == b"x" || read.len() == 3000);
                        assert!(read.windows(2).all(|pair| pair[0] == pair[1]));
                    }
                });
            }
        });
        assert_eq!(names(root.path()), ["list"]);
    }
}
