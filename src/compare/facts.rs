//! What a wheel says of itself and how its archive looks as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Serialize;

use super::difference::{HeaderField, UnixMode};
use super::members::of_writer;
use crate::archive::zip::{Archive, DosTime, Member, RawText};
use crate::metadata::{self, Fields};

/// The most distinct times that are kept.
const TIMES: usize = 1_000;

/// The most fields of METADATA that are kept.
const FIELDS: usize = 1_000;

/// The most members whose place is kept.
const PLACES: usize = 50_000;

/// Where a member lies in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberPlace {
    /// Its name.
    pub name: RawText,
    /// Which of the members with this name, counted from 1.
    pub occurrence: u64,
    /// Local header, data and data descriptor, in bytes from the start of the file.
    pub extent: Range<u64>,
}

/// Where things lie in an archive. What it says of itself is a claim, and places may
/// overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// The size of the file in bytes.
    pub size: u64,
    /// The members in the order of the directory, up to a limit.
    pub members: Vec<MemberPlace>,
    /// The central directory.
    pub directory: Range<u64>,
}

impl Layout {
    fn read(archive: &Archive<'_>) -> Self {
        let mut seen: BTreeMap<&RawText, u64> = BTreeMap::new();
        let places = archive.members().iter().take(PLACES).map(|member| {
            let occurrence = seen.entry(member.name()).or_default();
            *occurrence += 1;
            MemberPlace {
                name: member.name().clone(),
                occurrence: *occurrence,
                extent: member.extent(),
            }
        });
        let members = places.collect();
        Self {
            size: archive.size(),
            members,
            directory: archive.directory(),
        }
    }
}

/// A wheel as a whole, for explaining why another one differs from it. What it
/// says of itself is a claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WheelFacts {
    /// The file name.
    pub name: String,
    /// How many members it has.
    pub members: u64,
    /// Which tool wrote it, by the field `Generator` of WHEEL.
    pub generator: Option<String>,
    /// The version of its metadata.
    pub metadata_version: Option<String>,
    /// The fields `Tag` of WHEEL.
    pub tags: Vec<String>,
    /// How many members have each time.
    #[serde(skip)]
    pub times: BTreeMap<DosTime, u64>,
    /// Where its members lie.
    #[serde(skip)]
    pub layout: Layout,
    /// The time of RECORD, which is written last.
    #[serde(skip)]
    pub record_time: Option<DosTime>,
    /// The mode of WHEEL, which no source file hands on.
    #[serde(skip)]
    pub wheel_mode: Option<UnixMode>,
    /// The mode of RECORD.
    #[serde(skip)]
    pub record_mode: Option<UnixMode>,
    /// The fields of the headers in which all members but directories are alike.
    #[serde(skip)]
    pub alike: BTreeMap<HeaderField, String>,
    /// The members whose headers say what no builder has them say: a comment, extra fields
    /// of no archiver, a type other than file or directory, more than permissions.
    #[serde(skip)]
    pub unusual: BTreeSet<String>,
    /// The members other than directories that somebody may run.
    #[serde(skip)]
    pub executable: BTreeSet<String>,
    /// The names and values of the fields of METADATA, in their order and up to a limit.
    #[serde(skip)]
    pub fields: Vec<(String, String)>,
    /// How many line feeds end METADATA.
    #[serde(skip)]
    pub final_line_feeds: u64,
}

