//! The contents of members and how they are packed, read on all cores.
//!
//! In: members of two archives. Out: for each pair whether the packed bytes are the
//! same, else what its contents are; and the levels of zlib that give packed bytes.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::io::{self, Read};

use super::Side;
use super::difference::Contents;
use super::share::among_cores;
use super::sides::{Digested, Sides};
use super::split;
use super::streams::{self, Buffers};
use crate::archive::zip::{Archive, Member, ZipError};
use crate::cancel::Cancel;
use crate::deflate::{self, DeflateError, Deflater, MEMORY_LEVELS, Settings, Strategy};

/// What a pair of members holds.
pub(super) enum Packed {
    /// The same packed bytes, read in the same way: so the same contents.
    Same,
    /// Other packed bytes, of the same contents.
    SameContents,
    /// Contents that differ and were read to their ends.
    Read(Sides<Digested>),
    /// Contents of which at least one cannot be read.
    Unreadable(Sides<Contents>),
}

/// Reads pairs of members, the contents only where the packed bytes differ.
pub(super) fn read(
    archives: Sides<&Archive<'_>>,
    pairs: &[Sides<&Member>],
    cancel: &Cancel,
) -> Vec<Result<Packed, (Side, io::Error)>> {
    let same = among_cores(pairs, Buffers::new, |buffers, members| {
        are_same(archives, *members, buffers, cancel)
    });
    // Size and CRC-32 promise the same contents: read side by side, without a digest.
    let mut promising: Vec<(usize, Sides<&Member>)> = pairs
        .iter()
        .copied()
        .zip(&same)
        .enumerate()
        .filter(|(_, (_, same))| matches!(same, Ok(false)))
        .map(|(place, (members, _))| (place, members))
        .filter(|(_, members)| {
            let promise = members.map(|member| {
                let central = member.central();
                (central.uncompressed_size, central.crc32)
            });
            promise.published == promise.rebuilt
        })
        .collect();
    promising.sort_by_key(|(_, members)| Reverse(members.published.central().uncompressed_size));
    let alike = among_cores(&promising, Buffers::new, |buffers, (_, members)| {
        have_same_contents(archives, *members, buffers, cancel)
    });
    let alike: HashSet<usize> = promising
        .iter()
        .zip(alike)
        .filter(|(_, alike)| *alike)
        .map(|((place, _), _)| *place)
        .collect();
    let mut wanted: Vec<(usize, Side, &Member)> = pairs
        .iter()
        .zip(&same)
        .enumerate()
        .filter(|(place, (_, same))| matches!(same, Ok(false)) && !alike.contains(place))
        .flat_map(|(place, (members, _))| {
            [Side::Published, Side::Rebuilt].map(|side| (place, side, *side.of(members)))
        })
        .collect();
    wanted.sort_by_key(|(_, _, member)| Reverse(member.central().uncompressed_size));
    let read = among_cores(&wanted, Buffers::new, |buffers, (_, side, member)| {
        let archive = *side.of(&archives);
        contents(archive, member, buffers, cancel).map_err(|error| (*side, error))
    });
    let mut both: Vec<_> = pairs.iter().map(|_| Sides::default()).collect();
    for ((place, side, _), contents) in wanted.into_iter().zip(read) {
        if let Some(sides) = both.get_mut(place) {
            match side {
                Side::Published => sides.published = Some(contents),
                Side::Rebuilt => sides.rebuilt = Some(contents),
            }
        }
    }
    same.into_iter()
        .zip(both)
        .enumerate()
        .map(|(place, (same, both))| {
            if same? {
                return Ok(Packed::Same);
            }
            let (Some(published), Some(rebuilt)) = (both.published, both.rebuilt) else {
                debug_assert!(alike.contains(&place));
                return Ok(Packed::SameContents);
            };
            Ok(match (published?, rebuilt?) {
                (Contents::Read(published), Contents::Read(rebuilt)) if published == rebuilt => {
                    Packed::SameContents
                }
                (Contents::Read(published), Contents::Read(rebuilt)) => {
                    Packed::Read(Sides { published, rebuilt })
                }
                (published, rebuilt) => Packed::Unreadable(Sides { published, rebuilt }),
            })
        })
        .collect()
}

fn are_same(
    archives: Sides<&Archive<'_>>,
    members: Sides<&Member>,
    buffers: &mut Buffers,
    cancel: &Cancel,
) -> Result<bool, (Side, io::Error)> {
    let form = members.map(|member| {
        let central = member.central();
        (
            central.method,
            central.compressed_size,
            central.is_encrypted(),
        )
    });
    if form.published != form.rebuilt {
        return Ok(false);
    }
    let mut published = archives.published.raw(members.published.data());
    let mut rebuilt = archives.rebuilt.raw(members.rebuilt.data());
    streams::are_same(
        buffers,
        |buffer| cancel.check().and_then(|()| published.read(buffer)),
        |buffer| rebuilt.read(buffer),
    )
}

