//! A directory as it is, without following anything.
//!
//! In: the path of a directory. Out: every entry below it with its kind, and the
//! digests of the files one asks for. Links are never followed, and opening never
//! blocks. Nothing is trusted: names are kept as bytes, and a file that changes
//! while it is read says so.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use rustix::fs::{AtFlags, Mode, OFlags};
use serde::Serialize;
use walkdir::WalkDir;

use crate::cancel::Cancel;
use crate::digest::{Sha256Digest, hash_readers};
use crate::relpath::RelPath;

/// How deep directories may be nested before the walk stops.
pub const MAX_DEPTH: usize = 64;

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An ordinary file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, wherever it points.
    Symlink,
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A block or character device.
    Device,
}

impl Kind {
    fn of(kind: std::fs::FileType) -> Self {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_symlink() {
            Self::Symlink
        } else if kind.is_dir() {
            Self::Directory
        } else if kind.is_file() {
            Self::File
        } else if kind.is_fifo() {
            Self::Fifo
        } else if kind.is_socket() {
            Self::Socket
        } else {
            Self::Device
        }
    }

    /// Returns the word for it in a sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "a regular file",
            Self::Directory => "a directory",
            Self::Symlink => "a symbolic link",
            Self::Fifo => "a FIFO",
            Self::Socket => "a socket",
            Self::Device => "a device",
        }
    }
}

/// Something below the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    name: Name,
    /// What it is.
    pub kind: Kind,
    /// The size in bytes, of a file.
    pub size: u64,
}

/// What an entry is called.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Safe(RelPath),
    /// Not UTF-8, or with a control character or a backslash.
    Other(OsString),
}

impl Entry {
    /// Returns the path below the root, as the file system has it.
    pub fn name(&self) -> &OsStr {
        match &self.name {
            Name::Safe(path) => OsStr::new(path.as_str()),
            Name::Other(name) => name,
        }
    }

    /// Returns the same as a safe path, or `None` when it is none (not UTF-8, a
    /// control character, a backslash).
    pub fn path(&self) -> Option<&RelPath> {
        match &self.name {
            Name::Safe(path) => Some(path),
            Name::Other(_) => None,
        }
    }
}

/// A directory that was walked and is held open.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
    directory: Arc<File>,
    entries: Vec<Entry>,
    /// Whether something lies deeper than the walk went.
    is_cut: bool,
}

/// Why a directory could not be walked.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The root is a link, or no directory.
    #[error("{} is {}, not a directory", .path.display(), .kind.as_str())]
    NotADirectory {
        /// The root.
        path: PathBuf,
        /// What it is.
        kind: Kind,
    },
    /// A directory could not be read.
    #[error("cannot read the directory {}: {source}", .path.display())]
    Read {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Directories are nested deeper than any wheelhouse needs.
    #[error("{} has directories nested deeper than {MAX_DEPTH}", .path.display())]
    TooDeep {
        /// The root.
        path: PathBuf,
    },
}

/// What reading a file gave.
#[derive(Debug)]
pub enum Hashed {
    /// The digest of its contents, which stayed the same while they were read.
    Digest {
        /// The SHA-256 digest.
        sha256: Sha256Digest,
        /// The number of bytes read.
        size: u64,
        /// What it looked like to the system then.
        stamp: Stamp,
    },
    /// It was changed, replaced or removed while it was read.
    Changed,
    /// It could not be read.
    Unreadable(io::Error),
}

impl Tree {
    /// Walks a directory without following links, in the order of the names.
    ///
    /// # Errors
    ///
    /// The root is not a directory itself, a directory cannot be read, or lies too
    /// deep.
    pub fn scan(root: &Path) -> Result<Self, TreeError> {
        let tree = Self::scan_to_depth(root)?;
        match tree.is_cut {
            true => Err(TreeError::TooDeep { path: tree.root }),
            false => Ok(tree),
        }
    }

