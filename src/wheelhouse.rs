//! The signed list held against the directory.
//!
//! In: a [`Manifest`], which is signed, and a [`Tree`], which is not. Out: a
//! status for every listed name and every directory entry, and the files that
//! have their signed digest. Only this module makes [`VerifiedFiles`] and
//! [`VerifiedTree`], and only they hand out copies of files.

mod inside;
mod lookalike;
mod survey;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use crate::archive::Limits;
use crate::cancel::Cancel;
use crate::digest::{READ_SIZE, Sha256Digest, hash_reader};
use crate::filename::SdistFilename;
use crate::manifest::Manifest;
use crate::relpath::RelPath;
use crate::sdist;
use crate::tree::{Entry, Hashed, Kind, MAX_DEPTH, Stamp, Tree};

pub use inside::{Inside, look_inside};
pub use lookalike::Lookalike;
pub use survey::{Survey, survey};

/// What the check says of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It is a regular file and has the signed digest.
    Ok,
    /// It is signed, but not there.
    Missing,
    /// It has another digest than signed.
    Mismatch {
        /// The digest it has.
        found: Sha256Digest,
    },
    /// It is a Git LFS pointer, not the contents that were signed.
    LfsPointer {
        /// The digest that the pointer names, if it can be read.
        oid: Option<Sha256Digest>,
    },
    /// It changed while it was read.
    Changed,
    /// It could not be read; the reason is the system's.
    Unreadable(String),
    /// It is no regular file.
    NotAFile(Kind),
    /// It is there, but nobody signed it.
    Unlisted,
    /// It is there, nobody signed it, and the policy allows that name.
    Allowed,
    /// Its name is not UTF-8.
    NotUtf8,
    /// Its name holds a control character or a backslash, which no manifest can
    /// list.
    Unnameable,
}

/// One name with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStatus {
    /// The name below the directory; bytes that are not UTF-8 as `\xNN`.
    pub name: Arc<str>,
    /// The line of the manifest that lists it.
    pub line: Option<u64>,
    /// The signed digest.
    pub expected: Option<Sha256Digest>,
    /// The size in bytes, of a file that was read.
    pub size: Option<u64>,
    /// What the check says.
    pub status: Status,
}

/// The files that have their signed digest. What became of the others is told by
/// the statuses.
#[derive(Debug, Clone)]
pub struct VerifiedFiles {
    tree: Tree,
    /// Sorted by name.
    files: Vec<VerifiedFile>,
}

/// One of them.
#[derive(Debug, Clone)]
struct VerifiedFile {
    name: RelPath,
    sha256: Sha256Digest,
    /// What it looked like to the system when it was hashed.
    stamp: Stamp,
}

/// A directory in which every name has the status [`Status::Ok`] or
/// [`Status::Allowed`], and at least one file is signed.
#[derive(Debug, Clone)]
pub struct VerifiedTree(VerifiedFiles);

/// What the comparison gave.
#[derive(Debug)]
pub struct Checked {
    /// Every signed name and every directory entry, sorted by name.
    pub files: Vec<FileStatus>,
    /// The files that have their signed digest.
    pub verified: VerifiedFiles,
    /// The algorithm of the listed digests, when no file has its SHA-256 and another one
    /// fits.
    pub lookalike: Option<Lookalike>,
}

/// Why a copy of a verified file could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The file has other contents now than when it was verified.
    #[error("{name} changed after it was verified")]
    Changed {
        /// The file.
        name: RelPath,
    },
    /// The file could not be read, or the copy not be written.
    #[error("cannot copy {name}: {source}")]
    Io {
        /// The file.
        name: RelPath,
        /// The system's reason.
        source: io::Error,
    },
}

