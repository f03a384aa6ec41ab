//! Whether one side of a piece follows from the other.
//!
//! In: a piece that a cause has claimed, the derivations that this cause declares, and
//! facts about both wheels as a whole. Out: yes or no. A derivation is a function without
//! surroundings: it is handed one side of the piece and the facts, never the other side,
//! and what it yields is compared here, byte for byte. So a cause cannot claim what it
//! does not yield.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use pep440_rs::Version;

use super::case::{Item, Piece};
use super::clock::seconds;
use super::generator::Generator;
use crate::backends::{self, Range};
use crate::compare::{Compressed, Contents, HeaderField, Hunk, Kind, LineSide, Sides, WheelFacts};
use crate::digest::Sha256Digest;
use crate::sdist::SourceFiles;

/// Which of two wheels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Published,
    Rebuilt,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Published => Self::Rebuilt,
            Self::Rebuilt => Self::Published,
        }
    }

    pub(super) fn of<T>(self, sides: &Sides<T>) -> &T {
        match self {
            Self::Published => &sides.published,
            Self::Rebuilt => &sides.rebuilt,
        }
    }
}

/// What is known of the build of the rebuilt wheel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildFacts {
    /// The tools by project, each with its version.
    pub tools: BTreeMap<String, String>,
    /// SOURCE_DATE_EPOCH.
    pub epoch: Option<i64>,
    /// What was set in the environment.
    pub environment: BTreeMap<String, String>,
}

/// One side of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// The member is not there.
    Absent,
    /// A member's contents.
    Digest(Sha256Digest),
    /// The values of a field that only this side has, sorted.
    Values(Vec<String>),
    /// Changed lines with those around them, each with its end.
    Lines(Vec<String>),
    /// All contents.
    Bytes(Vec<u8>),
    /// A mode with the type of file.
    Mode(u16),
    /// A time, in seconds since 1970 as if the archive had UTC.
    Time(i64),
    /// Another field of the headers.
    Header(String),
    /// A number of line feeds.
    Count(u64),
    /// How equal contents are packed: the levels of zlib that give these bytes.
    Packed(Option<Vec<u8>>),
    /// An order of things that are the same on both sides; the comparison has seen to that.
    Order,
}

/// Which side of which piece is to be derived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) side: Side,
    pub(super) member: &'a str,
    /// The name of the field, of a field in METADATA and its like.
    field: Option<&'a str>,
    /// Which field, of the headers of a member.
    pub(super) header: Option<HeaderField>,
}

impl Target<'_> {
    /// Returns the last part of the member's name.
    pub(super) fn file(&self) -> &str {
        self.member.rsplit('/').next().unwrap_or(self.member)
    }

    /// Returns whether the piece is no single field.
    pub(super) fn has_no_field(&self) -> bool {
        self.field.is_none()
    }

    /// Returns whether the piece is a field of this name.
    pub(super) fn is_field(&self, name: &str) -> bool {
        self.field.is_some_and(|own| own.eq_ignore_ascii_case(name))
    }
}

/// How a piece follows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Derivation {
    /// From the other side and the facts: what this side then is. Several values where the
    /// facts leave a choice; each of them is one that a build gives.
    Yields(fn(&Known<'_>, &Target<'_>, &Value) -> Vec<Value>),
    /// Both sides are the same when what the cause decides is taken out of each; nothing
    /// when it cannot be taken out.
    Same(fn(&Known<'_>, &Target<'_>, Value) -> Option<Value>),
}

impl Derivation {
    /// Returns whether the piece follows, each side from the other.
    pub(super) fn holds(self, known: &Known<'_>, item: &Item<'_>) -> bool {
        let (Some(published), Some(rebuilt)) = (
            value_of(known, item, Side::Published),
            value_of(known, item, Side::Rebuilt),
        ) else {
            return false;
        };
        let target = |side| Target {
            side,
            member: &item.member,
            field: match item.piece {
                Piece::Field(field) => Some(field.field.as_str()),
                _ => None,
            },
            header: match item.piece {
                Piece::Whole(Kind::Header { field, .. }) => Some(*field),
                _ => None,
            },
        };
        match self {
            Self::Yields(derive) => {
                derive(known, &target(Side::Published), &rebuilt).contains(&published)
                    && derive(known, &target(Side::Rebuilt), &published).contains(&rebuilt)
            }
            Self::Same(reduce) => {
                let published = reduce(known, &target(Side::Published), published);
                published.is_some() && published == reduce(known, &target(Side::Rebuilt), rebuilt)
            }
        }
    }
}

