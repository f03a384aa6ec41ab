//! What can differ, as values for reports.

use std::fmt;

use serde::{Serialize, Serializer};

use super::bytecode::BytecodeDetail;
use super::fields::FieldsDetail;
use super::objects::ElfDifference;
use super::sides::{Digested, Sides};
use super::text::ContentDiff;
use crate::archive::zip::{DosTime, Method, RawText};
use crate::count::{bytes, thousands};

/// The contents of a member, or why they cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Contents {
    /// They were read to their end.
    Read(Digested),
    /// They were not.
    Unreadable {
        /// Why, as a sentence with names escaped.
        reason: String,
    },
}

impl From<Digested> for Contents {
    fn from(digested: Digested) -> Self {
        Self::Read(digested)
    }
}

/// How a member is packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compressed {
    /// The compression method.
    pub method: Method,
    /// The size of the compressed data in bytes.
    pub size: u64,
    /// The levels at which zlib gives these bytes, beyond the first members only those
    /// that these have in common; empty when none does, absent when that was not tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zlib_levels: Option<Vec<u8>>,
}

/// A Unix mode with the file type in its high bits (POSIX `st_mode`), written in
/// octal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMode(pub u16);

impl UnixMode {
    /// Returns the word for the file type; nothing for none and for unknown ones
    /// (POSIX `S_IFMT`, as in Linux's stat.h).
    fn file_type(self) -> Option<&'static str> {
        Some(match self.0 & 0o170_000 {
            0o100_000 => "file",
            0o040_000 => "directory",
            0o120_000 => "symbolic link",
            0o020_000 | 0o060_000 => "device",
            0o010_000 => "pipe",
            0o140_000 => "socket",
            _ => return None,
        })
    }
}

impl Sides<UnixMode> {
    /// Returns whether both name a type of file, and not the same.
    pub fn is_other_type(self) -> bool {
        let types = self.map(UnixMode::file_type);
        types.published.is_some() && types.rebuilt.is_some() && types.published != types.rebuilt
    }
}

impl fmt::Display for UnixMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:06o}", self.0)
    }
}

impl Serialize for UnixMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where in a wheel a difference is; the order is that of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The archive as a whole.
    Container,
    /// Which members there are.
    Members,
    /// What a member holds or how its header describes it.
    Member,
}

/// Which order of the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The order of the headers in the central directory.
    Directory,
    /// The order of the data in the file.
    Data,
}

/// A field of a member's headers that has no difference of its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeaderField {
    /// The system of the writer (APPNOTE 4.4.2.2).
    CreatorSystem,
    /// The version of the specification the writer knew (4.4.2.3).
    CreatorVersion,
    /// The version needed to extract (4.4.3).
    VersionNeeded,
    /// The general purpose bit flags (4.4.4).
    Flags,
    /// The CRC-32 (4.4.7), where the contents are the same.
    Crc32,
    /// The declared size of the contents (4.4.9), where the contents are the
    /// same.
    UncompressedSize,
    /// The number of the disk (4.4.13).
    Disk,
    /// The internal attributes (4.4.14).
    InternalAttributes,
    /// The external attributes without the Unix mode (4.4.15).
    ExternalAttributes,
    /// The extra fields of the central directory (4.4.28).
    Extra,
    /// The comment (4.4.18).
    Comment,
    /// The form of the data descriptor (4.3.9).
    DataDescriptor,
    /// The name in the local header.
    LocalName,
    /// The version needed in the local header.
    LocalVersionNeeded,
    /// The flags in the local header.
    LocalFlags,
    /// The compression method in the local header.
    LocalMethod,
    /// The time in the local header.
    LocalTime,
    /// The CRC-32 in the local header.
    LocalCrc32,
    /// The compressed size in the local header.
    LocalCompressedSize,
    /// The size of the contents in the local header.
    LocalUncompressedSize,
    /// The extra fields of the local header.
    LocalExtra,
    /// The time in the header of a tar archive inside the wheel (POSIX pax, `mtime`).
    TarTime,
    /// Time, name and system in the header of a file packed with gzip (RFC 1952,
    /// section 2.3).
    GzipHeader,
}

impl HeaderField {
    /// Returns the words for the field.
    pub fn name(self) -> &'static str {
        let message = self.message();
        let name = message.strip_suffix(" differs");
        name.or_else(|| message.strip_suffix(" differ"))
            .unwrap_or(message)
    }

    fn message(self) -> &'static str {
        match self {
            Self::CreatorSystem => "creator system differs",
            Self::CreatorVersion => "creator version differs",
            Self::VersionNeeded => "version needed differs",
            Self::Flags => "flags differ",
            Self::Crc32 => "declared CRC-32 differs",
            Self::UncompressedSize => "declared size differs",
            Self::Disk => "disk number differs",
            Self::InternalAttributes => "internal attributes differ",
            Self::ExternalAttributes => "external attributes differ",
            Self::Extra => "extra fields differ",
            Self::Comment => "comment differs",
            Self::DataDescriptor => "data descriptor differs",
            Self::LocalName => "name in the local header differs",
            Self::LocalVersionNeeded => "version needed in the local header differs",
            Self::LocalFlags => "flags in the local header differ",
            Self::LocalMethod => "compression method in the local header differs",
            Self::LocalTime => "time in the local header differs",
            Self::LocalCrc32 => "CRC-32 in the local header differs",
            Self::LocalCompressedSize => "compressed size in the local header differs",
            Self::LocalUncompressedSize => "size in the local header differs",
            Self::LocalExtra => "extra fields of the local header differ",
            Self::TarTime => "time in the tar header differs",
            Self::GzipHeader => "header of the gzip file differs",
        }
    }
}

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

