//! What differs in which members there are, and member by member.

use std::collections::HashMap;
use std::fmt::Display;
use std::io;

use super::detail::{self, Depth};
use super::difference::{
    Compressed, Consequence, Contents, Detail, Difference, HeaderField, Kind, UnixMode,
};
use super::forms;
use super::packing::{self, Packed, Trial};
use super::record::{self, Changed, Residue};
use super::sides::{Digested, Sides};
use super::streams::Buffers;
use super::text::{self, Budget, ContentDiff};
use super::{Side, split};
use crate::archive::zip::{Archive, DescriptorForm, Member, Method, RawText};
use crate::cancel::Cancel;
use crate::digest::Sha256Digest;
use crate::wheel;

/// A member of one side, or of both, with its name.
pub(super) struct Paired<T> {
    /// How many members of this name come before it.
    occurrence: u64,
    /// Its place in the central directory.
    pub(super) sides: T,
}

/// Which members belong together: those of the same name, the first with the
/// first, the second with the second.
pub(super) struct Pairing {
    /// Members of both sides, in the published order.
    pub(super) common: Vec<Paired<Sides<usize>>>,
    only_published: Vec<Paired<usize>>,
    only_rebuilt: Vec<Paired<usize>>,
}

impl Pairing {
    /// Pairs the members of two archives; time and memory grow with their number.
    pub(super) fn new(published: &Archive<'_>, rebuilt: &Archive<'_>) -> Self {
        let mut of_rebuilt: HashMap<_, usize> = keys(rebuilt)
            .enumerate()
            .map(|(index, key)| (key, index))
            .collect();
        let mut common = Vec::new();
        let mut only_published = Vec::new();
        for (index, key) in keys(published).enumerate() {
            let (_, occurrence) = key;
            match of_rebuilt.remove(&key) {
                Some(other) => common.push(Paired {
                    occurrence,
                    sides: Sides {
                        published: index,
                        rebuilt: other,
                    },
                }),
                None => only_published.push(Paired {
                    occurrence,
                    sides: index,
                }),
            }
        }
        let mut only_rebuilt: Vec<_> = of_rebuilt
            .into_iter()
            .map(|((_, occurrence), index)| Paired {
                occurrence,
                sides: index,
            })
            .collect();
        only_rebuilt.sort_by_key(|paired| paired.sides);
        Self {
            common,
            only_published,
            only_rebuilt,
        }
    }
}

/// Returns the name of each member and how many of that name came before.
fn keys<'a>(archive: &'a Archive<'_>) -> impl Iterator<Item = (&'a RawText, u64)> {
    let mut seen: HashMap<&RawText, u64> = HashMap::new();
    archive.members().iter().map(move |member| {
        let count = seen.entry(member.name()).or_default();
        *count += 1;
        (member.name(), *count - 1)
    })
}

/// Lists members on one side only, then what differs in the others.
pub(super) fn differences(
    published: &Archive<'_>,
    rebuilt: &Archive<'_>,
    pairing: &Pairing,
    depth: &mut Depth,
    buffers: &mut Buffers,
    cancel: &Cancel,
) -> Result<Vec<Difference>, (Side, io::Error)> {
    let mut work = Work {
        depth,
        deflating: DEFLATED_BYTES,
        holding: HELD_BYTES,
        trials: Vec::new(),
        archives: Sides { published, rebuilt },
        cancel,
        buffers,
        budget: Budget::new(),
        changed: Changed::new(),
        has_duplicates: false,
        differences: Vec::new(),
    };
    for paired in &pairing.only_published {
        work.only(Side::Published, paired, Kind::OnlyPublished, |own| Sides {
            published: own,
            rebuilt: None,
        })?;
    }
    for paired in &pairing.only_rebuilt {
        work.only(Side::Rebuilt, paired, Kind::OnlyRebuilt, |own| Sides {
            published: None,
            rebuilt: own,
        })?;
    }
    let mut records = Vec::new();
    for some in pairing.common.chunks(PAIRS_AT_ONCE) {
        let pairs: Vec<_> = some
            .iter()
            .filter_map(|paired| Some((paired.occurrence, work.members(paired.sides)?)))
            .collect();
        let members: Vec<_> = pairs.iter().map(|(_, members)| *members).collect();
        let packed = packing::read(work.archives, &members, cancel);
        for ((occurrence, members), packed) in pairs.into_iter().zip(packed) {
            let index = work.differences.len();
            let contents_differ = work.pair(members, occurrence, packed?)?;
            if contents_differ && is_record(members.published) {
                records.push((index, members));
            }
        }
    }
    work.find_levels()?;
    for (index, members) in records {
        let residue = work.record_residue(members)?;
        if let (Some(residue), Some(difference)) = (residue, work.differences.get_mut(index)) {
            if residue.is_nothing() {
                difference.consequence = Some(Consequence::RecordFollowsMembers);
            } else if let Kind::Contents { detail, .. } = &mut difference.kind {
                *detail = Some(Detail::SameLines {
                    crlf: residue.crlf,
                    order: residue.order,
                });
            }
        }
    }
    Ok(work.differences)
}

