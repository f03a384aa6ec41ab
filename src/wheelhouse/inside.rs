//! Looking into the files that have their signed digest.
//!
//! In: [`VerifiedFiles`] and limits. Out: for each file what is wrong in it, in
//! the order of the names. Nothing is unpacked and no foreign code runs.
//!
//! That the bytes looked at are those that were hashed is known from the stamp of
//! the file (device, inode, size, times), which has to be the same when it was
//! hashed, when it is opened here and when it has been read. Hashing once more
//! would prove no more: an archive is read from its end and then member by
//! member, so one who can change the file unseen by its times can do it between
//! any two reads. Only a copy that nobody else can write to is proof against that;
//! `run` hands one over, hashed while it is copied.

use std::cmp::Reverse;
use std::fs::File;
use std::io;

use rayon::prelude::*;

use super::VerifiedFiles;
use crate::archive::{Fault, Limits};
use crate::cancel::Cancel;
use crate::filename::{SdistFilename, WheelFilename};
use crate::relpath::RelPath;
use crate::sdist;
use crate::tree::{Stamp, Tree};
use crate::wheel;

/// The endings of files that pip takes for wheels and sdists when it looks into a
/// directory (pip 26, `SUPPORTED_EXTENSIONS`).
const ARCHIVE_ENDINGS: &[&str] = &[
    ".whl",
    ".zip",
    ".tar.gz",
    ".tgz",
    ".tar",
    ".tar.bz2",
    ".tbz",
    ".tar.xz",
    ".txz",
    ".tlz",
    ".tar.lz",
    ".tar.lzma",
];

/// What looking into a file gave.
#[derive(Debug)]
pub enum Inside {
    /// It is a wheel by its name; this is wrong with it.
    Wheel(Vec<Fault<wheel::FaultKind>>),
    /// It is an sdist by its name; this is wrong with it.
    Sdist(Vec<Fault<sdist::FaultKind>>),
    /// It has the ending of an archive and was not looked into, for this reason.
    NotInspected(String),
    /// It changed after it was hashed.
    Changed,
    /// It could not be read; the reason is the system's.
    Unreadable(String),
}

/// What kind of archive a name promises.
enum Promise {
    Wheel(WheelFilename),
    Sdist(SdistFilename),
    Other(String),
}

/// Looks into every verified file that is a wheel or an sdist by its name.
///
/// `begin` is told how many files and how many bytes of them there are, `read`
/// how many bytes of contents were read, from several threads.
pub fn look_inside<'a>(
    verified: &'a VerifiedFiles,
    limits: Limits,
    cancel: &Cancel,
    begin: &dyn Fn(u64, u64),
    read: &(dyn Fn(u64) + Sync),
) -> Vec<(&'a RelPath, Inside)> {
    look(
        &verified.tree,
        verified.files.iter().map(|file| (&file.name, &file.stamp)),
        limits,
        cancel,
        begin,
        read,
    )
}

/// Looks into files, verified or not, that had these stamps when they were
/// hashed.
pub(super) fn look<'a>(
    tree: &Tree,
    stamps: impl Iterator<Item = (&'a RelPath, &'a Stamp)>,
    limits: Limits,
    cancel: &Cancel,
    begin: &dyn Fn(u64, u64),
    read: &(dyn Fn(u64) + Sync),
) -> Vec<(&'a RelPath, Inside)> {
    let mut files: Vec<(&RelPath, &Stamp, Promise)> = stamps
        .filter_map(|(path, stamp)| Some((path, stamp, promise(path.file_name())?)))
        .collect();
    let bytes = files
        .iter()
        .fold(0u64, |sum, (_, stamp, _)| sum.saturating_add(stamp.size()));
    begin(files.len() as u64, bytes);
    // The largest first, so that none of them is left to one core at the end.
    files.sort_by_key(|(path, stamp, _)| (Reverse(stamp.size()), *path));
    let mut found: Vec<(&RelPath, Inside)> = files
        .into_par_iter()
        .with_max_len(1)
        .map(|(path, stamp, promise)| {
            let inside = inside(tree, path, stamp, promise, limits, cancel, read);
            (path, inside)
        })
        .collect();
    found.sort_by_key(|(path, _)| *path);
    found
}

fn promise(name: &str) -> Option<Promise> {
    let lower = name.to_ascii_lowercase();
    if !ARCHIVE_ENDINGS.iter().any(|ending| lower.ends_with(ending)) {
        return None;
    }
    Some(
        match (WheelFilename::parse(name), SdistFilename::parse(name)) {
            (Ok(wheel), _) => Promise::Wheel(wheel),
            (_, Ok(sdist)) => Promise::Sdist(sdist),
            (Err(reason), _) if lower.ends_with(".whl") => {
                Promise::Other(format!("not the name of a wheel: {reason}"))
            }
            (_, Err(reason)) => Promise::Other(format!("not the name of an sdist: {reason}")),
        },
    )
}

fn inside(
    tree: &Tree,
    path: &RelPath,
    stamp: &Stamp,
    promise: Promise,
    limits: Limits,
    cancel: &Cancel,
    read: &(dyn Fn(u64) + Sync),
) -> Inside {
    if let Promise::Other(reason) = promise {
        return Inside::NotInspected(reason);
    }
    let attempt = || -> io::Result<Inside> {
        let (file, before) = tree.open_stamped(path)?;
        if before != *stamp {
            return Ok(Inside::Changed);
        }
        let held: File = file.try_clone()?;
        let inside = match &promise {
            Promise::Wheel(name) => {
                wheel::check(file, name, limits, cancel, read).map(Inside::Wheel)
            }
            Promise::Sdist(name) => {
                sdist::check(file, name, limits, cancel, read).map(Inside::Sdist)
            }
            Promise::Other(reason) => Ok(Inside::NotInspected(reason.clone())),
        };
        // What was read of a file that changed says nothing, an error neither.
        if Stamp::of(&held.metadata()?) != *stamp {
            return Ok(Inside::Changed);
        }
        inside
    };
    match attempt() {
        Ok(inside) => inside,
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) =>
        {
            Inside::Changed
        }
        Err(error) => Inside::Unreadable(error.to_string()),
    }
}