/// Compares every entry of a directory with the manifest.
///
/// `allowed` are names that may be there unsigned. Only listed files are read;
/// `read` is told how many bytes, from several threads.
pub fn check(
    manifest: &Manifest,
    tree: Tree,
    allowed: &BTreeSet<RelPath>,
    cancel: &Cancel,
    read: &(dyn Fn(u64) + Sync),
) -> Checked {
    let parents: BTreeSet<&str> = manifest
        .entries()
        .flat_map(|(name, _)| parents(name))
        .collect();
    let mut files = Vec::new();
    let mut to_hash: Vec<(&RelPath, u64)> = Vec::new();
    let mut present = BTreeSet::new();
    // The unexpected directory whose contents are being passed over: it is told
    // once, not once for each file in it.
    let mut skipped: Option<&OsStr> = None;
    for entry in tree.entries() {
        if let Some(directory) = skipped
            && Path::new(entry.name()).starts_with(directory)
        {
            continue;
        }
        let expected = entry.path().and_then(|path| manifest.get(path));
        if let Some(path) = entry.path() {
            present.insert(path);
            let is_parent = parents.contains(path.as_str());
            match entry.kind {
                Kind::File if expected.is_some() => {
                    to_hash.push((path, entry.size));
                    continue;
                }
                Kind::Directory if is_parent && expected.is_none() => continue,
                _ => {}
            }
        }
        if entry.kind == Kind::Directory {
            skipped = Some(entry.name());
        }
        files.push(FileStatus {
            name: display_name(entry.name()).into(),
            line: expected.map(|expected| expected.line),
            expected: expected.map(|expected| expected.sha256),
            size: None,
            status: status_of_unlisted(entry, allowed),
        });
    }
    for (name, entry) in manifest.entries() {
        if !present.contains(name) {
            files.push(FileStatus {
                name: name.to_shared(),
                line: Some(entry.line),
                expected: Some(entry.sha256),
                size: None,
                status: match name.components().count() > MAX_DEPTH {
                    // Nobody looked there.
                    true => Status::Unreadable(format!(
                        "it lies below more than {MAX_DEPTH} directories"
                    )),
                    false => Status::Missing,
                },
            });
        }
    }

    to_hash.sort_unstable_by_key(|(path, size)| (Reverse(*size), *path));
    let paths: Vec<&RelPath> = to_hash.into_iter().map(|(path, _)| path).collect();
    let mut verified = Vec::with_capacity(paths.len());
    files.reserve_exact(paths.len());
    for (path, hashed) in paths.iter().zip(tree.hash(&paths, cancel, read)) {
        let entry = manifest.get(path).copied();
        let expected = entry.map(|entry| entry.sha256);
        let (status, size) = match hashed {
            Hashed::Digest {
                sha256,
                size,
                stamp,
            } if Some(sha256) == expected => {
                verified.push(VerifiedFile {
                    name: (*path).clone(),
                    sha256,
                    stamp,
                });
                (Status::Ok, Some(size))
            }
            Hashed::Digest { sha256, size, .. } => {
                let status = match lfs_pointer(&tree, path, size) {
                    Some(oid) => Status::LfsPointer { oid },
                    None => Status::Mismatch { found: sha256 },
                };
                (status, Some(size))
            }
            Hashed::Changed => (Status::Changed, None),
            Hashed::Unreadable(error) => (Status::Unreadable(error.to_string()), None),
        };
        files.push(FileStatus {
            name: path.to_shared(),
            line: entry.map(|entry| entry.line),
            expected,
            size,
            status,
        });
    }
    let lookalike = lookalike(&tree, &files, cancel);
    files.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    verified.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Checked {
        files,
        lookalike,
        verified: VerifiedFiles {
            tree,
            files: verified,
        },
    }
}

impl Checked {
    /// Returns the whole directory as verified, when nothing speaks against it.
    pub fn complete(&self) -> Option<VerifiedTree> {
        let all_well = self
            .files
            .iter()
            .all(|file| matches!(file.status, Status::Ok | Status::Allowed));
        (all_well && !self.verified.files.is_empty()).then(|| VerifiedTree(self.verified.clone()))
    }
}

impl VerifiedTree {
    /// Returns the files of the directory.
    pub fn files(&self) -> &VerifiedFiles {
        &self.0
    }
}

