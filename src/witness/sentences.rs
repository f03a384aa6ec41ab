//! Edits in words, for people and for reports.

use serde_json::Value;

use super::{Descriptor, Edit, LocalSizes, Strategy, Witness, WitnessError};
use crate::count::counted;
use crate::digest::Sha256Digest;

/// How many names a sentence spells out.
const NAMES: usize = 3;

impl Edit {
    /// Returns the members that an edit sets one value of.
    pub(super) fn members_mut(&mut self) -> Option<&mut Vec<String>> {
        match self {
            Self::SetTime { members, .. }
            | Self::SetMode { members, .. }
            | Self::SetDosAttributes { members, .. }
            | Self::SetInternalAttributes { members, .. }
            | Self::SetCreator { members, .. }
            | Self::SetVersionNeeded { members, .. }
            | Self::SetFlags { members, .. }
            | Self::SetLocalSizes { members, .. }
            | Self::SetDescriptor { members, .. }
            | Self::SetLocalExtra { members, .. }
            | Self::SetCentralExtra { members, .. }
            | Self::SetComment { members, .. }
            | Self::Store { members }
            | Self::Deflate { members, .. } => Some(members),
            Self::SetOrder { .. }
            | Self::SetCompressedStream { .. }
            | Self::SetPrefix { .. }
            | Self::SetArchiveComment { .. } => None,
        }
    }
}

impl Witness {
    /// Returns the edits in words, one sentence each, the streams that were taken
    /// from the published wheel in one. Names stand in them as they are and may hold
    /// anything; who prints a sentence escapes it.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences: Vec<String> = self.edits.iter().filter_map(sentence).collect();
        let streams: Vec<&str> = self
            .edits
            .iter()
            .filter_map(|edit| match edit {
                Edit::SetCompressedStream { member, .. } => Some(member.as_str()),
                _ => None,
            })
            .collect();
        if !streams.is_empty() {
            let bytes = counted(self.taken_bytes(), "byte", "bytes");
            sentences.push(format!(
                "compressed data of {} taken from the published wheel, {bytes} that \
                 unpack to the same contents: no setting of zlib gives them",
                of(&streams)
            ));
        }
        sentences
    }

    /// Returns the edits as JSON for a report: as in the witness, but a stream only by
    /// its size and digest.
    ///
    /// # Errors
    ///
    /// None in practice: every value has a form in JSON.
    pub fn reported(&self) -> Result<Vec<Value>, WitnessError> {
        self.edits
            .iter()
            .map(|edit| match edit {
                Edit::SetCompressedStream { member, stream } => Ok(serde_json::json!({
                    "edit": "set-compressed-stream",
                    "member": member,
                    "size": stream.0.len(),
                    "sha256": Sha256Digest::of(&stream.0),
                })),
                other => serde_json::to_value(other)
                    .map_err(|error| WitnessError::NotAWitness(error.to_string())),
            })
            .collect()
    }
}

/// Returns an edit in words; none for a stream, which is told with its like.
fn sentence(edit: &Edit) -> Option<String> {
    let set = |what: &str, members: &[String], value: String| {
        format!("{what} of {} set to {value}", of(members))
    };
    let bytes = |count: usize| match count {
        1 => "1 byte".to_owned(),
        count => format!("{count} bytes"),
    };
    Some(match edit {
        Edit::SetOrder { directory, data } => {
            let apart = match data {
                Some(_) => ", the data in another order than the directory",
                None => "",
            };
            let members = counted(directory.len() as u64, "member", "members");
            format!("order of {members} set{apart}")
        }
        Edit::SetTime { time, members } => set("time", members, time.to_string()),
        Edit::SetMode { mode, members } => set("mode", members, mode.to_string()),
        Edit::SetDosAttributes { value, members } => {
            set("MS-DOS attributes", members, format!("{value:#06x}"))
        }
        Edit::SetInternalAttributes { value, members } => {
            set("internal attributes", members, format!("{value:#06x}"))
        }
        Edit::SetCreator {
            system,
            version,
            members,
        } => {
            let system = match system {
                0 => "Windows".to_owned(),
                3 => "Unix".to_owned(),
                other => format!("system {other}"),
            };
            let value = format!("{system}, version {}.{}", version / 10, version % 10);
            set("creator", members, value)
        }
        Edit::SetVersionNeeded { value, members } => {
            let value = format!("{}.{}", value / 10, value % 10);
            set("version needed", members, value)
        }
        Edit::SetFlags { value, members } => set("flags", members, format!("{value:#06x}")),
        Edit::SetLocalSizes { form, members } => {
            let form = match form {
                LocalSizes::Stated => "stated",
                LocalSizes::Deferred => "zero",
                LocalSizes::Zip64 => "left to ZIP64",
                LocalSizes::Zip64Deferred => "zero and left to ZIP64",
            };
            set("sizes in the local header", members, form.to_owned())
        }
        Edit::SetDescriptor { form, members } => {
            let form = match form {
                Descriptor::None => "none",
                Descriptor::Signed32 => "one with signature and 32-bit sizes",
                Descriptor::Signed64 => "one with signature and 64-bit sizes",
                Descriptor::Bare32 => "one with 32-bit sizes and no signature",
                Descriptor::Bare64 => "one with 64-bit sizes and no signature",
            };
            set("data descriptor", members, form.to_owned())
        }
        Edit::SetLocalExtra {
            bytes: hex,
            members,
        } => set(
            "extra fields in the local header",
            members,
            bytes(hex.0.len()),
        ),
        Edit::SetCentralExtra {
            bytes: hex,
            members,
        } => set("extra fields", members, bytes(hex.0.len())),
        Edit::SetComment {
            bytes: hex,
            members,
        } => set("comment", members, bytes(hex.0.len())),
        Edit::Store { members } => format!("{} stored without compression", of(members)),
        Edit::Deflate {
            level,
            strategy,
            memory_level,
            members,
        } => {
            let strategy = match strategy {
                Strategy::Default => "",
                Strategy::Filtered => ", strategy filtered",
                Strategy::HuffmanOnly => ", strategy Huffman only",
                Strategy::Rle => ", strategy run lengths",
                Strategy::Fixed => ", strategy fixed codes",
            };
            let memory = match memory_level {
                8 => String::new(),
                other => format!(", memory level {other}"),
            };
            let members = of(members);
            format!("{members} compressed again by zlib at level {level}{strategy}{memory}")
        }
        Edit::SetCompressedStream { .. } => return None,
        Edit::SetPrefix { bytes: hex } => {
            format!(
                "bytes before the first record set to {}",
                bytes(hex.0.len())
            )
        }
        Edit::SetArchiveComment { bytes: hex } => {
            format!("comment of the archive set to {}", bytes(hex.0.len()))
        }
    })
}

/// Returns members in words: their names while they are few, else their number and
/// the first names.
fn of(members: &[impl AsRef<str>]) -> String {
    let names = |count: usize| {
        let names: Vec<&str> = members.iter().take(count).map(AsRef::as_ref).collect();
        names.join(", ")
    };
    match members.len() {
        count if count <= NAMES => names(count),
        count => format!("{count} members ({}, …)", names(NAMES - 1)),
    }
}
