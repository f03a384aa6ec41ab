//! Files packed with gzip inside a wheel, tar archives among them.
//!
//! In: both files in memory. Out: what differs in them, in the terms of members. What
//! is no tar archive that wheelproof reads is one contents without a name.
//!
//! Sources: RFC 1952 for gzip, POSIX pax for tar.

use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::read::{GzDecoder, MultiGzDecoder};

use super::difference::{Difference, HeaderField, Kind, Order, UnixMode};
use super::forms;
use super::sides::{Digested, Sides};
use super::text::{self, Budget, ContentDiff};
use crate::archive::zip::RawText;
use crate::archive::{Limits, tar};
use crate::cancel::Cancel;
use crate::digest::{Sha256Digest, Sha256Hasher};
use crate::time::UtcTime;

/// How a file begins that is packed with gzip by the method DEFLATE.
pub(super) const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// The most bytes of members that are held to compare their lines.
const HELD_BYTES: u64 = 8 << 20;

/// Lists what differs; nothing when that cannot be said.
pub(super) fn differences(
    files: Sides<&[u8]>,
    limits: &Limits,
    cancel: &Cancel,
) -> io::Result<Option<Vec<Difference>>> {
    let mut found = header(files);
    match (
        Listing::read(files.published, limits, cancel),
        Listing::read(files.rebuilt, limits, cancel),
    ) {
        (Ok(published), Ok(rebuilt)) => {
            let sides = Sides { published, rebuilt };
            found.extend(between(files, &sides.as_ref(), limits, cancel)?);
        }
        _ => {
            cancel.check()?;
            let unpacked = files.map(|file| unpack(file, limits.member_bytes));
            let (Some(published), Some(rebuilt)) = (unpacked.published, unpacked.rebuilt) else {
                return Ok(None);
            };
            if published != rebuilt {
                let sides = Sides {
                    published: digested(&published),
                    rebuilt: digested(&rebuilt),
                };
                let kind = contents("", sides, Some((&published, &rebuilt)), &mut Budget::new());
                found.push(Difference::of_archive(kind));
            }
        }
    }
    Ok((!found.is_empty()).then_some(found))
}

fn digested(bytes: &[u8]) -> Digested {
    Digested {
        size: bytes.len() as u64,
        sha256: Sha256Digest::of(bytes),
    }
}

fn unpack(file: &[u8], limit: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut reader = MultiGzDecoder::new(file).take(limit + 1);
    reader.read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= limit).then_some(bytes)
}

/// Compares the headers (RFC 1952, section 2.3).
fn header(files: Sides<&[u8]>) -> Vec<Difference> {
    let described = files.map(|file| {
        let mut decoder = GzDecoder::new(file);
        // The header is read with the first byte.
        let _ = decoder.read(&mut [0]);
        let header = decoder.header()?;
        let time = match header.mtime() {
            0 => "no time".to_owned(),
            seconds => moment(i64::from(seconds)),
        };
        let name = header.filename().map_or_else(
            || "no name".to_owned(),
            |name| format!("name '{}'", RawText::new(name)),
        );
        Some(format!(
            "{time}, {name}, system {}",
            header.operating_system()
        ))
    });
    match (described.published, described.rebuilt) {
        (Some(published), Some(rebuilt)) if published != rebuilt => {
            vec![Difference::of_archive(Kind::Header {
                field: HeaderField::GzipHeader,
                sides: Sides { published, rebuilt },
            })]
        }
        _ => Vec::new(),
    }
}

fn moment(seconds: i64) -> String {
    UtcTime::from_unix_seconds(seconds).map_or_else(
        || format!("{seconds} s since 1970"),
        |time| time.to_string(),
    )
}

/// A member of a tar archive as far as it is compared.
struct Entry {
    mode: UnixMode,
    mtime: i64,
    contents: Digested,
}

/// The members of a tar archive.
struct Listing {
    /// In the order of the archive.
    names: Vec<String>,
    entries: BTreeMap<String, Entry>,
}

impl Listing {
    fn read(file: &[u8], limits: &Limits, cancel: &Cancel) -> Result<Self, tar::TarError> {
        let mut listing = Self {
            names: Vec::new(),
            entries: BTreeMap::new(),
        };
        tar::read_gzip(file, limits, |member, reader| {
            cancel.check().map_err(tar::TarError::Read)?;
            let mut hasher = Sha256Hasher::new();
            let mut buffer = [0; 8192];
            loop {
                let count = reader.read(&mut buffer).map_err(tar::TarError::Read)?;
                if count == 0 {
                    break;
                }
                hasher.update(buffer.get(..count).unwrap_or_default());
            }
            let (file_type, target) = match &member.kind {
                tar::Kind::File => (0o100_000, ""),
                tar::Kind::Directory => (0o040_000, ""),
                tar::Kind::Symlink(target) => (0o120_000, target.as_str()),
            };
            hasher.update(target.as_bytes());
            let permissions = u16::try_from(member.mode & 0o7777).unwrap_or_default();
            let name = member.path.to_string();
            listing.names.push(name.clone());
            listing.entries.insert(
                name,
                Entry {
                    mode: UnixMode(file_type | permissions),
                    mtime: member.mtime,
                    contents: Digested {
                        size: member.size + target.len() as u64,
                        sha256: hasher.finish(),
                    },
                },
            );
            Ok(())
        })?;
        Ok(listing)
    }