/// How many pairs are read before what differs in them is listed.
const PAIRS_AT_ONCE: usize = 4096;

/// The most bytes of contents that are compressed again to find the level, each
/// nine to eighteen times until the first byte that differs.
const DEFLATED_BYTES: u64 = 2 << 20;

/// The most bytes of contents that are held for the explanation.
const HELD_BYTES: u64 = 32 << 20;

/// What was found in contents: changed lines, what differs by their form, and the
/// contents themselves where they are small.
type LookedInto = (ContentDiff, Option<Detail>, Option<Box<Sides<Vec<u8>>>>);

fn is_record(member: &Member) -> bool {
    member.name().as_str().is_some_and(wheel::is_record)
}

/// The comparison while it goes on.
struct Work<'a> {
    depth: &'a mut Depth,
    /// How many bytes may still be compressed to find levels.
    deflating: u64,
    /// How many bytes of contents may still be held.
    holding: u64,
    /// The members whose levels are to be found, with the place of their difference.
    trials: Vec<(usize, Trial<'a>)>,
    archives: Sides<&'a Archive<'a>>,
    cancel: &'a Cancel,
    buffers: &'a mut Buffers,
    budget: Budget,
    /// The members RECORD may follow; RECORD itself is not among them.
    changed: Changed<'a>,
    /// Rows of RECORD tell no duplicates apart, so then nothing follows.
    has_duplicates: bool,
    differences: Vec<Difference>,
}

