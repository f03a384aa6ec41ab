//! What files of requirements say together, with the place of each thing.

use std::path::Path;
use std::sync::Arc;

use super::Requirement;
use super::fault::FaultKind;
use crate::digest::Sha256Digest;

/// How many requirements are taken in all. The largest lock files have hundreds.
const MAX_PINS: usize = 20_000;
/// How many faults are told in all.
const MAX_FAULTS: usize = 1_000;

/// The format of a file of requirements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// pip's requirements file.
    Requirements,
    /// Poetry's lock file.
    PoetryLock,
    /// uv's lock file.
    UvLock,
    /// The standard's lock file (PEP 751).
    Pylock,
}

impl Format {
    /// Returns the word that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requirements => "requirements",
            Self::PoetryLock => "poetry.lock",
            Self::UvLock => "uv.lock",
            Self::Pylock => "pylock.toml",
        }
    }

    /// Returns the format that the name of a file stands for; `None` when it is
    /// that of a format which is not read.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        match name {
            "poetry.lock" => return Some(Self::PoetryLock),
            "uv.lock" => return Some(Self::UvLock),
            "pylock.toml" => return Some(Self::Pylock),
            "Pipfile.lock" => return None,
            _ => {}
        }
        // pylock.NAME.toml, the name without dots (pylock.toml specification,
        // "File Name").
        let named = name
            .strip_prefix("pylock.")
            .and_then(|rest| rest.strip_suffix(".toml"));
        match named {
            Some(name) if !name.is_empty() && !name.contains('.') => Some(Self::Pylock),
            _ if name.ends_with(".toml") || name.ends_with(".json") => None,
            _ => Some(Self::Requirements),
        }
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user would name it.
    pub path: Arc<Path>,
    /// The line, counted from 1.
    pub line: u64,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFile {
    /// The file, as the user would name it.
    pub path: Arc<Path>,
    /// What it was read as.
    pub format: Format,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// A requirement and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Where it stands.
    pub place: Place,
    /// What it asks for.
    pub requirement: Requirement,
    /// Whether it is asked for under a condition only: a marker, an extra, a group.
    pub is_conditional: bool,
}

/// Something wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub kind: FaultKind,
}

/// What files of requirements say together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The files, in the order they were read.
    pub files: Vec<ListFile>,
    /// What they ask for, in that order.
    pub pins: Vec<Pin>,
    /// What is wrong with them, in that order.
    pub faults: Vec<Fault>,
    /// Whether the files themselves keep pip from taking sdists.
    pub only_wheels: bool,
}

/// A listing that is being made.
#[derive(Default)]
pub(super) struct Gathered {
    /// What was read so far.
    pub(super) listing: Listing,
    /// Whether no more is taken in.
    pub(super) is_full: bool,
}

impl Gathered {
    /// Notes a requirement.
    pub(super) fn pin(&mut self, pin: Pin) {
        if self.is_full {
            return;
        }
        if self.listing.pins.len() >= MAX_PINS {
            self.fault(&pin.place, FaultKind::TooMany(MAX_PINS, "requirements"));
            self.is_full = true;
            return;
        }
        self.listing.pins.push(pin);
    }

    /// Notes something wrong.
    pub(super) fn fault(&mut self, place: &Place, kind: FaultKind) {
        if self.is_full {
            return;
        }
        let kind = if self.listing.faults.len() < MAX_FAULTS {
            kind
        } else {
            self.is_full = true;
            FaultKind::TooMany(MAX_FAULTS, "faults")
        };
        self.listing.faults.push(Fault {
            place: place.clone(),
            kind,
        });
    }
}
