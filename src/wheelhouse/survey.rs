//! The directory on its own, before anybody signs for it.
//!
//! In: a [`Tree`], which is not signed. Out: a status for every entry, and the
//! digests of the wheels and sdists. Nothing here is verified: the digests are
//! those the files have now.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;

use super::inside::{Inside, look};
use super::{FileStatus, Status, display_name, lfs_pointer, status_of_unlisted};
use crate::archive::Limits;
use crate::cancel::Cancel;
use crate::digest::Sha256Digest;
use crate::filename::{SdistFilename, WheelFilename};
use crate::recipe;
use crate::relpath::RelPath;
use crate::tree::{Hashed, Kind, Stamp, Tree};

/// What lies in a directory.
#[derive(Debug)]
pub struct Survey {
    /// Every entry, sorted by name. The status is [`Status::Ok`] for a wheel or
    /// sdist that was read, and [`Status::Unlisted`] for a file that is neither.
    pub files: Vec<FileStatus>,
    /// The digests that the wheels and sdists have now.
    pub digests: BTreeMap<RelPath, Sha256Digest>,
    tree: Tree,
    stamps: BTreeMap<RelPath, Stamp>,
}

impl Survey {
    /// Looks into every wheel and sdist, as [`look_inside`](super::look_inside)
    /// does once they are signed.
    pub fn look_inside(
        &self,
        limits: Limits,
        cancel: &Cancel,
        begin: &dyn Fn(u64, u64),
        read: &(dyn Fn(u64) + Sync),
    ) -> Vec<(&RelPath, Inside)> {
        look(&self.tree, self.stamps.iter(), limits, cancel, begin, read)
    }
}

/// Looks at every entry of a directory and hashes the wheels, the sdists and the
/// build records.
///
/// `allowed` are names that may lie there unsigned; they are not read.
pub fn survey(
    tree: Tree,
    allowed: &BTreeSet<RelPath>,
    cancel: &Cancel,
    read: &(dyn Fn(u64) + Sync),
) -> Survey {
    let mut files = Vec::new();
    let mut to_hash: Vec<(&RelPath, u64)> = Vec::new();
    let mut skipped: Option<&OsStr> = None;
    for entry in tree.entries() {
        if let Some(directory) = skipped
            && Path::new(entry.name()).starts_with(directory)
        {
            continue;
        }
        if entry.kind == Kind::Directory {
            skipped = Some(entry.name());
        }
        let status = status_of_unlisted(entry, allowed);
        if let (Some(path), Status::Unlisted) = (entry.path(), &status)
            && is_distribution(path)
        {
            to_hash.push((path, entry.size));
            continue;
        }
        files.push(FileStatus {
            name: display_name(entry.name()).into(),
            line: None,
            expected: None,
            size: None,
            status,
        });
    }
    to_hash.sort_by_key(|(path, size)| (Reverse(*size), *path));
    let paths: Vec<&RelPath> = to_hash.into_iter().map(|(path, _)| path).collect();
    let mut digests = BTreeMap::new();
    let mut stamps = BTreeMap::new();
    for (path, hashed) in paths.iter().zip(tree.hash(&paths, cancel, read)) {
        let (status, found, size) = match hashed {
            Hashed::Digest {
                sha256,
                size,
                stamp,
            } => match lfs_pointer(&tree, path, size) {
                Some(oid) => (Status::LfsPointer { oid }, None, Some(size)),
                None => {
                    digests.insert((*path).clone(), sha256);
                    stamps.insert((*path).clone(), stamp);
                    (Status::Ok, Some(sha256), Some(size))
                }
            },
            Hashed::Changed => (Status::Changed, None, None),
            Hashed::Unreadable(error) => (Status::Unreadable(error.to_string()), None, None),
        };
        files.push(FileStatus {
            name: path.to_shared(),
            line: None,
            expected: found,
            size,
            status,
        });
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Survey {
        files,
        digests,
        tree,
        stamps,
    }
}

/// Returns whether the name is that of a wheel, an sdist or a build record.
fn is_distribution(path: &RelPath) -> bool {
    let name = path.file_name();
    recipe::recorded_wheel(name).is_some()
        || WheelFilename::parse(name).is_ok()
        || SdistFilename::parse(name).is_ok()
}
