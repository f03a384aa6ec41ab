//! How much a running build has written.
//!
//! In: where it may write. Out: the limit that it has passed, if any. The kernel
//! bounds one file, and under bubblewrap the size of all; the number of files is
//! bounded by looking, and so is the size where there are no namespaces. Both are
//! passed for a moment, then. Clean-up takes as long as there are files, so their
//! number bounds that, too.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::Limits;
use super::run::Ending;

/// How often it is looked at. A look that takes long is followed by a longer pause.
const INTERVAL: Duration = Duration::from_millis(250);
/// How deep directories may be nested. Deeper ones make each name slow to find, and
/// soon none of them can be found by a path.
const MAX_DEPTH: usize = 256;
/// How long there may be files that cannot be counted. A directory may be closed, or
/// nested deep, for a moment: tests of packages do that.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it takes to remove a file, on a slow disk.
const REMOVING_ONE: Duration = Duration::from_millis(1);
/// The kind of file system that is in memory (statfs(2)).
const TMPFS: i128 = 0x0102_1994;
/// After how many entries a look asks whether it is to go on.
const ENTRIES_AT_A_TIME: u64 = 1024;

/// Where a build writes.
#[derive(Debug, Clone)]
pub(super) enum Place<'a> {
    /// Into this directory.
    Directory(&'a Path),
    /// Into file systems of its own, at these paths in the root of its own.
    Namespaces(Vec<PathBuf>),
}

/// Looks now and then.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    place: Place<'a>,
    next: Instant,
    /// How many files there were at the last look.
    files: u64,
    /// Since when there is something that cannot be looked at.
    out_of_sight: Option<Instant>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Seen {
    files: u64,
    bytes: u64,
    out_of_sight: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(place: Place<'a>) -> Self {
        Self {
            place,
            next: Instant::now() + INTERVAL,
            files: 0,
            out_of_sight: None,
        }
    }

    /// Returns how much of its time a build has left to whoever removes its files: file
    /// systems of its own go with it.
    pub(super) fn clean_up(&self, limits: &Limits) -> Duration {
        match self.place {
            Place::Namespaces(_) => Duration::ZERO,
            Place::Directory(_) => u32::try_from(self.files)
                .map_or(Duration::MAX, |files| REMOVING_ONE * files)
                .min(limits.wall_time / 2),
        }
    }

    /// Returns the limit that was passed, when it is time to look. `goes_on` is asked
    /// on the way.
    pub(super) fn look(
        &mut self,
        limits: &Limits,
        process: Option<Pid>,
        goes_on: &dyn Fn() -> bool,
    ) -> Option<Ending> {
        let begun = Instant::now();
        if begun < self.next {
            return None;
        }
        let seen = match &self.place {
            Place::Directory(directory) => below(directory, limits, goes_on),
            Place::Namespaces(places) => process.map_or_else(Seen::default, |process| Seen {
                files: inodes(process, places),
                ..Seen::default()
            }),
        };
        let now = Instant::now();
        self.files = seen.files;
        self.next = now + INTERVAL.max(2 * (now - begun));
        self.out_of_sight = seen
            .out_of_sight
            .then(|| self.out_of_sight.unwrap_or(begun));
        let stays_out_of_sight = self
            .out_of_sight
            .is_some_and(|since| now - since >= PATIENCE);
        if seen.bytes > limits.scratch_bytes {
            Some(Ending::ScratchLimit)
        } else if seen.files > limits.files {
            Some(Ending::FilesLimit)
        } else if stays_out_of_sight {
            Some(Ending::OutOfSight)
        } else {
            None
        }
    }
}

/// Counts what is below a directory, until a limit is passed. The tree is foreign, and
/// somebody works in it: its depth costs us neither stack nor descriptors, and what is
/// gone is gone.
fn below(directory: &Path, limits: &Limits, goes_on: &dyn Fn() -> bool) -> Seen {
    let mut seen = Seen::default();
    let walk = walkdir::WalkDir::new(directory)
        .max_open(16)
        .max_depth(MAX_DEPTH);
    for entry in walk {
        match entry.and_then(|entry| Ok((entry.depth(), entry.metadata()?))) {
            Ok((depth, data)) => {
                seen.files += 1;
                seen.bytes += data.blocks() * 512;
                seen.out_of_sight |= depth == MAX_DEPTH && data.is_dir();
            }
            Err(error) => {
                let gone = error.io_error().map(io::Error::kind) == Some(io::ErrorKind::NotFound);
                seen.out_of_sight |= !gone;
            }
        }
        let is_too_much = seen.files > limits.files || seen.bytes > limits.scratch_bytes;
        if is_too_much || (seen.files % ENTRIES_AT_A_TIME == 0 && !goes_on()) {
            break;
        }
    }
    seen
}

/// Counts the files on file systems of a namespace that a child of this process is the
/// first in; none where it cannot be reached (any more).
fn inodes(process: Pid, places: &[PathBuf]) -> u64 {
    let process = process.as_raw_nonzero();
    let children = format!("/proc/{process}/task/{process}/children");
    let Some(first) = fs::read_to_string(children)
        .ok()
        .and_then(|children| children.split_whitespace().next().map(str::to_owned))
    else {
        return 0;
    };
    let root = PathBuf::from(format!("/proc/{first}/root"));
    places
        .iter()
        .map(|place| root.join(place.strip_prefix("/").unwrap_or(place)))
        .filter_map(|place| rustix::fs::statfs(&place).ok())
        // What bubblewrap makes is of this kind; whatever else is there is the host's.
        .filter(|system| i128::from(system.f_type) == TMPFS)
        .map(|system| system.f_files.saturating_sub(system.f_ffree))
        .sum()
}