impl<'a> Work<'a> {
    fn members(&self, indexes: Sides<usize>) -> Option<Sides<&'a Member>> {
        Some(Sides {
            published: self.archives.published.members().get(indexes.published)?,
            rebuilt: self.archives.rebuilt.members().get(indexes.rebuilt)?,
        })
    }

    /// Notes a member that differs, for RECORD.
    fn note(&mut self, member: &'a Member, sides: Sides<Option<Digested>>) {
        if !is_record(member) {
            let before = self.changed.insert(member.name().as_bytes(), sides);
            self.has_duplicates |= before.is_some();
        }
    }

    /// Adds a member that one side does not have.
    fn only(
        &mut self,
        side: Side,
        paired: &Paired<usize>,
        kind: fn(Contents) -> Kind,
        sides: fn(Option<Digested>) -> Sides<Option<Digested>>,
    ) -> Result<(), (Side, io::Error)> {
        let Some(member) = side.of(&self.archives).members().get(paired.sides) else {
            return Ok(());
        };
        let archive = *side.of(&self.archives);
        let contents = packing::contents(archive, member, self.buffers, self.cancel)
            .map_err(|error| (side, error))?;
        if let Contents::Read(digested) = contents {
            self.note(member, sides(Some(digested)));
        }
        let difference = Difference::of_member(member.name(), paired.occurrence, kind(contents));
        self.differences.push(difference);
        Ok(())
    }

    /// Compares one member; tells whether the contents are known to differ. That
    /// difference is then the first one added.
    fn pair(
        &mut self,
        members: Sides<&'a Member>,
        occurrence: u64,
        packed: Packed,
    ) -> Result<bool, (Side, io::Error)> {
        let (mut kinds, contents_differ) = self.packed(members, packed)?;
        kinds.extend(headers(members, contents_differ));
        let name = members.published.name();
        self.differences.extend(
            kinds
                .into_iter()
                .map(|kind| Difference::of_member(name, occurrence, kind)),
        );
        Ok(contents_differ)
    }

    /// Lists what differs in contents and packing.
    fn packed(
        &mut self,
        members: Sides<&'a Member>,
        packed: Packed,
    ) -> Result<(Vec<Kind>, bool), (Side, io::Error)> {
        let differing = match packed {
            Packed::Same => return Ok((Vec::new(), false)),
            Packed::SameContents => None,
            Packed::Read(sides) => Some(sides),
            Packed::Unreadable(sides) => return Ok((vec![Kind::UnreadableMember(sides)], false)),
        };
        let compressed = members.map(|member| Compressed {
            method: member.central().method,
            size: member.central().compressed_size,
            zlib_levels: None,
        });
        let mut kinds = Vec::new();
        let contents_differ = differing.is_some();
        if let Some(sides) = differing {
            self.note(members.published, sides.map(Some));
            let (diff, detail, held) = self.look_into(members, sides)?;
            kinds.push(Kind::Contents {
                sides,
                diff,
                detail,
                held,
            });
        }
        if !contents_differ || compressed.published.method != compressed.rebuilt.method {
            let place = self.differences.len() + kinds.len();
            self.try_levels(place, members, contents_differ);
            kinds.push(Kind::Compression(compressed));
        }
        Ok((kinds, contents_differ))
    }

    /// Notes that the levels of zlib are to be found that give the packed bytes of
    /// members, as long as the members noted so far are not too many: they all come
    /// from one writer.
    fn try_levels(&mut self, place: usize, members: Sides<&'a Member>, contents_differ: bool) {
        let mut wanted = |member: &'a Member| {
            let cost = member.central().uncompressed_size.saturating_add(4096);
            let is_wanted = member.central().method == Method::DEFLATE && cost <= self.deflating;
            self.deflating -= if is_wanted { cost } else { 0 };
            is_wanted.then_some(member)
        };
        let streams = members.map(&mut wanted);
        let trials = match contents_differ {
            // Contents that are the same are compressed once for both.
            false => vec![streams],
            true => vec![
                Sides {
                    rebuilt: None,
                    ..streams
                },
                Sides {
                    published: None,
                    ..streams
                },
            ],
        };
        self.trials.extend(
            trials
                .into_iter()
                .filter_map(|streams| Some((place, Trial::new(streams)?))),
        );
    }

    /// Finds the levels of what was noted.
    fn find_levels(&mut self) -> Result<(), (Side, io::Error)> {
        let (places, trials): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.trials).into_iter().unzip();
        let found = packing::zlib_levels(self.archives, &trials, self.cancel)?;
        for (place, levels) in places.into_iter().zip(found) {
            if let Some(Kind::Compression(sides)) = self
                .differences
                .get_mut(place)
                .map(|difference| &mut difference.kind)
            {
                for (side, found) in [
                    (&mut sides.published, levels.published),
                    (&mut sides.rebuilt, levels.rebuilt),
                ] {
                    if found.is_some() {
                        side.zlib_levels = found;
                    }
                }
            }
        }
        Ok(())
    }

    /// Compares contents that are known to differ: as texts when they are small,
    /// and by their form.
    fn look_into(
        &mut self,
        members: Sides<&'a Member>,
        sides: Sides<Digested>,
    ) -> Result<LookedInto, (Side, io::Error)> {
        let mut diff = ContentDiff::TooLarge;
        let mut held = None;
        if sides.published.size.max(sides.rebuilt.size) <= text::MEMBER_BYTES
            && let Some(both) = self.both(members, text::MEMBER_BYTES)?
        {
            diff = self.budget.diff(&both.published, &both.rebuilt);
            let name = members.published.name().to_string();
            let detail = forms::detail(&name, &both.published, &both.rebuilt);
            let cost = sides.published.size.saturating_add(sides.rebuilt.size);
            if cost <= self.holding {
                self.holding -= cost;
                held = Some(Box::new(both));
            }
            if detail.is_some() || matches!(diff, ContentDiff::Text { .. }) {
                return Ok((diff, detail, held));
            }
        }
        let detail = detail::of_large(
            self.archives,
            members,
            self.depth,
            self.buffers,
            self.cancel,
        )?;
        Ok((diff, detail, held))
    }

    /// Returns the contents of both members when they can be read and have at
    /// most `limit` bytes.
    fn both(
        &self,
        members: Sides<&'a Member>,
        limit: u64,
    ) -> Result<Option<Sides<Vec<u8>>>, (Side, io::Error)> {
        let read = |side: Side| {
            let (archive, member) = (*side.of(&self.archives), *side.of(&members));
            split(archive.contents(member, limit)).map_err(|error| (side, error))
        };
        Ok(match (read(Side::Published)?, read(Side::Rebuilt)?) {
            (Ok(published), Ok(rebuilt)) => Some(Sides { published, rebuilt }),
            _ => None,
        })
    }

    fn record_residue(
        &self,
        members: Sides<&'a Member>,
    ) -> Result<Option<Residue>, (Side, io::Error)> {
        if self.has_duplicates {
            return Ok(None);
        }
        let both = self.both(members, record::MEMBER_BYTES)?;
        Ok(both.and_then(|both| record::residue(&both.published, &both.rebuilt, &self.changed)))
    }
}