/// Facts of two wheels as a whole. No piece is among them.
pub(super) struct Known<'a> {
    pub(super) source: Option<&'a SourceFiles>,
    build: Option<&'a BuildFacts>,
    pub(super) wheels: &'a Sides<WheelFacts>,
    /// The names of the members.
    pub(super) names: Sides<BTreeSet<String>>,
    /// The members that one side alone has.
    pub(super) only: Sides<BTreeMap<String, Sha256Digest>>,
    features: Sides<BTreeMap<&'static str, String>>,
}

impl<'a> Known<'a> {
    pub(super) fn new(
        items: &[Item<'_>],
        wheels: &'a Sides<WheelFacts>,
        source: Option<&'a SourceFiles>,
        build: Option<&'a BuildFacts>,
    ) -> Self {
        let mut only = Sides::<BTreeMap<String, Sha256Digest>>::default();
        for item in items {
            match item.piece {
                Piece::Whole(Kind::OnlyPublished(Contents::Read(found))) => {
                    only.published.insert(item.member.clone(), found.sha256);
                }
                Piece::Whole(Kind::OnlyRebuilt(Contents::Read(found))) => {
                    only.rebuilt.insert(item.member.clone(), found.sha256);
                }
                _ => {}
            }
        }
        let names = wheels.as_ref().map(|wheel| {
            let places = wheel.layout.members.iter();
            places.map(|place| place.name.to_string()).collect()
        });
        let features = wheels.as_ref().map(features);
        Self {
            source,
            build,
            wheels,
            names,
            only,
            features,
        }
    }

    /// Returns the SOURCE_DATE_EPOCH of the rebuild, where it is known.
    pub(super) fn epoch(&self) -> Option<i64> {
        self.build.and_then(|build| build.epoch)
    }

    /// Returns whether the sdist has a file of this name that may be run.
    fn may_run(&self, member: &str) -> bool {
        self.source.is_some_and(|source| {
            let mut files = source.candidates(member);
            files.any(|(_, file)| file.mode & 0o111 != 0)
        })
    }

    /// Returns what a side's tools write for a feature of the table: one value where the
    /// version is known, else those of the versions that write everything else so.
    pub(super) fn writes(&self, side: Side, feature: &str) -> Vec<&'static str> {
        let wheel = side.of(self.wheels);
        let Some(generator) = wheel.generator.as_deref().map(Generator::parse) else {
            return Vec::new();
        };
        let mut values = Vec::new();
        for tool in generator.tools() {
            for range in backends::ranges(tool, feature) {
                if self.may_be(side, &generator, tool, range, feature) {
                    values.push(range.value.as_str());
                }
            }
        }
        values
    }

    /// Returns whether a version of a tool writes everything else that a side shows.
    pub(super) fn may_write(&self, side: Side, tool: &str, version: &Version) -> bool {
        let features = side.of(&self.features).iter();
        features
            .filter(|(feature, _)| **feature != "generator")
            .all(|(feature, value)| {
                let ranges = backends::ranges(tool, feature);
                if !ranges.iter().any(|range| range.value == *value) {
                    return true;
                }
                ranges.iter().any(|range| {
                    let span = self::version(&range.first).zip(self::version(&range.last));
                    range.value == *value
                        && span.is_some_and(|(first, last)| first <= *version && *version <= last)
                })
            })
    }