/// What differs, with the values of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// At least one of the files is not an archive we read, so nothing more can
    /// be said; why, or nothing for a file that is one.
    UnreadableArchive(Sides<Option<String>>),
    /// The comment of the archive (APPNOTE 4.3.16).
    ArchiveComment(Sides<RawText>),
    /// The bytes before the first record.
    Prefix(Sides<Digested>),
    /// The bytes between the records that belong to none, taken together.
    Gaps(Sides<Digested>),
    /// The bytes behind the end record.
    Trailing(Sides<Digested>),
    /// The members that both have are in another order.
    MemberOrder {
        /// Which order.
        order: Order,
        /// Where the orders part, counted from 0 among the common members.
        position: u64,
        /// The members at that position.
        #[serde(flatten)]
        names: Sides<RawText>,
    },
    /// A member that the rebuilt wheel does not have.
    OnlyPublished(Contents),
    /// A member that the published wheel does not have.
    OnlyRebuilt(Contents),
    /// The contents of a member.
    Contents {
        /// Sizes and digests.
        #[serde(flatten)]
        sides: Sides<Digested>,
        /// The changed lines, or why there are none.
        diff: ContentDiff,
        /// What differs in terms of a form we know.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<Detail>,
        /// The contents themselves, of small members up to a limit, for whoever derives
        /// one side from the other. They are no part of a report.
        #[serde(skip)]
        held: Option<Box<Sides<Vec<u8>>>>,
    },
    /// The packed data of a member differs and at least one side cannot be
    /// unpacked.
    UnreadableMember(Sides<Contents>),
    /// The time of last modification.
    Time(Sides<DosTime>),
    /// The Unix mode.
    Mode(Sides<UnixMode>),
    /// Another compression method, or equal contents packed into other bytes.
    Compression(Sides<Compressed>),
    /// Another field of the headers.
    Header {
        /// Which field.
        field: HeaderField,
        /// The values, for people to read.
        #[serde(flatten)]
        sides: Sides<String>,
    },
    /// The files differ in a place that no other kind covers.
    Bytes {
        /// The first byte that differs, in bytes from the start of the file.
        offset: u64,
    },
}

/// Why a difference needs no cause of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consequence {
    /// RECORD lists the digests of the other members. Both sides state the true
    /// ones of every member that differs, and apart from those rows RECORD is
    /// the same.
    RecordFollowsMembers,
}

/// One thing that differs between two wheels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where in the wheel it is.
    pub layer: Layer,
    /// The member, when it concerns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<RawText>,
    /// Which of the members with this name, counted from 1; present only for
    /// those after the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<u64>,
    /// Why it needs no cause of its own, when it follows from other differences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consequence: Option<Consequence>,
    /// What differs.
    #[serde(flatten)]
    pub kind: Kind,
}

impl Difference {
    /// Returns a difference that concerns the archive as a whole.
    pub(super) fn of_archive(kind: Kind) -> Self {
        Self {
            layer: Layer::Container,
            member: None,
            occurrence: None,
            consequence: None,
            kind,
        }
    }

    /// Returns a difference that concerns a member; `occurrence` counts from 0.
    pub(super) fn of_member(name: &RawText, occurrence: u64, kind: Kind) -> Self {
        let layer = match kind {
            Kind::OnlyPublished(_) | Kind::OnlyRebuilt(_) => Layer::Members,
            _ => Layer::Member,
        };
        Self {
            layer,
            member: Some(name.clone()),
            occurrence: (occurrence > 0).then_some(occurrence + 1),
            consequence: None,
            kind,
        }
    }

    /// Lets go of the contents that were held.
    pub(super) fn forget_contents(&mut self) {
        let Kind::Contents { held, detail, .. } = &mut self.kind else {
            return;
        };
        *held = None;
        if let Some(Detail::Archive { differences }) = detail {
            differences.iter_mut().for_each(Self::forget_contents);
        }
    }

