//! What a wheel says of itself and how its archive looks as a whole.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;

use super::difference::UnixMode;
use crate::archive::zip::{Archive, DosTime, RawText};
use crate::metadata::{self, Fields};

/// The most distinct times that are kept.
const TIMES: usize = 1_000;

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
                "RECORD" => facts.record_time = Some(time),
                "METADATA" => {
                    facts.metadata_version =
                        fields().all("Metadata-Version").next().map(str::to_owned);
                }
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
}