    /// Returns whether a side's tool may be of these versions.
    fn may_be(
        &self,
        side: Side,
        generator: &Generator,
        tool: &str,
        range: &Range,
        but: &str,
    ) -> bool {
        let stated = match side {
            Side::Rebuilt => self.build.and_then(|build| build.tools.get(tool)).cloned(),
            Side::Published => None,
        };
        let stated = stated.or_else(|| {
            let own = generator.project() == Some(tool);
            generator.version.clone().filter(|_| own)
        });
        let of = |range: &Range| Some((version(&range.first)?, version(&range.last)?));
        let Some(mut spans) = of(range).map(|span| vec![span]) else {
            return false;
        };
        if let Some(stated) = stated.as_deref().and_then(version) {
            return spans
                .iter()
                .any(|(first, last)| *first <= stated && stated <= *last);
        }
        let features = side.of(&self.features);
        for (feature, value) in features.iter().filter(|(feature, _)| **feature != but) {
            let others = backends::ranges(tool, feature);
            // What the tool does not decide says nothing of its version.
            if !others.iter().any(|other| other.value == *value) {
                continue;
            }
            let others: Vec<(Version, Version)> = others
                .iter()
                .filter(|other| other.value == *value)
                .filter_map(of)
                .collect();
            spans = intersection(&spans, &others);
        }
        !spans.is_empty()
    }
}

pub(super) fn version(text: &str) -> Option<Version> {
    text.parse().ok()
}

fn intersection(
    ours: &[(Version, Version)],
    others: &[(Version, Version)],
) -> Vec<(Version, Version)> {
    let mut both = Vec::new();
    for (first, last) in ours {
        for (other_first, other_last) in others {
            let start = Ord::max(first, other_first);
            let end = Ord::min(last, other_last);
            if start <= end {
                both.push((start.clone(), end.clone()));
            }
        }
    }
    both
}

/// Reads the features of the table that a wheel shows as a whole.
fn features(wheel: &WheelFacts) -> BTreeMap<&'static str, String> {
    let presence = |there: bool| String::from(if there { "written" } else { "absent" });
    let mut features = BTreeMap::new();
    if let Some(version) = &wheel.metadata_version {
        features.insert("metadata-version", version.clone());
    }
    let has_licences = !licence_names(wheel).is_empty();
    if has_licences {
        let written = wheel.all("License-File").next().is_some();
        features.insert("license-file-field", presence(written));
        let places = wheel.layout.members.iter();
        let moved = places
            .map(|place| place.name.to_string())
            .any(|name| name.contains(".dist-info/licenses/"));
        let at = if moved { "licenses/" } else { "dist-info" };
        features.insert("license-files-at", at.to_owned());
    }
    if wheel.all("Dynamic").next().is_some() {
        features.insert("dynamic-field", presence(true));
    }
    if wheel.all("Platform").any(|value| value == "UNKNOWN") {
        features.insert("platform-unknown", presence(true));
    }
    if wheel
        .generator
        .as_deref()
        .is_some_and(|text| text.starts_with("bdist_wheel"))
    {
        features.insert("generator", "bdist_wheel (0.37.1)".to_owned());
    }
    features
}

/// The files that tools write into `.dist-info` themselves.
const DESCRIBING: [&str; 17] = [
    "METADATA",
    "WHEEL",
    "RECORD",
    "entry_points.txt",
    "top_level.txt",
    "zip-safe",
    "metadata.json",
    "namespace_packages.txt",
    "dependency_links.txt",
    "DESCRIPTION.rst",
    "RECORD.jws",
    "RECORD.p7s",
    "INSTALLER",
    "REQUESTED",
    "direct_url.json",
    "eager_resources.txt",
    "pbr.json",
];

/// Returns the licence files of a wheel as METADATA names them.
pub(super) fn licence_names(wheel: &WheelFacts) -> Vec<String> {
    let names = wheel.layout.members.iter().filter_map(|place| {
        let name = place.name.to_string();
        let (top, below) = name.split_once('/')?;
        let below = below.strip_prefix("licenses/").unwrap_or(below);
        let is_licence = top.ends_with(".dist-info")
            && !below.is_empty()
            && !below.ends_with('/')
            && !below.starts_with("sboms/")
            && !DESCRIBING.contains(&below);
        is_licence.then(|| below.to_owned())
    });
    names.collect()
}