    /// Returns the difference as one line, in parts.
    pub fn line(&self) -> Line<'_> {
        let line = |message| Line {
            member: self.member.as_ref(),
            occurrence: self.occurrence,
            message,
            published: None,
            rebuilt: None,
            unit: "",
        };
        let sizes = |message, sides: &Sides<Digested>| Line {
            published: Some(thousands(sides.published.size)),
            rebuilt: Some(thousands(sides.rebuilt.size)),
            unit: if (sides.published.size, sides.rebuilt.size) == (1, 1) {
                " byte"
            } else {
                " bytes"
            },
            ..line(message)
        };
        let contents = |contents: &Contents| match contents {
            Contents::Read(digested) => bytes(digested.size),
            Contents::Unreadable { reason } => reason.clone(),
        };
        match &self.kind {
            Kind::UnreadableArchive(sides) => Line {
                published: sides.published.clone(),
                rebuilt: sides.rebuilt.clone(),
                ..line(match (&sides.published, &sides.rebuilt) {
                    (Some(_), None) => "the published file cannot be looked into",
                    (None, Some(_)) => "the rebuilt file cannot be looked into",
                    _ => "neither file can be looked into",
                })
            },
            Kind::ArchiveComment(sides) => line("archive comment differs").values(sides),
            Kind::Prefix(sides) => sizes("bytes before the first record differ", sides),
            Kind::Gaps(sides) => sizes("bytes between the records differ", sides),
            Kind::Trailing(sides) => sizes("bytes behind the last record differ", sides),
            Kind::MemberOrder { order, names, .. } => line(match order {
                Order::Directory => "members are in another order",
                Order::Data => "the data of the members is in another order",
            })
            .values(names),
            Kind::OnlyPublished(found) => Line {
                published: Some(contents(found)),
                ..line("only in the published wheel")
            },
            Kind::OnlyRebuilt(found) => Line {
                rebuilt: Some(contents(found)),
                ..line("only in the rebuilt wheel")
            },
            Kind::Contents { sides, .. } => sizes("contents differ", sides),
            Kind::UnreadableMember(sides) => Line {
                published: Some(contents(&sides.published)),
                rebuilt: Some(contents(&sides.rebuilt)),
                ..line("data differs and cannot be unpacked")
            },
            Kind::Time(sides) => line("time differs").values(sides),
            Kind::Mode(sides) if sides.is_other_type() => {
                let named = |mode: UnixMode| {
                    let word = mode.file_type().unwrap_or_default();
                    format!("{word}, mode {mode}")
                };
                line("file type differs").values(&sides.map(named))
            }
            Kind::Mode(sides) => line("mode differs").values(sides),
            Kind::Compression(sides) if sides.published.method == sides.rebuilt.method => Line {
                published: Some(thousands(sides.published.size)),
                rebuilt: Some(thousands(sides.rebuilt.size)),
                unit: match (sides.published.size, sides.rebuilt.size) {
                    (1, 1) => " byte",
                    _ => " bytes",
                },
                ..line("compressed differently, same contents")
            },
            Kind::Compression(sides) => {
                line("compression method differs").values(&sides.as_ref().map(|side| side.method))
            }
            Kind::Header { field, sides } => line(field.message()).values(sides),
            Kind::Bytes { offset } => Line {
                published: Some(format!("first at offset {}", thousands(*offset))),
                ..line("the files differ outside everything that is compared")
            },
        }
    }
}

/// A difference as one line, in parts. Names and values may come from a wheel
/// and hold anything; who prints a line escapes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// The member, when the difference concerns one.
    pub member: Option<&'a RawText>,
    /// Which of the members with this name, counted from 1, when not the first.
    pub occurrence: Option<u64>,
    /// What differs, in words of ours.
    pub message: &'static str,
    /// The published value.
    pub published: Option<String>,
    /// The rebuilt value.
    pub rebuilt: Option<String>,
    /// What follows the values: a space and a unit, or nothing.
    pub unit: &'static str,
}

impl Line<'_> {
    fn values<T: fmt::Display>(mut self, sides: &Sides<T>) -> Self {
        self.published = Some(sides.published.to_string());
        self.rebuilt = Some(sides.rebuilt.to_string());
        self
    }

    /// Returns the line with a function applied to everything that may come
    /// from a wheel.
    pub fn render(&self, escape: impl Fn(&str) -> String) -> String {
        let mut line = String::new();
        if let Some(member) = self.member {
            line.push_str(&escape(&member.to_string()));
            if let Some(occurrence) = self.occurrence {
                line.push_str(&format!(" (number {occurrence} of this name)"));
            }
            line.push_str(": ");
        }
        line.push_str(self.message);
        let values = match (&self.published, &self.rebuilt) {
            (Some(published), Some(rebuilt)) if published == rebuilt => escape(published),
            (Some(published), Some(rebuilt)) => {
                format!("{} → {}", escape(published), escape(rebuilt))
            }
            (Some(value), None) | (None, Some(value)) => escape(value),
            (None, None) => return line,
        };
        line.push_str(&format!(" ({values}{})", self.unit));
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_and_values_are_escaped() {
        let name = RawText::new(b"a\nb");
        let difference = Difference::of_member(
            &name,
            1,
            Kind::Header {
                field: HeaderField::Comment,
                sides: Sides {
                    published: "\u{1b}".to_owned(),
                    rebuilt: "x".to_owned(),
                },
            },
        );
        let line = difference.line();
        assert_eq!(
            line.render(|text| text.escape_default().to_string()),
            "a\\nb (number 2 of this name): comment differs (\\u{1b} → x)"
        );
    }
}
