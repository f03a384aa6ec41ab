//! What can be said of contents that differ beyond their lines.
//!
//! In: a way to read a member of either side. Out: a [`Detail`] for the forms we
//! know. Large files are read one side at a time, so that only one is in memory.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::bytecode::{self, BytecodeDetail};
use super::difference::{Difference, Sides};
use super::fields::{self, FieldsDetail};
use super::gzip;
use super::objects::{self, ElfDifference};
use super::streams::Buffers;
use super::{Side, split};
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

/// What differs between two contents of a form we know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "form", rename_all = "kebab-case")]
pub enum Detail {
    /// Header lines as in METADATA.
    Fields(FieldsDetail),
    /// Lines of text that are the same but for their ends or their order.
    SameLines {
        /// Whether only one side ends its lines with CR LF, and which.
        #[serde(skip_serializing_if = "Option::is_none")]
        crlf: Option<Sides<bool>>,
        /// Whether the lines are in another order.
        order: bool,
    },
    /// A shared object.
    Elf {
        /// Its parts that differ; at least one.
        parts: Vec<ElfDifference>,
    },
    /// Python bytecode.
    Bytecode(BytecodeDetail),
    /// A ZIP archive inside the wheel, or a file packed with gzip, such as a tar archive.
    Archive {
        /// What differs in it; at least one entry.
        differences: Vec<Difference>,
    },
    /// It claims to be of such a form and cannot be read.
    Damaged {
        /// Why, as a sentence.
        reason: Sides<Option<String>>,
    },
}

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

/// Compares two contents in memory that are known to differ.
pub(super) fn of_small(name: &str, published: &[u8], rebuilt: &[u8]) -> Option<Detail> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let is_described = name
        .rsplit_once('/')
        .is_some_and(|(directory, _)| directory.ends_with(".dist-info"));
    let has_fields = (is_described && matches!(file, "METADATA" | "WHEEL")) || file == "PKG-INFO";
    if has_fields && let Some(detail) = fields::compare(published, rebuilt) {
        return Some(Detail::Fields(detail));
    }
    if file.ends_with(".pyc") {
        return bytecode::compare(published, rebuilt).map(Detail::Bytecode);
    }
    same_lines(published, rebuilt)
}

fn same_lines(published: &[u8], rebuilt: &[u8]) -> Option<Detail> {
    let published = std::str::from_utf8(published).ok()?;
    let rebuilt = std::str::from_utf8(rebuilt).ok()?;
    let crlf = Sides {
        published: published.contains("\r\n"),
        rebuilt: rebuilt.contains("\r\n"),
    };
    let crlf = (crlf.published != crlf.rebuilt).then_some(crlf);
    let count = |text: &str| {
        let mut lines: BTreeMap<String, u32> = BTreeMap::new();
        for line in text.lines() {
            *lines.entry(line.to_owned()).or_default() += 1;
        }
        lines
    };
    let order = !published.lines().eq(rebuilt.lines());
    if !order && crlf.is_none() {
        // The same lines, and yet other bytes: only the last line feed is left.
        return None;
    }
    (!order || count(published) == count(rebuilt)).then_some(Detail::SameLines { crlf, order })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_in_their_ends_or_their_order_are_told_apart() {
        let same = |published: &str, rebuilt: &str| match same_lines(
            published.as_bytes(),
            rebuilt.as_bytes(),
        ) {
            Some(Detail::SameLines { crlf, order }) => Some((crlf.map(|crlf| crlf.rebuilt), order)),
            _ => None,
        };
        assert_eq!(same("a\nb\n", "a\r\nb\r\n"), Some((Some(true), false)));
        assert_eq!(same("a\nb\n", "b\na\n"), Some((None, true)));
        assert_eq!(same("a\nb\n", "b\r\na\r\n"), Some((Some(true), true)));
        assert_eq!(same("a\nb\n", "a\nc\n"), None);
        assert_eq!(same("a\na\nb\n", "a\nb\nb\n"), None);
        assert_eq!(same("a\n", "a"), None);
    }

    #[test]
    fn only_the_files_of_a_dist_info_directory_are_compared_by_field() {
        let (published, rebuilt) = (&b"Name: a\n"[..], &b"Name: b\n"[..]);
        for (name, by_field) in [
            ("six-1.0.dist-info/METADATA", true),
            ("six-1.0.dist-info/WHEEL", true),
            ("six.egg-info/PKG-INFO", true),
            ("docs/METADATA", false),
            ("six-1.0.dist-info/RECORD", false),
        ] {
            let detail = of_small(name, published, rebuilt);
            assert_eq!(
                matches!(detail, Some(Detail::Fields(_))),
                by_field,
                "{name}"
            );
        }
    }
}