    /// Walks a directory as [`Tree::scan`] does, and passes over what lies deeper than
    /// [`MAX_DEPTH`]. That is enough where every name is known that may be there: the
    /// directory above is then told whole, or the name is.
    ///
    /// # Errors
    ///
    /// The root is not a directory itself, or a directory cannot be read.
    pub fn scan_to_depth(root: &Path) -> Result<Self, TreeError> {
        let failed = |path: &Path, source| TreeError::Read {
            path: path.to_owned(),
            source,
        };
        // The system follows a link that is written with a slash at its end.
        let root: PathBuf = root.components().collect();
        let root = root.as_path();
        let metadata = root
            .symlink_metadata()
            .map_err(|error| failed(root, error))?;
        let kind = Kind::of(metadata.file_type());
        if kind != Kind::Directory {
            return Err(TreeError::NotADirectory {
                path: root.to_owned(),
                kind,
            });
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let directory = rustix::fs::open(root, flags, Mode::empty())
            .map_err(|error| failed(root, error.into()))?;
        let mut entries = Vec::new();
        let mut is_cut = false;
        for found in WalkDir::new(root)
            .follow_links(false)
            .follow_root_links(false)
            .min_depth(1)
            .max_depth(MAX_DEPTH + 1)
        {
            let found = found.map_err(|error| {
                let path = error.path().unwrap_or(root).to_owned();
                // The library's own sentence names the path a second time.
                let source = error.into_io_error();
                failed(
                    &path,
                    source.unwrap_or_else(|| io::Error::other("links go round")),
                )
            })?;
            if found.depth() > MAX_DEPTH {
                is_cut = true;
                continue;
            }
            let kind = Kind::of(found.file_type());
            let name = found.path().strip_prefix(root).unwrap_or(found.path());
            let safe = name.to_str().and_then(|name| RelPath::parse(name).ok());
            entries.push(Entry {
                name: safe.map_or_else(|| Name::Other(name.into()), Name::Safe),
                kind,
                size: 0,
            });
        }
        // Component by component, so that what is in a directory follows it. The walk
        // could sort, but would hold all names of a directory once more.
        entries
            .par_sort_unstable_by(|one, other| Path::new(one.name()).cmp(Path::new(other.name())));
        // The one system call a file that the walk needs, on all cores.
        entries
            .par_iter_mut()
            .filter(|entry| entry.kind == Kind::File)
            .for_each(|entry| {
                let stat = rustix::fs::statat(&directory, entry.name(), AtFlags::SYMLINK_NOFOLLOW);
                // Gone by now: reading it will tell.
                entry.size = stat.map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0));
            });
        Ok(Self {
            root: root.to_owned(),
            directory: Arc::new(directory.into()),
            entries,
            is_cut,
        })
    }

    /// Returns the path that was walked.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns everything below the root, in the order of the names.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Opens a file below the root for reading: no component may be a link, and
    /// it has to be a regular file.
    ///
    /// # Errors
    ///
    /// It is not there any more, is something else by now, or cannot be read.
    pub fn open(&self, path: &RelPath) -> io::Result<File> {
        self.open_stamped(path).map(|(file, _)| file)
    }

    /// Opens a file as [`Tree::open`] does, and says what it looks like to the
    /// system.
    ///
    /// # Errors
    ///
    /// As [`Tree::open`].
    pub fn open_stamped(&self, path: &RelPath) -> io::Result<(File, Stamp)> {
        let mut components = path.components().peekable();
        let mut held: Option<rustix::fd::OwnedFd> = None;
        while let Some(component) = components.next() {
            let is_last = components.peek().is_none();
            // Without NONBLOCK, opening a FIFO waits for a writer forever.
            let flags = if is_last {
                OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC
            } else {
                OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
            };
            let next = match &held {
                Some(parent) => rustix::fs::openat(parent, component, flags, Mode::empty())?,
                None => rustix::fs::openat(&*self.directory, component, flags, Mode::empty())?,
            };
            held = Some(next);
        }
        let file = File::from(held.expect("a safe path has at least one component"));
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file any more"));
        }
        Ok((file, Stamp::of(&metadata)))
    }

    /// Hashes files on all cores. Give the largest first, so that none of them is
    /// left to one core at the end.
    ///
    /// `read` is told how many bytes were read, from several threads. The results
    /// are in the order of `paths`.
    pub fn hash(
        &self,
        paths: &[&RelPath],
        cancel: &Cancel,
        read: &(dyn Fn(u64) + Sync),
    ) -> Vec<Hashed> {
        let next = AtomicUsize::new(0);
        let results: Vec<OnceLock<Hashed>> = paths.iter().map(|_| OnceLock::new()).collect();
        // Nobody else got this number.
        let tell = |index: usize, hashed: Hashed| {
            let _ = results.get(index).map(|result| result.set(hashed));
        };
        rayon::broadcast(|_| {
            hash_readers(
                || loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    match self.open_stamped(paths.get(index)?) {
                        // No read beyond the end: growing changes the stamp.
                        Ok((file, before)) => {
                            return Some(((index, before), file.take(before.size)));
                        }
                        Err(error) => tell(index, Hashed::failed(error)),
                    }
                },
                |_, piece| {
                    read(piece.len() as u64);
                    cancel.check()
                },
                |(index, before), contents, result| {
                    let hashed = result.and_then(|(sha256, size)| {
                        let after = Stamp::of(&contents.into_inner().metadata()?);
                        Ok(match size == before.size && before == after {
                            true => Hashed::Digest {
                                sha256,
                                size,
                                stamp: before,
                            },
                            false => Hashed::Changed,
                        })
                    });
                    tell(index, hashed.unwrap_or_else(Hashed::failed));
                },
            );
        });
        results
            .into_iter()
            .map(|result| result.into_inner().expect("each number was taken once"))
            .collect()
    }
}