/// Returns whether both members can be read to their ends, and are the same. What
/// speaks against it is found out by reading each alone.
fn have_same_contents(
    archives: Sides<&Archive<'_>>,
    members: Sides<&Member>,
    buffers: &mut Buffers,
    cancel: &Cancel,
) -> bool {
    let readers = (
        archives.published.reader(members.published),
        archives.rebuilt.reader(members.rebuilt),
    );
    let (Ok(mut published), Ok(mut rebuilt)) = readers else {
        return false;
    };
    let same = streams::are_same(
        buffers,
        |buffer| {
            cancel.check().map_err(ZipError::Io)?;
            published.read_piece(buffer)
        },
        |buffer| rebuilt.read_piece(buffer),
    );
    matches!(same, Ok(true))
}

/// Reads a member to its end.
pub(super) fn contents(
    archive: &Archive<'_>,
    member: &Member,
    buffers: &mut Buffers,
    cancel: &Cancel,
) -> io::Result<Contents> {
    let result = archive.reader(member).and_then(|mut reader| {
        streams::digest(buffers, |buffer| {
            cancel.check().map_err(ZipError::Io)?;
            reader.read_piece(buffer)
        })
    });
    Ok(match split(result)? {
        Ok(digested) => Contents::Read(digested),
        Err(reason) => Contents::Unreadable { reason },
    })
}

/// Contents, and the members that pack them.
pub(super) struct Trial<'a> {
    /// Where the contents are read.
    contents: (Side, &'a Member),
    streams: Sides<Option<&'a Member>>,
}

impl<'a> Trial<'a> {
    /// Takes members of equal contents; returns nothing when there is none.
    pub(super) fn new(streams: Sides<Option<&'a Member>>) -> Option<Self> {
        let published = streams.published.map(|member| (Side::Published, member));
        let rebuilt = streams.rebuilt.map(|member| (Side::Rebuilt, member));
        Some(Self {
            contents: published.or(rebuilt)?,
            streams,
        })
    }
}

/// Levels of zlib of both sides; nothing where that was not tried.
pub(super) type Levels = Sides<Option<Vec<u8>>>;

/// The most bytes of contents that are tried at every level. The others are tried at
/// the levels that these have in common, and at every other only where none of them
/// gives the packed bytes.
const EVERY_LEVEL_BYTES: usize = 256 << 10;

/// Returns for each trial the levels of zlib that give the packed bytes, of the first
/// ones all. What all of them hold is in memory together, so that is for the caller to
/// bound.
pub(super) fn zlib_levels(
    archives: Sides<&Archive<'_>>,
    trials: &[Trial<'_>],
    cancel: &Cancel,
) -> Result<Vec<Levels>, (Side, io::Error)> {
    let mut loaded = trials
        .iter()
        .map(|trial| Loaded::read(archives, trial, cancel))
        .collect::<Result<Vec<_>, _>>()?;
    let mut left = EVERY_LEVEL_BYTES;
    let first = loaded
        .iter()
        .take_while(|trial| {
            let fits = left > 0;
            left = left.saturating_sub(trial.contents.len());
            fits
        })
        .count();
    let (first, others) = loaded.split_at_mut(first);
    try_levels(first, |_| [true; 2], cancel)?;
    let common = Sides {
        published: common_levels(first.iter().map(|trial| &trial.found.published)),
        rebuilt: common_levels(first.iter().map(|trial| &trial.found.rebuilt)),
    };
    try_levels(
        others,
        |level| {
            [
                common.published.contains(&level),
                common.rebuilt.contains(&level),
            ]
        },
        cancel,
    )?;
    try_levels(others, |_| [true; 2], cancel)?;
    Ok(loaded.into_iter().map(Loaded::found).collect())
}

fn common_levels<'l>(found: impl Iterator<Item = &'l Option<Vec<u8>>>) -> Vec<u8> {
    let mut found = found.flatten();
    let mut common = found.next().cloned().unwrap_or_default();
    for levels in found {
        common.retain(|level| levels.contains(level));
    }
    common
}