impl WheelFacts {
    /// Reads what the explanation needs. What is missing or unreadable is left
    /// out: a comparison has said so already.
    pub(super) fn read(name: String, archive: &Archive<'_>) -> Self {
        let mut facts = Self {
            name,
            members: archive.members().len() as u64,
            layout: Layout::read(archive),
            ..Self::default()
        };
        facts.alike = alike(archive);
        let named = |condition: fn(&Member) -> bool| -> BTreeSet<String> {
            let members = archive.members().iter();
            let matching = members.filter(|member| condition(member)).take(PLACES);
            matching.map(|member| member.name().to_string()).collect()
        };
        facts.unusual = named(is_unusual);
        // Extra fields that some members have and others have not are no writer's way.
        let common = facts.alike.get(&HeaderField::Extra).cloned();
        for member in archive.members().iter().take(PLACES) {
            let mut own = of_writer(member).into_iter();
            let extra = own.find(|(field, _)| *field == HeaderField::Extra);
            let has_some = !member.central().extra.is_empty();
            if has_some && extra.map(|(_, value)| value) != common {
                facts.unusual.insert(member.name().to_string());
            }
        }
        facts.executable = named(|member| {
            let mode = member.central().unix_mode().unwrap_or_default();
            mode & 0o111 != 0 && !member.name().as_bytes().ends_with(b"/")
        });
        for member in archive.members() {
            let time = member.central().time;
            if facts.times.len() < TIMES || facts.times.contains_key(&time) {
                *facts.times.entry(time).or_default() += 1;
            }
            let Some((directory, file)) = member.name().as_str().and_then(|n| n.split_once('/'))
            else {
                continue;
            };
            if !directory.ends_with(".dist-info") {
                continue;
            }
            let fields = || {
                let contents = archive.contents(member, metadata::MAX_BYTES);
                Fields::parse(&contents.unwrap_or_default())
            };
            match file {
                "RECORD" => {
                    facts.record_time = Some(time);
                    facts.record_mode = member.central().unix_mode().map(UnixMode);
                }
                "METADATA" => facts.read_metadata(
                    &archive
                        .contents(member, metadata::MAX_BYTES)
                        .unwrap_or_default(),
                ),
                "WHEEL" => {
                    facts.wheel_mode = member.central().unix_mode().map(UnixMode);
                    let fields = fields();
                    facts.generator = fields.all("Generator").next().map(str::to_owned);
                    facts.tags = fields.all("Tag").take(100).map(str::to_owned).collect();
                }
                _ => {}
            }
        }
        facts
    }

    fn read_metadata(&mut self, bytes: &[u8]) {
        let fields = Fields::parse(bytes);
        self.metadata_version = fields.all("Metadata-Version").next().map(str::to_owned);
        self.fields = fields
            .iter()
            .take(FIELDS)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let ends = bytes.iter().rev().filter(|byte| **byte != b'\r');
        self.final_line_feeds = ends.take_while(|byte| **byte == b'\n').count() as u64;
    }

    /// Returns the values of a field of METADATA.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let matching = self
            .fields
            .iter()
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name));
        matching.map(|(_, value)| value.as_str())
    }
}

fn is_unusual(member: &Member) -> bool {
    let central = member.central();
    let has_mode = central.unix_mode().is_some_and(|mode| {
        let is_directory = member.name().as_bytes().ends_with(b"/");
        let usual = if is_directory { 0o040_000 } else { 0o100_000 };
        let is_listed =
            !is_directory || [0o755, 0o775, 0o777, 0o750, 0o700].contains(&(mode & 0o777));
        mode & 0o7000 != 0 || ![0, usual].contains(&(mode & 0o170_000)) || !is_listed
    });
    !central.comment.as_bytes().is_empty()
        || has_mode
        || !is_known_extra(&central.extra)
        || !is_known_extra(&member.local().extra)
}

/// Returns whether extra fields are of programs that write archives (APPNOTE 4.5.2 and
/// 4.6.1): the sizes of ZIP64, times, owners, and the mark of `jar`.
pub fn is_known_extra(extra: &[u8]) -> bool {
    const KNOWN: [u16; 6] = [0x0001, 0x000a, 0x5455, 0x5855, 0x7875, 0xcafe];
    let mut rest = extra;
    while let [a, b, c, d, after @ ..] = rest {
        let size = usize::from(u16::from_le_bytes([*c, *d]));
        if !KNOWN.contains(&u16::from_le_bytes([*a, *b])) || after.len() < size {
            return false;
        }
        rest = after.get(size..).unwrap_or_default();
    }
    rest.is_empty()
}

/// Returns the fields in which all members are alike that are no directories.
fn alike(archive: &Archive<'_>) -> BTreeMap<HeaderField, String> {
    let is_file = |member: &&Member| !member.name().as_bytes().ends_with(b"/");
    let mut files = archive.members().iter().filter(is_file);
    let Some(first) = files.next() else {
        return BTreeMap::new();
    };
    let mut alike: BTreeMap<HeaderField, String> = of_writer(first).into_iter().collect();
    for member in files {
        if alike.is_empty() {
            break;
        }
        for (field, value) in of_writer(member) {
            if alike.get(&field).is_some_and(|known| *known != value) {
                alike.remove(&field);
            }
        }
    }
    alike
}
