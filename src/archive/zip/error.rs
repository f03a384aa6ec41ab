//! Why a ZIP archive, or a member of one, cannot be read.

use std::io;

use super::RawText;
use crate::archive::FaultKind;

/// Why a ZIP archive, or a member of one, cannot be read. Names from the archive
/// are escaped in the sentence and kept as they are in the fields.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    /// The operating system could not read the file.
    #[error("cannot read the archive: {0}")]
    Io(#[source] io::Error),
    /// No end of central directory record (APPNOTE 4.3.16) where one may be.
    #[error("this is not a ZIP archive: it has no end of central directory record")]
    NotZip,
    /// The archive ends before something it announces.
    #[error("the archive is cut short: it ends before {what}")]
    Truncated {
        /// What is not there.
        what: &'static str,
    },
    /// A record is not what its place requires.
    #[error("{what} cannot be read: {detail}")]
    Malformed {
        /// Which record.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The size and the place of the central directory contradict each other,
    /// so that two readers may see two lists of members.
    #[error(
        "the central directory is {found} bytes long at offset {offset}, \
         the end record says {declared} bytes"
    )]
    MisplacedDirectory {
        /// Where the directory was found, in bytes from the start of the file.
        offset: u64,
        /// The size that the end record states, in bytes.
        declared: u64,
        /// The size that was found, in bytes.
        found: u64,
    },
    /// More members than allowed.
    #[error("the archive has more than {limit} members")]
    TooManyMembers {
        /// The most members allowed.
        limit: u64,
    },
    /// More bytes of names, extra fields and comments than allowed.
    #[error("names, extra fields and comments of the archive take more than {limit} bytes")]
    HeadersTooLarge {
        /// The most bytes allowed.
        limit: u64,
    },
    /// A member states a larger size than allowed.
    #[error("member '{}' unpacks to {declared} bytes, the limit is {limit}", .name.escaped())]
    MemberTooLarge {
        /// The member.
        name: RawText,
        /// The size that the central directory states, in bytes.
        declared: u64,
        /// The most bytes allowed.
        limit: u64,
    },
    /// All members together state a larger size than allowed.
    #[error("the members unpack to more than {limit} bytes")]
    TotalTooLarge {
        /// The most bytes allowed.
        limit: u64,
    },
    /// The members state sizes that only a decompression bomb reaches.
    #[error(
        "the members unpack to {declared} bytes, more than {ratio} times the {size} bytes of the archive"
    )]
    Ratio {
        /// The sizes that the central directory states, added up.
        declared: u64,
        /// The size of the archive in bytes.
        size: u64,
        /// How many times larger the contents may be.
        ratio: u64,
    },
    /// No local header (APPNOTE 4.3.7) where the central directory says.
    #[error("member '{}' has no local header at offset {offset}", .name.escaped())]
    NoLocalHeader {
        /// The member.
        name: RawText,
        /// Where it should be, in bytes from the start of the file.
        offset: u64,
    },
    /// The compressed data reaches beyond the end of the archive.
    #[error("the data of member '{}' reaches beyond the end of the archive", .name.escaped())]
    DataOutside {
        /// The member.
        name: RawText,
    },
    /// The member is encrypted (APPNOTE 4.4.4, bits 0 and 6).
    #[error("member '{}' is encrypted", .name.escaped())]
    Encrypted {
        /// The member.
        name: RawText,
    },
    /// A compression method other than stored and deflate.
    #[error("member '{}' uses compression {method}, only stored and deflate are read", .name.escaped())]
    UnsupportedMethod {
        /// The member.
        name: RawText,
        /// The method.
        method: super::Method,
    },
    /// The compressed data is not a complete deflate stream (RFC 1951).
    #[error("the compressed data of member '{}' is damaged after {produced} bytes of contents", .name.escaped())]
    Damaged {
        /// The member.
        name: RawText,
        /// How many bytes of contents came before the fault.
        produced: u64,
    },
    /// The contents are longer than the central directory says. Reading stopped
    /// there.
    #[error("member '{}' unpacks to more than the {declared} bytes it declares", .name.escaped())]
    LongerThanDeclared {
        /// The member.
        name: RawText,
        /// The size that the central directory states, in bytes.
        declared: u64,
    },
    /// The contents are shorter than the central directory says.
    #[error("member '{}' unpacks to {found} bytes, it declares {declared}", .name.escaped())]
    ShorterThanDeclared {
        /// The member.
        name: RawText,
        /// The size that the central directory states, in bytes.
        declared: u64,
        /// The size that was found, in bytes.
        found: u64,
    },
    /// The contents have another CRC-32 than the central directory says.
    #[error("member '{}' has CRC-32 {found:08x}, it declares {declared:08x}", .name.escaped())]
    WrongCrc {
        /// The member.
        name: RawText,
        /// The value that the central directory states.
        declared: u32,
        /// The value of the contents.
        found: u32,
    },
    /// The contents are larger than the caller can take.
    #[error("member '{}' has {size} bytes, at most {limit} can be taken here", .name.escaped())]
    LargerThanAsked {
        /// The member.
        name: RawText,
        /// Its size, in bytes.
        size: u64,
        /// The most bytes the caller takes.
        limit: u64,
    },
}