/// Tries what has no level yet at the levels that are wanted for each side.
fn try_levels(
    loaded: &mut [Loaded],
    is_wanted: impl Fn(u8) -> [bool; 2] + Sync,
    cancel: &Cancel,
) -> Result<(), (Side, io::Error)> {
    // Programs that give zlib more memory are rare, so that is tried last.
    for memory_level in MEMORY_LEVELS {
        // Each core starts zlib once for a level, and ends with what takes least.
        let mut wanted: Vec<(Settings, usize, usize)> = (1..=9)
            .filter_map(|level| Settings::new(level, Strategy::Default, memory_level))
            .flat_map(|settings| {
                let sides = is_wanted(settings.level());
                let open = loaded.iter().enumerate();
                open.filter(move |(_, trial)| trial.is_open(sides))
                    .map(move |(place, trial)| (settings, trial.contents.len(), place))
            })
            .collect();
        wanted.sort_by_key(|(settings, size, _)| Reverse((settings.level(), *size)));
        let answers = among_cores(
            &wanted,
            || None,
            |deflater: &mut Option<(Settings, Deflater)>, (settings, _, place)| {
                cancel.check().map_err(DeflateError::Read)?;
                let Some(trial) = loaded.get(*place) else {
                    return Ok([false; 2]);
                };
                let ready = match deflater.take() {
                    Some((of, deflater)) if of == *settings => deflater,
                    _ => Deflater::new(*settings)?,
                };
                let (_, deflater) = deflater.insert((*settings, ready));
                let streams = trial.streams(is_wanted(settings.level()));
                deflater.gives(&trial.contents, streams)
            },
        );
        for ((settings, _, place), answer) in wanted.iter().zip(answers) {
            let Some(trial) = loaded.get_mut(*place) else {
                continue;
            };
            match answer {
                Ok(gives) => trial.note(settings.level(), gives),
                Err(DeflateError::Read(error) | DeflateError::Write(error)) => {
                    return Err((Side::Published, error));
                }
                Err(DeflateError::Compressor) => trial.found = Levels::default(),
            }
        }
    }
    Ok(())
}

/// What a trial works with.
struct Loaded {
    contents: Vec<u8>,
    /// Nothing where nobody asks, or where there are too many bytes for zlib.
    streams: Sides<Option<Vec<u8>>>,
    found: Levels,
}

impl Loaded {
    fn read(
        archives: Sides<&Archive<'_>>,
        trial: &Trial<'_>,
        cancel: &Cancel,
    ) -> Result<Self, (Side, io::Error)> {
        let (side, member) = trial.contents;
        cancel.check().map_err(|error| (side, error))?;
        let contents = side
            .of(&archives)
            .contents(member, member.central().uncompressed_size);
        let Ok(contents) = split(contents).map_err(|error| (side, error))? else {
            return Ok(Self {
                contents: Vec::new(),
                streams: Sides::default(),
                found: Levels::default(),
            });
        };
        let most = deflate::most_bytes(contents.len() as u64);
        let stream = |side: Side| {
            let wanted = side.of(&trial.streams).map(Member::data);
            let Some(range) = wanted.filter(|range| range.end - range.start <= most) else {
                return Ok(None);
            };
            let mut bytes = Vec::new();
            side.of(&archives)
                .raw(range)
                .read_to_end(&mut bytes)
                .map_err(|error| (side, error))?;
            Ok(Some(bytes))
        };
        Ok(Self {
            contents,
            streams: Sides {
                published: stream(Side::Published)?,
                rebuilt: stream(Side::Rebuilt)?,
            },
            found: trial.streams.map(|stream| stream.map(|_| Vec::new())),
        })
    }

    /// Returns the packed bytes of the sides that are asked for, where their level is
    /// not known yet.
    fn streams(&self, [published, rebuilt]: [bool; 2]) -> [Option<&[u8]>; 2] {
        let open = |side: Side, is_asked: bool| {
            let is_open = side.of(&self.found).as_ref().is_some_and(Vec::is_empty);
            side.of(&self.streams)
                .as_deref()
                .filter(|_| is_asked && is_open)
        };
        [
            open(Side::Published, published),
            open(Side::Rebuilt, rebuilt),
        ]
    }

    fn is_open(&self, sides: [bool; 2]) -> bool {
        self.streams(sides).iter().any(Option::is_some)
    }

    fn note(&mut self, level: u8, [published, rebuilt]: [bool; 2]) {
        for (levels, gives) in [
            (&mut self.found.published, published),
            (&mut self.found.rebuilt, rebuilt),
        ] {
            if let Some(levels) = levels.as_mut().filter(|_| gives) {
                levels.push(level);
            }
        }
    }

    /// Returns the levels in ascending order.
    fn found(self) -> Levels {
        self.found.map(|levels| {
            levels.map(|mut levels| {
                levels.sort_unstable();
                levels
            })
        })
    }
}
