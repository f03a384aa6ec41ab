//! Two wheels, bit for bit, and where they differ.
//!
//! In: the published and the rebuilt wheel, neither of them trusted to be well
//! formed. Out: [`Comparison`]: identical, or different with a list of
//! [`Difference`]s that is never empty. The list goes from the container to the
//! single header field, published before rebuilt, in the order of the central
//! directory, so that equal inputs give equal lists.
//!
//! What is compared is what is there, nothing is normalised away. A file that is
//! no archive is a difference that says so; only a file that cannot be read at
//! all is an error.

mod bytecode;
mod container;
mod detail;
mod difference;
mod facts;
mod fields;
mod forms;
mod gzip;
mod members;
mod objects;
mod packing;
mod record;
mod share;
mod sides;
mod streams;
mod text;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::archive::zip::{Archive, ZipError};
use crate::archive::{Limits, open_regular_file};
use crate::cancel::Cancel;
use detail::Depth;
use streams::Buffers;

pub use bytecode::BytecodeDetail;
pub use difference::{
    Compressed, Consequence, Contents, Detail, Difference, HeaderField, Kind, Layer, Line, Order,
    UnixMode,
};
pub use facts::{Layout, MemberPlace, WheelFacts, is_known_extra};
pub use fields::{FieldDifference, FieldsDetail};
pub use objects::{ElfDifference, ElfPart};
pub use sides::{Digested, Sides};
pub use text::{ContentDiff, DiffLine, Hunk, LineSide};

/// What the comparison of two wheels found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Comparison {
    /// Every byte is the same.
    Identical(Digested),
    /// At least one byte differs.
    Different(Box<Different>),
}

/// Two wheels that differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Different {
    /// Size and digest of the two files.
    #[serde(flatten)]
    pub files: Sides<Digested>,
    /// Both as a whole; nothing of a file that is no archive.
    #[serde(skip)]
    pub wheels: Sides<Option<WheelFacts>>,
    /// What differs; at least one entry. Causes belong to a higher floor, which
    /// refers to these entries by their index.
    pub differences: Vec<Difference>,
}

impl Different {
    /// Lets go of the contents that were held to explain what differs.
    pub fn forget_contents(&mut self) {
        for difference in &mut self.differences {
            difference.forget_contents();
        }
    }
}

/// Why two wheels could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A file cannot be opened, or is not a regular file.
    #[error("cannot open {}: {source}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file cannot be read to its end.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Somebody asked to stop.
    #[error("the comparison was interrupted")]
    Interrupted,
}

impl CompareError {
    /// Returns what to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Open { .. } => "check that the file is there, is a file and may be read",
            Self::Read { .. } => "check the disk, and that nothing changes the file meanwhile",
            Self::Interrupted => "start it again",
        }
    }
}

/// Compares two wheels.
///
/// Memory stays bounded whatever the files claim: contents are streamed, text
/// is held only up to the limits of [`ContentDiff`], members only up to
/// `limits`. An archive beyond the limits is different, and the difference says
/// that it was not looked into.
///
/// # Errors
///
/// [`CompareError`] when a file cannot be read, or when `cancel` was requested.
pub fn wheels(
    published: &Path,
    rebuilt: &Path,
    limits: Limits,
    cancel: &Cancel,
) -> Result<Comparison, CompareError> {
    let paths = Sides { published, rebuilt };
    let open = |path: &Path| {
        open_regular_file(path).map_err(|source| CompareError::Open {
            path: path.to_owned(),
            source,
        })
    };
    let files = Sides {
        published: open(published)?,
        rebuilt: open(rebuilt)?,
    };
    let trouble = |(side, source): (Side, io::Error)| {
        if cancel.is_requested() {
            CompareError::Interrupted
        } else {
            CompareError::Read {
                path: side.of(&paths).to_path_buf(),
                source,
            }
        }
    };
    let (mut left, mut right) = (&files.published, &files.rebuilt);
    let mut buffers = Buffers::new();
    let streams = streams::compare(
        &mut buffers,
        |buffer| cancel.check().and_then(|()| left.read(buffer)),
        |buffer| right.read(buffer),
    )
    .map_err(trouble)?;
    let Some(offset) = streams.first_difference else {
        return Ok(Comparison::Identical(streams.digested.published));
    };
    let open = |side, file| {
        split(Archive::from_file(file, limits)).map_err(|error| trouble((side, error)))
    };
    let archives = Sides {
        published: open(Side::Published, files.published)?,
        rebuilt: open(Side::Rebuilt, files.rebuilt)?,
    };
    let mut differences = match archives.as_ref() {
        Sides {
            published: Ok(published),
            rebuilt: Ok(rebuilt),
        } => {
            inside(published, rebuilt, &mut Depth::new(), &mut buffers, cancel).map_err(trouble)?
        }
        unreadable => vec![Difference::of_archive(Kind::UnreadableArchive(
            unreadable.map(|archive| archive.as_ref().err().cloned()),
        ))],
    };
    if differences.is_empty() {
        differences.push(Difference::of_archive(Kind::Bytes { offset }));
    }
    let facts = |side: Side| {
        let archive = side.of(&archives).as_ref().ok()?;
        let name = side.of(&paths).file_name()?.to_string_lossy();
        Some(WheelFacts::read(name.into_owned(), archive))
    };
    Ok(Comparison::Different(Box::new(Different {
        files: streams.digested,
        wheels: Sides {
            published: facts(Side::Published),
            rebuilt: facts(Side::Rebuilt),
        },
        differences,
    })))
}

/// Which of two wheels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Published,
    Rebuilt,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Published => Self::Rebuilt,
            Self::Rebuilt => Self::Published,
        }
    }

    fn of<T>(self, sides: &Sides<T>) -> &T {
        match self {
            Self::Published => &sides.published,
            Self::Rebuilt => &sides.rebuilt,
        }
    }
}

/// Tells a disk that fails from an archive that is wrong; the inner error is the
/// sentence about the latter.
fn split<T>(result: Result<T, ZipError>) -> io::Result<Result<T, String>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(ZipError::Io(error)) => Err(error),
        Err(other) => Ok(Err(other.to_string())),
    }
}

/// Lists what differs between two archives, layer by layer.
fn inside(
    published: &Archive<'_>,
    rebuilt: &Archive<'_>,
    depth: &mut Depth,
    buffers: &mut Buffers,
    cancel: &Cancel,
) -> Result<Vec<Difference>, (Side, io::Error)> {
    let pairing = members::Pairing::new(published, rebuilt);
    let mut differences = container::differences(published, rebuilt, &pairing, buffers)?;
    differences.extend(members::differences(
        published, rebuilt, &pairing, depth, buffers, cancel,
    )?);
    Ok(differences)
}

#[cfg(test)]
mod tests;