/// Returns the fields of a member's headers that a writer gives all members alike, each
/// as it is compared.
pub(super) fn of_writer(member: &Member) -> [(HeaderField, String); 8] {
    let central = member.central();
    let attributes = match central.unix_mode() {
        Some(_) => hexadecimal(central.external_attributes & 0xffff, 4),
        None => hexadecimal(central.external_attributes, 8),
    };
    use HeaderField as Field;
    [
        (Field::CreatorSystem, system(central.creator_system())),
        (
            Field::CreatorVersion,
            version(central.creator_version().into()),
        ),
        (Field::VersionNeeded, version(central.version_needed)),
        (Field::Flags, hexadecimal(central.flags.into(), 4)),
        (
            Field::InternalAttributes,
            hexadecimal(central.internal_attributes.into(), 4),
        ),
        (Field::ExternalAttributes, attributes),
        (Field::Extra, dump(&central.extra)),
        (
            Field::DataDescriptor,
            member
                .descriptor()
                .map_or("none", DescriptorForm::as_str)
                .to_owned(),
        ),
    ]
}

/// Compares everything in the two headers of a member that is not its packing.
fn headers(members: Sides<&Member>, contents_differ: bool) -> Vec<Kind> {
    let mut kinds = Vec::new();
    let central = members.map(Member::central);
    let time = central.map(|header| header.time);
    if time.published != time.rebuilt {
        kinds.push(Kind::Time(time));
    }
    let mode = central.map(|header| header.unix_mode());
    let attributes = central.map(|header| header.external_attributes);
    // The high half is the mode where both come from Unix, and shown as such.
    let attributes = match (mode.published, mode.rebuilt) {
        (Some(published), Some(rebuilt)) => {
            if published != rebuilt {
                kinds.push(Kind::Mode(Sides {
                    published: UnixMode(published),
                    rebuilt: UnixMode(rebuilt),
                }));
            }
            attributes.map(|value| hexadecimal(value & 0xffff, 4))
        }
        _ => attributes.map(|value| hexadecimal(value, 8)),
    };
    let mut fields = Fields(kinds);
    use HeaderField as Field;
    fields.central(
        Field::CreatorSystem,
        central.map(|h| system(h.creator_system())),
    );
    fields.central(
        Field::CreatorVersion,
        central.map(|h| version(h.creator_version().into())),
    );
    fields.central(
        Field::VersionNeeded,
        central.map(|h| version(h.version_needed)),
    );
    fields.central(
        Field::Flags,
        central.map(|h| hexadecimal(h.flags.into(), 4)),
    );
    if !contents_differ {
        fields.central(Field::Crc32, central.map(|h| hexadecimal(h.crc32, 8)));
        fields.central(
            Field::UncompressedSize,
            central.map(|h| h.uncompressed_size.to_string()),
        );
    }
    fields.central(Field::Disk, central.map(|h| h.disk.to_string()));
    fields.central(
        Field::InternalAttributes,
        central.map(|h| hexadecimal(h.internal_attributes.into(), 4)),
    );
    fields.central(Field::ExternalAttributes, attributes);
    if central.published.extra != central.rebuilt.extra {
        fields.push(Field::Extra, central.map(|h| dump(&h.extra)));
    }
    fields.central(Field::Comment, central.map(|h| h.comment.to_string()));
    fields.central(
        Field::DataDescriptor,
        members.map(|member| {
            member
                .descriptor()
                .map_or("none", DescriptorForm::as_str)
                .to_owned()
        }),
    );
    fields.local(
        Field::LocalName,
        members,
        |m| &m.local().name,
        |m| m.local().name == *m.name(),
    );
    fields.local(
        Field::LocalVersionNeeded,
        members,
        |m| version(m.local().version_needed),
        |m| m.local().version_needed == m.central().version_needed,
    );
    fields.local(
        Field::LocalFlags,
        members,
        |m| hexadecimal(m.local().flags.into(), 4),
        |m| m.local().flags == m.central().flags,
    );
    fields.local(
        Field::LocalMethod,
        members,
        |m| m.local().method,
        |m| m.local().method == m.central().method,
    );
    fields.local(
        Field::LocalTime,
        members,
        |m| m.local().time,
        |m| m.local().time == m.central().time,
    );
    fields.local(
        Field::LocalCrc32,
        members,
        |m| hexadecimal(m.local().crc32, 8),
        |m| is_usual(m, m.local().crc32.into(), m.central().crc32.into()),
    );
    fields.local(
        Field::LocalCompressedSize,
        members,
        |m| m.local().compressed_size,
        |m| is_usual(m, m.local().compressed_size, m.central().compressed_size),
    );
    fields.local(
        Field::LocalUncompressedSize,
        members,
        |m| m.local().uncompressed_size,
        |m| {
            is_usual(
                m,
                m.local().uncompressed_size,
                m.central().uncompressed_size,
            )
        },
    );
    if members.published.local().extra != members.rebuilt.local().extra {
        fields.local(
            Field::LocalExtra,
            members,
            |m| dump(&m.local().extra),
            |m| m.local().extra == m.central().extra,
        );
    }
    fields.0
}