    /// Returns the names that another archive has too.
    fn common<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a String> {
        self.names
            .iter()
            .filter(|name| other.entries.contains_key(*name))
    }
}

/// Lists what differs between two archives.
fn between(
    files: Sides<&[u8]>,
    listings: &Sides<&Listing>,
    limits: &Limits,
    cancel: &Cancel,
) -> io::Result<Vec<Difference>> {
    let Sides { published, rebuilt } = *listings;
    let mut found = Vec::new();
    let orders = published
        .common(rebuilt)
        .zip(rebuilt.common(published))
        .enumerate();
    for (position, (one, other)) in orders {
        if one != other {
            found.push(Difference::of_archive(Kind::MemberOrder {
                order: Order::Directory,
                position: position as u64,
                names: Sides {
                    published: RawText::new(one.as_bytes()),
                    rebuilt: RawText::new(other.as_bytes()),
                },
            }));
            break;
        }
    }
    let of = |name: &str, kind| Difference::of_member(&RawText::new(name.as_bytes()), 0, kind);
    for (name, entry) in &published.entries {
        if !rebuilt.entries.contains_key(name) {
            found.push(of(name, Kind::OnlyPublished(entry.contents.into())));
        }
    }
    for (name, entry) in &rebuilt.entries {
        if !published.entries.contains_key(name) {
            found.push(of(name, Kind::OnlyRebuilt(entry.contents.into())));
        }
    }
    let common: Vec<(&str, Sides<&Entry>)> = published
        .entries
        .iter()
        .filter_map(|(name, published)| {
            let rebuilt = rebuilt.entries.get(name)?;
            Some((name.as_str(), Sides { published, rebuilt }))
        })
        .collect();
    let differs = |sides: &Sides<&Entry>| sides.published.contents != sides.rebuilt.contents;
    let mut left = HELD_BYTES;
    let held: Vec<&str> = common
        .iter()
        .filter(|(_, sides)| differs(sides))
        .filter(|(_, sides)| {
            let sizes = sides.map(|entry| entry.contents.size);
            let both = sizes.published + sizes.rebuilt;
            let is_held = sizes.published.max(sizes.rebuilt) <= text::MEMBER_BYTES && both <= left;
            if is_held {
                left -= both;
            }
            is_held
        })
        .map(|(name, _)| *name)
        .collect();
    let bytes = Sides {
        published: hold(files.published, &held, limits, cancel)?,
        rebuilt: hold(files.rebuilt, &held, limits, cancel)?,
    };
    let mut budget = Budget::new();
    for (name, sides) in common {
        if differs(&sides) {
            let both = bytes.published.get(name).zip(bytes.rebuilt.get(name));
            let both = both.map(|(published, rebuilt)| (&**published, &**rebuilt));
            let digests = sides.map(|entry| entry.contents);
            found.push(of(name, contents(name, digests, both, &mut budget)));
        }
        let modes = sides.map(|entry| entry.mode);
        if modes.published != modes.rebuilt {
            found.push(of(name, Kind::Mode(modes)));
        }
        let times = sides.map(|entry| entry.mtime);
        if times.published != times.rebuilt {
            found.push(of(
                name,
                Kind::Header {
                    field: HeaderField::TarTime,
                    sides: times.map(moment),
                },
            ));
        }
    }
    Ok(found)
}

/// Returns the contents of these members.
fn hold(
    file: &[u8],
    names: &[&str],
    limits: &Limits,
    cancel: &Cancel,
) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut held = BTreeMap::new();
    if names.is_empty() {
        return Ok(held);
    }
    let result = tar::read_gzip(file, limits, |member, reader| {
        cancel.check().map_err(tar::TarError::Read)?;
        let name = member.path.as_str();
        if names.contains(&name) {
            let mut bytes = Vec::new();
            reader
                .read_to_end(&mut bytes)
                .map_err(tar::TarError::Read)?;
            if let tar::Kind::Symlink(target) = &member.kind {
                bytes.extend_from_slice(target.as_bytes());
            }
            held.insert(name.to_owned(), bytes);
        }
        Ok(())
    });
    match result {
        Ok(()) => Ok(held),
        Err(tar::TarError::Read(error)) => Err(error),
        // It has been read once before.
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

fn contents(
    name: &str,
    sides: Sides<Digested>,
    bytes: Option<(&[u8], &[u8])>,
    budget: &mut Budget,
) -> Kind {
    let diff = bytes.map_or(ContentDiff::TooLarge, |(published, rebuilt)| {
        match published.len().max(rebuilt.len()) as u64 <= text::MEMBER_BYTES {
            true => budget.diff(published, rebuilt),
            false => ContentDiff::TooLarge,
        }
    });
    let detail = bytes.and_then(|(published, rebuilt)| forms::detail(name, published, rebuilt));
    Kind::Contents {
        sides,
        diff,
        detail,
        held: None,
    }
}