impl Hashed {
    fn failed(error: io::Error) -> Self {
        match error.kind() {
            // It was there, and no link, when the directory was walked.
            io::ErrorKind::NotFound => Self::Changed,
            _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                Self::Changed
            }
            _ => Self::Unreadable(error),
        }
    }
}

/// What changes when a file is written to or replaced: device, inode, size and
/// the times of the last write and of the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Returns the size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns what a file looks like.
    pub fn of(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    // `sha256sum` of a file with the bytes "abc".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn path(name: &str) -> RelPath {
        RelPath::parse(name).unwrap()
    }

    fn hash_one(tree: &Tree, name: &str) -> Hashed {
        let path = path(name);
        tree.hash(&[&path], &Cancel::new(), &|_| {}).remove(0)
    }

    #[test]
    fn each_kind_has_its_word() {
        let words = [
            Kind::File,
            Kind::Directory,
            Kind::Symlink,
            Kind::Fifo,
            Kind::Socket,
            Kind::Device,
        ]
        .map(Kind::as_str);
        let last = words.map(|word| word.rsplit(' ').next().unwrap());
        assert_eq!(
            last,
            ["file", "directory", "link", "FIFO", "socket", "device"]
        );
    }

    #[test]
    fn directories_may_be_as_deep_as_the_limit_and_no_deeper() {
        let root = tempfile::tempdir().unwrap();
        let deepest: PathBuf = vec!["d"; MAX_DEPTH].iter().collect();
        std::fs::create_dir_all(root.path().join(&deepest)).unwrap();
        assert_eq!(Tree::scan(root.path()).unwrap().entries().len(), MAX_DEPTH);
        std::fs::write(root.path().join(&deepest).join("file"), "").unwrap();
        let error = Tree::scan(root.path()).unwrap_err();
        assert!(matches!(error, TreeError::TooDeep { .. }), "{error}");
        let tree = Tree::scan_to_depth(root.path()).unwrap();
        assert_eq!(tree.entries().len(), MAX_DEPTH);
    }

    #[test]
    fn a_stamp_has_the_size_of_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "seven b").unwrap();
        assert_eq!(Stamp::of(&file.path().metadata().unwrap()).size(), 7);
    }

    #[test]
    fn each_kind_of_entry_is_told_apart_and_nothing_is_followed() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::write(at("file"), "abc").unwrap();
        std::fs::create_dir(at("dir")).unwrap();
        std::fs::write(at("dir/.hidden"), "").unwrap();
        symlink("dir", at("link-to-dir")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("fifo"),
            rustix::fs::FileType::Fifo,
            Mode::from(0o600),
            0,
        )
        .unwrap();
        let tree = Tree::scan(root.path()).unwrap();
        let seen: Vec<_> = tree
            .entries()
            .iter()
            .map(|entry| (entry.name().to_str().unwrap(), entry.kind, entry.size))
            .collect();
        assert_eq!(
            seen,
            [
                ("dangling", Kind::Symlink, 0),
                ("dir", Kind::Directory, 0),
                ("dir/.hidden", Kind::File, 0),
                ("fifo", Kind::Fifo, 0),
                ("file", Kind::File, 3),
                ("link-to-dir", Kind::Symlink, 0),
                ("socket", Kind::Socket, 0),
            ]
        );
    }

    #[test]
    fn what_is_in_a_directory_follows_it_whatever_its_neighbours_are_called() {
        let root = tempfile::tempdir().unwrap();
        for directory in ["a", "a.b", "a/c", "B"] {
            std::fs::create_dir(root.path().join(directory)).unwrap();
        }
        // '-' and '.' come before '/', the end of a name before all of them.
        for file in ["a/x", "a-", "a.b/x", "a/c/x", "a/c-", "a0", "B/x"] {
            std::fs::write(root.path().join(file), "").unwrap();
        }
        let tree = Tree::scan(root.path()).unwrap();
        let names: Vec<_> = tree.entries().iter().map(Entry::name).collect();
        assert_eq!(
            names,
            [
                "B", "B/x", "a", "a/c", "a/c/x", "a/c-", "a/x", "a-", "a.b", "a.b/x", "a0"
            ]
        );
    }

    #[test]
    fn a_name_that_is_not_utf8_is_kept_and_has_no_safe_path() {
        use std::os::unix::ffi::OsStrExt;
        let root = tempfile::tempdir().unwrap();
        let name = std::ffi::OsStr::from_bytes(b"\xff.whl");
        std::fs::write(root.path().join(name), "").unwrap();
        let tree = Tree::scan(root.path()).unwrap();
        assert_eq!(tree.entries()[0].path(), None);
        assert_eq!(tree.entries()[0].name(), name);
    }

    #[test]
    fn a_link_as_root_is_refused() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("real")).unwrap();
        symlink("real", root.path().join("link")).unwrap();
        for link in ["link", "link/", "link/."] {
            assert!(matches!(
                Tree::scan(&root.path().join(link)),
                Err(TreeError::NotADirectory {
                    kind: Kind::Symlink,
                    ..
                })
            ));
        }
        assert!(Tree::scan(&root.path().join("real/")).is_ok());
    }

    #[test]
    fn files_are_hashed_in_the_order_asked_for() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("d")).unwrap();
        std::fs::write(root.path().join("d/abc"), "abc").unwrap();
        std::fs::write(root.path().join("other"), "other").unwrap();
        let tree = Tree::scan(root.path()).unwrap();
        let (abc, other) = (path("d/abc"), path("other"));
        let mut order = tree.hash(&[&other, &abc], &Cancel::new(), &|_| {});
        assert!(
            matches!(order.remove(1), Hashed::Digest { sha256, size: 3, .. } if sha256.to_string() == ABC)
        );
    }

    #[test]
    fn a_file_swapped_for_a_link_or_a_fifo_after_the_walk_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for name in ["a", "b", "c", "d"] {
            std::fs::write(at(name), "abc").unwrap();
        }
        std::fs::create_dir(at("dir")).unwrap();
        std::fs::write(at("dir/e"), "abc").unwrap();
        let tree = Tree::scan(root.path()).unwrap();
        for name in ["a", "b", "c"] {
            std::fs::remove_file(at(name)).unwrap();
        }
        symlink("d", at("a")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("b"),
            rustix::fs::FileType::Fifo,
            Mode::from(0o600),
            0,
        )
        .unwrap();
        std::fs::rename(at("dir"), at("moved")).unwrap();
        symlink("moved", at("dir")).unwrap();
        assert!(matches!(hash_one(&tree, "a"), Hashed::Changed));
        assert!(matches!(hash_one(&tree, "b"), Hashed::Unreadable(_)));
        assert!(matches!(hash_one(&tree, "c"), Hashed::Changed));
        assert!(!matches!(hash_one(&tree, "dir/e"), Hashed::Digest { .. }));
        assert!(matches!(hash_one(&tree, "d"), Hashed::Digest { .. }));
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_is_told() {
        use std::io::Write;
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("grows");
        std::fs::write(&file, vec![0u8; crate::digest::READ_SIZE * 2]).unwrap();
        let tree = Tree::scan(root.path()).unwrap();
        let path = path("grows");
        let grow = |_| {
            let mut file = File::options().append(true).open(&file).unwrap();
            if file.metadata().unwrap().len() < 1 << 20 {
                file.write_all(b"more").unwrap();
            }
        };
        let hashed = tree.hash(&[&path], &Cancel::new(), &grow).remove(0);
        assert!(matches!(hashed, Hashed::Changed), "{hashed:?}");
    }

    #[test]
    fn a_request_to_stop_ends_the_reading() {
        let root = tempfile::tempdir().unwrap();
        // One terabyte that takes no room.
        let file = File::create(root.path().join("sparse")).unwrap();
        file.set_len(1 << 40).unwrap();
        let tree = Tree::scan(root.path()).unwrap();
        let cancel = Cancel::new();
        let path = path("sparse");
        let hashed = tree
            .hash(&[&path], &cancel, &|_| cancel.request())
            .remove(0);
        assert!(matches!(hashed, Hashed::Unreadable(_)));
    }
}