impl ZipError {
    /// Returns what kind of fault of the archive this is; `None` when the
    /// operating system could not read the file.
    pub fn fault_kind(&self) -> Option<FaultKind> {
        match self {
            Self::Io(_) => None,
            Self::NotZip
            | Self::Truncated { .. }
            | Self::Malformed { .. }
            | Self::MisplacedDirectory { .. }
            | Self::NoLocalHeader { .. }
            | Self::DataOutside { .. } => Some(FaultKind::Unreadable),
            Self::TooManyMembers { .. }
            | Self::HeadersTooLarge { .. }
            | Self::MemberTooLarge { .. }
            | Self::TotalTooLarge { .. }
            | Self::Ratio { .. }
            | Self::LargerThanAsked { .. } => Some(FaultKind::OverLimit),
            Self::Encrypted { .. } => Some(FaultKind::MemberEncrypted),
            Self::UnsupportedMethod { .. } => Some(FaultKind::CompressionUnsupported),
            Self::Damaged { .. }
            | Self::LongerThanDeclared { .. }
            | Self::ShorterThanDeclared { .. }
            | Self::WrongCrc { .. } => Some(FaultKind::MemberDamaged),
        }
    }

    /// Returns what to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Io(_) => "check the file and the disk it is on",
            Self::NotZip | Self::Truncated { .. } => "fetch the file again",
            Self::TooManyMembers { .. }
            | Self::HeadersTooLarge { .. }
            | Self::MemberTooLarge { .. }
            | Self::TotalTooLarge { .. }
            | Self::Ratio { .. }
            | Self::LargerThanAsked { .. } => {
                "raise the limit only if you know why the archive is that large"
            }
            Self::Encrypted { .. } | Self::UnsupportedMethod { .. } => {
                "ask its author for an archive that uses stored or deflate members"
            }
            Self::Malformed { .. }
            | Self::MisplacedDirectory { .. }
            | Self::NoLocalHeader { .. }
            | Self::DataOutside { .. }
            | Self::Damaged { .. }
            | Self::LongerThanDeclared { .. }
            | Self::ShorterThanDeclared { .. }
            | Self::WrongCrc { .. } => {
                "do not use this archive; fetch it again, and report it to its author if it stays so"
            }
        }
    }

    /// Reads a fault of the ZIP library as one of ours.
    pub(super) fn from_rawzip(what: &'static str, error: rawzip::Error) -> Self {
        match error.into_kind() {
            rawzip::ErrorKind::MissingEndOfCentralDirectory => Self::NotZip,
            rawzip::ErrorKind::Eof => Self::Truncated { what },
            rawzip::ErrorKind::IO(error) => Self::from_io(what, error),
            other => Self::Malformed {
                what,
                detail: other.to_string(),
            },
        }
    }

    /// Tells an archive that ends too early from a disk that fails.
    pub(super) fn from_io(what: &'static str, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::Truncated { what }
        } else {
            Self::Io(error)
        }
    }
}