impl VerifiedFiles {
    /// Returns the names and digests, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&RelPath, &Sha256Digest)> {
        self.files.iter().map(|file| (&file.name, &file.sha256))
    }

    fn file(&self, name: &RelPath) -> Option<&VerifiedFile> {
        let place = self
            .files
            .binary_search_by(|file| file.name.cmp(name))
            .ok()?;
        self.files.get(place)
    }

    /// Returns the directory that the files lie in.
    pub fn root(&self) -> &Path {
        self.tree.root()
    }

    /// Returns the digest of a file, if it is verified.
    pub fn digest(&self, name: &RelPath) -> Option<Sha256Digest> {
        self.file(name).map(|file| file.sha256)
    }

    /// Reads a verified file of a limited size.
    ///
    /// # Errors
    ///
    /// The file changed since it was verified, is larger, or reading failed.
    pub fn read(&self, name: &RelPath, limit: u64) -> Result<Vec<u8>, CopyError> {
        let failed = |source| CopyError::Io {
            name: name.clone(),
            source,
        };
        let file = self.tree.open(name).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > limit {
            let source = io::Error::other(format!("it has more than {limit} bytes"));
            return Err(failed(source));
        }
        match self.digest(name) == Some(Sha256Digest::of(&bytes)) {
            true => Ok(bytes),
            false => Err(CopyError::Changed { name: name.clone() }),
        }
    }

    /// Returns what a verified sdist needs to be built; `None` when it cannot be
    /// told.
    pub fn build_requirements(
        &self,
        name: &RelPath,
        limits: Limits,
        cancel: &Cancel,
    ) -> Option<Vec<String>> {
        let filename = SdistFilename::parse(name.file_name()).ok()?;
        let stamp = &self.file(name)?.stamp;
        let (file, before) = self.tree.open_stamped(name).ok()?;
        let held = file.try_clone().ok()?;
        let requires = sdist::build_requirements(file, &filename, limits, cancel);
        // What was read of a file that changed says nothing.
        let is_unchanged = before == *stamp && Stamp::of(&held.metadata().ok()?) == *stamp;
        requires.filter(|_| is_unchanged)
    }

    /// Copies a verified file to a new read-only file, hashing what is written.
    /// The copy has the signed digest or is not there.
    ///
    /// # Errors
    ///
    /// The file changed since it was verified, or reading or writing failed.
    pub fn copy(&self, name: &RelPath, to: &Path, cancel: &Cancel) -> Result<(), CopyError> {
        let failed = |source| CopyError::Io {
            name: name.clone(),
            source,
        };
        let expected = self
            .digest(name)
            .ok_or_else(|| CopyError::Changed { name: name.clone() })?;
        let from = self.tree.open(name).map_err(failed)?;
        let mut copy = File::options()
            .write(true)
            .create_new(true)
            .mode(0o444)
            .open(to)
            .map_err(failed)?;
        let mut buffer = vec![0u8; READ_SIZE];
        let copied = hash_reader(from, &mut buffer, |piece| {
            cancel.check()?;
            copy.write_all(piece)
        });
        let error = match copied {
            Ok((sha256, _)) if sha256 == expected => return Ok(()),
            Ok(_) => CopyError::Changed { name: name.clone() },
            Err(source) => failed(source),
        };
        // Whoever finds it there would take it for verified.
        std::fs::remove_file(to).map_err(failed)?;
        Err(error)
    }
}

fn parents(name: &RelPath) -> impl Iterator<Item = &str> {
    name.as_str()
        .match_indices('/')
        .filter_map(|(index, _)| name.as_str().get(..index))
}

fn status_of_unlisted(entry: &Entry, allowed: &BTreeSet<RelPath>) -> Status {
    let Some(path) = entry.path() else {
        return match entry.name().to_str() {
            Some(_) => Status::Unnameable,
            None => Status::NotUtf8,
        };
    };
    match entry.kind {
        Kind::File if allowed.contains(path) => Status::Allowed,
        Kind::File => Status::Unlisted,
        other => Status::NotAFile(other),
    }
}

/// Returns a name with the bytes that are not UTF-8 as `\xNN`.
fn display_name(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Returns which algorithm gives the listed digests, when every listed file has another
/// SHA-256 than listed: one file shows it, so the smallest one is read again.
fn lookalike(tree: &Tree, files: &[FileStatus], cancel: &Cancel) -> Option<Lookalike> {
    let is_mismatch = |file: &&FileStatus| matches!(file.status, Status::Mismatch { .. });
    let is_verified = files.iter().any(|file| file.status == Status::Ok);
    let mismatches = files.iter().filter(is_mismatch);
    let smallest = mismatches.min_by_key(|file| file.size)?;
    let path = RelPath::parse(&smallest.name).ok()?;
    // What cannot be read again has been told of already.
    let file = tree.open(&path).ok().filter(|_| !is_verified)?;
    Lookalike::find(file, smallest.expected?, cancel).ok()?
}

/// Returns what a Git LFS pointer points at, or `None` when the file is none
/// (Git LFS specification, "The Pointer": under 1024 bytes, the version first).
fn lfs_pointer(tree: &Tree, path: &RelPath, size: u64) -> Option<Option<Sha256Digest>> {
    if size >= 1024 {
        return None;
    }
    let mut text = String::new();
    tree.open(path)
        .ok()?
        .take(1024)
        .read_to_string(&mut text)
        .ok()?;
    if !text.starts_with("version https://git-lfs.github.com/spec/") {
        return None;
    }
    let oid = text
        .lines()
        .find_map(|line| line.strip_prefix("oid sha256:"))
        .and_then(|digits| digits.parse().ok());
    Some(oid)
}