/// Returns one side of a piece; nothing where it is not known to the last byte.
fn value_of(known: &Known<'_>, item: &Item<'_>, side: Side) -> Option<Value> {
    // Of archives inside members not everything is compared.
    if item.is_nested() {
        return None;
    }
    let one = |published: bool| published == (side == Side::Published);
    // The headers of a member that one side alone has are compared with nothing.
    let is_unusual = || {
        let wheels = known.wheels;
        [&wheels.published, &wheels.rebuilt].iter().any(|wheel| {
            let runs = wheel.executable.contains(&item.member);
            wheel.unusual.contains(&item.member) || runs && !known.may_run(&item.member)
        })
    };
    let contents = |contents: &Contents, is_here: bool| match (is_here, contents) {
        _ if is_unusual() => None,
        (false, _) => Some(Value::Absent),
        (true, Contents::Read(found)) => Some(Value::Digest(found.sha256)),
        (true, Contents::Unreadable { .. }) => None,
    };
    let packed = |packed: &Compressed| Value::Packed(packed.zlib_levels.clone());
    Some(match item.piece {
        Piece::Whole(kind) => match kind {
            Kind::OnlyPublished(found) => return contents(found, one(true)),
            Kind::OnlyRebuilt(found) => return contents(found, one(false)),
            Kind::Time(times) => Value::Time(seconds(*side.of(times))?),
            Kind::Mode(modes) => Value::Mode(side.of(modes).0),
            Kind::Header { sides, .. } => Value::Header(side.of(sides).clone()),
            Kind::Compression(sides) if sides.published.method == sides.rebuilt.method => {
                packed(side.of(sides))
            }
            Kind::Compression(_) | Kind::MemberOrder { .. } => Value::Order,
            _ => return None,
        },
        Piece::Field(field) => {
            item.held?;
            let mut values = match side {
                Side::Published => field.published.clone(),
                Side::Rebuilt => field.rebuilt.clone(),
            };
            values.sort();
            Value::Values(values)
        }
        Piece::FieldOrder => {
            item.held?;
            let fields = &side.of(known.wheels).fields;
            let is_own = item.is_described() && item.file() == "METADATA";
            let names = fields.iter().map(|(name, _)| name.clone());
            is_own.then(|| Value::Values(names.collect()))?
        }
        Piece::FinalLineFeeds(ends) => item.held.map(|_| Value::Count(*side.of(&ends)))?,
        // RECORD was followed row by row.
        Piece::LineOrder if item.is_record() => Value::Order,
        Piece::LineEnds(_) if item.is_record() => {
            let bytes = side.of(item.held?);
            is_uniform(bytes).then_some(Value::Order)?
        }
        Piece::LineEnds(_) | Piece::LineOrder | Piece::Document(_) | Piece::Bytecode(_) => {
            Value::Bytes(side.of(item.held?).clone())
        }
        Piece::Lines(hunk) => Value::Lines(lines_of(hunk, side)?),
        Piece::Body
        | Piece::Spelling
        | Piece::Opaque(_)
        | Piece::MoreLines(_)
        | Piece::Damaged(_)
        | Piece::Elf(_) => return None,
    })
}

/// Returns the lines of one side; nothing where one was cut.
fn lines_of(hunk: &Hunk, side: Side) -> Option<Vec<String>> {
    let is_own = |line: LineSide| match line {
        LineSide::Both => true,
        LineSide::Published => side == Side::Published,
        LineSide::Rebuilt => side == Side::Rebuilt,
    };
    if hunk.lines.iter().any(|line| line.cut) {
        return None;
    }
    let own = hunk.lines.iter().filter(|line| is_own(line.side));
    let text = own.map(|line| match line.no_line_feed {
        true => line.text.clone(),
        false => format!("{}\n", line.text),
    });
    Some(text.collect())
}

/// Returns whether all lines of a text end the same way.
pub(super) fn is_uniform(bytes: &[u8]) -> bool {
    let mut ends = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.ends_with(b"\n"))
        .map(|line| line.ends_with(b"\r\n"));
    let Some(first) = ends.next() else {
        return !bytes.contains(&b'\r');
    };
    let inside = bytes
        .split(|byte| *byte == b'\n')
        .any(|line| line.strip_suffix(b"\r").unwrap_or(line).contains(&b'\r'));
    ends.all(|end| end == first) && !inside
}