/// Returns whether a value of the local header is what writers put there: that
/// of the central directory, or 0 when a data descriptor follows.
fn is_usual(member: &Member, local: u64, central: u64) -> bool {
    local == central || (member.central().has_descriptor() && local == 0)
}

/// The list of differences that fields are added to.
struct Fields(Vec<Kind>);

impl Fields {
    fn push(&mut self, field: HeaderField, sides: Sides<String>) {
        self.0.push(Kind::Header { field, sides });
    }

    fn central(&mut self, field: HeaderField, sides: Sides<String>) {
        if sides.published != sides.rebuilt {
            self.push(field, sides);
        }
    }

    /// Adds a field of the local header, unless both sides have there what goes
    /// without saying: then the difference is that of the central directory.
    fn local<'m, T: PartialEq + Display>(
        &mut self,
        field: HeaderField,
        members: Sides<&'m Member>,
        value: impl Fn(&'m Member) -> T,
        is_usual: impl Fn(&'m Member) -> bool,
    ) {
        let values = members.map(value);
        if values.published != values.rebuilt
            && !(is_usual(members.published) && is_usual(members.rebuilt))
        {
            self.push(field, values.map(|value| value.to_string()));
        }
    }
}

/// Names a system (APPNOTE 4.4.2.2).
fn system(number: u8) -> String {
    match number {
        0 => "MS-DOS".to_owned(),
        3 => "Unix".to_owned(),
        10 => "Windows NTFS".to_owned(),
        19 => "macOS".to_owned(),
        other => format!("system {other}"),
    }
}

/// Writes a version of the specification (APPNOTE 4.4.2.3), 20 as `2.0`.
fn version(number: u16) -> String {
    format!("{}.{}", number / 10, number % 10)
}

fn hexadecimal(number: u32, digits: usize) -> String {
    format!("0x{number:0digits$x}")
}

/// Writes bytes in hexadecimal; of long ones the start, the size and the digest.
fn dump(bytes: &[u8]) -> String {
    const SHOWN: usize = 64;
    if bytes.is_empty() {
        return "none".to_owned();
    }
    let digits: String = bytes
        .iter()
        .take(SHOWN)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if bytes.len() <= SHOWN {
        return digits;
    }
    let sha256 = Sha256Digest::of(bytes);
    format!("{digits}…, {} bytes, SHA-256 {sha256}", bytes.len())
}
