//! What can be said of contents that differ beyond their lines.
//!
//! In: a way to read a member of either side. Out: a [`Detail`] for the forms we
//! know. Large files are read one side at a time, so that only one is in memory.

use std::io;

use super::difference::Detail;
use super::sides::Sides;
use super::streams::Buffers;
use super::{Side, split};
use super::{gzip, objects};
use crate::archive::Limits;
use crate::archive::zip::{Archive, Member};
use crate::cancel::Cancel;
use crate::elf;

/// The most bytes a shared object may have to be looked into.
const ELF_BYTES: u64 = 512 << 20;

/// The most bytes an archive inside a wheel may have to be looked into.
const NESTED_BYTES: u64 = 24 << 20;

/// The most archives inside one wheel that are looked into.
const NESTED_ARCHIVES: u32 = 16;

/// How much an archive inside a wheel may hold.
const NESTED_LIMITS: Limits = Limits {
    members: 20_000,
    member_bytes: 64 << 20,
    total_bytes: 256 << 20,
    ratio: 200,
};

/// What looking into contents may still cost.
pub(super) struct Depth {
    nested: u32,
}

impl Depth {
    pub(super) fn new() -> Self {
        Self {
            nested: NESTED_ARCHIVES,
        }
    }

    /// Of an archive in an archive nothing is looked into.
    pub(super) fn inner() -> Self {
        Self { nested: 0 }
    }
}

/// Compares two members that are too large to be in memory together, or of a form
/// that has to be read whole.
pub(super) fn of_large(
    archives: Sides<&Archive<'_>>,
    members: Sides<&Member>,
    depth: &mut Depth,
    buffers: &mut Buffers,
    cancel: &Cancel,
) -> Result<Option<Detail>, (Side, io::Error)> {
    let mut starts = [Vec::new(), Vec::new()];
    for (start, side) in starts.iter_mut().zip([Side::Published, Side::Rebuilt]) {
        let (archive, member) = (*side.of(&archives), *side.of(&members));
        match split(first_bytes(archive, member)).map_err(|error| (side, error))? {
            Ok(bytes) => *start = bytes,
            Err(_) => return Ok(None),
        }
    }
    let both = |magic: &[u8]| starts.iter().all(|start| start.starts_with(magic));
    let read = |side: Side, limit| -> Result<Option<Vec<u8>>, (Side, io::Error)> {
        cancel.check().map_err(|error| (side, error))?;
        let (archive, member) = (*side.of(&archives), *side.of(&members));
        let contents = archive.contents(member, limit);
        Ok(split(contents).map_err(|error| (side, error))?.ok())
    };
    if both(&elf::MAGIC) {
        let mut facts = Vec::new();
        for side in [Side::Published, Side::Rebuilt] {
            let Some(bytes) = read(side, ELF_BYTES)? else {
                return Ok(None);
            };
            facts.push(elf::Facts::read(&bytes).map_err(|error| error.to_string()));
        }
        let mut facts = facts.into_iter();
        let (Some(published), Some(rebuilt)) = (facts.next(), facts.next()) else {
            return Ok(None);
        };
        return Ok(Some(match (published, rebuilt) {
            (Ok(published), Ok(rebuilt)) => Detail::Elf {
                parts: objects::compare(Sides {
                    published: &published,
                    rebuilt: &rebuilt,
                }),
            },
            (published, rebuilt) => Detail::Damaged {
                reason: Sides {
                    published: published.err(),
                    rebuilt: rebuilt.err(),
                },
            },
        }));
    }
    if both(b"PK\x03\x04") && depth.nested > 0 {
        depth.nested -= 1;
        let (Some(published), Some(rebuilt)) = (
            read(Side::Published, NESTED_BYTES)?,
            read(Side::Rebuilt, NESTED_BYTES)?,
        ) else {
            return Ok(None);
        };
        let archives = (
            Archive::from_slice(&published, NESTED_LIMITS),
            Archive::from_slice(&rebuilt, NESTED_LIMITS),
        );
        return Ok(Some(match archives {
            (Ok(published), Ok(rebuilt)) => {
                let differences =
                    super::inside(&published, &rebuilt, &mut Depth::inner(), buffers, cancel)?;
                if differences.is_empty() {
                    return Ok(None);
                }
                Detail::Archive { differences }
            }
            (published, rebuilt) => Detail::Damaged {
                reason: Sides {
                    published: published.err().map(|error| error.to_string()),
                    rebuilt: rebuilt.err().map(|error| error.to_string()),
                },
            },
        }));
    }
    if both(&gzip::MAGIC) && depth.nested > 0 {
        depth.nested -= 1;
        let (Some(published), Some(rebuilt)) = (
            read(Side::Published, NESTED_BYTES)?,
            read(Side::Rebuilt, NESTED_BYTES)?,
        ) else {
            return Ok(None);
        };
        let files = Sides {
            published: &*published,
            rebuilt: &*rebuilt,
        };
        return gzip::differences(files, &NESTED_LIMITS, cancel)
            .map(|found| found.map(|differences| Detail::Archive { differences }))
            .map_err(|error| (Side::Published, error));
    }
    Ok(None)
}

fn first_bytes(
    archive: &Archive<'_>,
    member: &Member,
) -> Result<Vec<u8>, crate::archive::zip::ZipError> {
    let mut buffer = [0; 4];
    let mut reader = archive.reader(member)?;
    let mut start = Vec::new();
    while start.len() < buffer.len() {
        match reader.read_piece(&mut buffer)? {
            0 => break,
            count => start.extend_from_slice(buffer.get(..count).unwrap_or_default()),
        }
    }
    Ok(start)
}
