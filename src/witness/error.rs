//! Why a witness does not hold, or could not be looked at.

use std::io;
use std::path::PathBuf;

use super::Identity;
use super::write::broken;
use crate::archive::zip::ZipError;
use crate::deflate::DeflateError;
use crate::digest::Sha256Digest;
use crate::input::InputError;

/// Why no witness can be about an archive: something in it has no edit, or two
/// readers could see two things in it. Names are escaped in the sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Two members have one name.
    #[error("two members are named '{0}'")]
    RepeatedName(String),
    /// A name that JSON cannot hold.
    #[error("the name of member '{0}' is not UTF-8")]
    NameNotUtf8(String),
    /// The two headers of a member disagree.
    #[error("the two headers of member '{0}' disagree on its {1}")]
    HeadersDisagree(String, &'static str),
    /// The local header states sizes or a CRC-32 of its own.
    #[error("the local header of member '{0}' states sizes in no usual form")]
    LocalSizes(String),
    /// A data descriptor is announced and none is there.
    #[error("the data descriptor of member '{0}' is not recognised")]
    Descriptor(String),
    /// Sizes, offsets or numbers that need ZIP64 outside local headers.
    #[error("it is written with the records of ZIP64")]
    Zip64,
    /// A member is said to begin on another disk.
    #[error("member '{0}' is on another disk")]
    Disk(String),
    /// A member is encrypted, or patched data.
    #[error("member '{0}' is encrypted or a patch")]
    Encrypted(String),
    /// Members share bytes.
    #[error("members overlap")]
    Overlap,
    /// Bytes between the records that belong to none.
    #[error("there are bytes between its records that belong to none")]
    Gaps,
    /// Bytes behind the end record.
    #[error("there are bytes behind its end record")]
    Trailing,
    /// Too many bytes before the first record.
    #[error("there are too many bytes before its first record")]
    Prefix,
    /// The end record does not say where the directory is.
    #[error("its end record does not agree with its directory")]
    EndRecord,
}

/// Why an edit does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The wheel has no such member.
    #[error("edit {edit} names '{member}', and the rebuilt wheel has no such member")]
    NoSuchMember {
        /// Which edit, counted from 1.
        edit: usize,
        /// The name, escaped.
        member: String,
    },
    /// Two edits, or one twice, set the same thing.
    #[error("edit {edit} sets {what} that is already set")]
    Twice {
        /// Which edit, counted from 1.
        edit: usize,
        /// What it sets, and of which member, escaped.
        what: String,
    },
    /// An order that is not one of exactly the members.
    #[error("edit {edit} has an order that does not name every member exactly once")]
    NotAnOrder {
        /// Which edit, counted from 1.
        edit: usize,
    },
    /// A value that the field cannot hold.
    #[error("edit {edit} has a value out of range: {what}")]
    OutOfRange {
        /// Which edit, counted from 1.
        edit: usize,
        /// What.
        what: &'static str,
    },
    /// Readers would see another member, or none: that is no edit of the container.
    #[error("the edits change what readers see in member '{member}': {what}")]
    Meaning {
        /// The name, escaped.
        member: String,
        /// What would be changed.
        what: &'static str,
    },
    /// A stream that does not unpack to what the member holds.
    #[error("the stream for member '{0}' does not unpack to the contents of that member")]
    OtherContents(String),
    /// A result of four gibibytes or more.
    #[error("the edits give an archive that needs ZIP64")]
    TooLarge,
}

/// Why a witness does not hold, or could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The file with the witness cannot be taken in.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The file is no witness of this format.
    #[error("this is no witness that can be read: {0}")]
    NotAWitness(String),
    /// A wheel cannot be opened.
    #[error("cannot open {}: {source}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file cannot be read or written, or somebody asked to stop.
    #[error("the work broke off: {0}")]
    Io(#[source] io::Error),
    /// A wheel is no archive that is read.
    #[error(transparent)]
    Zip(ZipError),
    /// No witness can be about the wheel.
    #[error("no witness can be about this wheel: {0}")]
    Unfit(#[from] Unfit),
    /// The compressor does not start.
    #[error("zlib does not start")]
    Compressor,
    /// An edit does not hold.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The witness is about another rebuilt wheel.
    #[error("the witness is about another rebuilt wheel")]
    OtherRebuilt {
        /// The digest in the witness.
        expected: Sha256Digest,
        /// The digest of the file.
        found: Sha256Digest,
    },
    /// The witness is about another published wheel.
    #[error("the witness is about another published wheel")]
    OtherPublished {
        /// The digest that was asked for.
        expected: Sha256Digest,
        /// The digest in the witness.
        found: Sha256Digest,
    },
    /// The edits give other bytes than the witness promises.
    #[error("the edits do not give the published wheel")]
    OtherResult {
        /// What the witness promises.
        expected: Identity,
        /// What comes out.
        found: Identity,
    },
}

impl WitnessError {
    /// Returns whether the witness was looked at and does not hold; else the work
    /// could not be done.
    pub fn refutes(&self) -> bool {
        match self {
            Self::Unfit(_)
            | Self::Edit(_)
            | Self::OtherRebuilt { .. }
            | Self::OtherPublished { .. }
            | Self::OtherResult { .. } => true,
            Self::Zip(error) => error.fault_kind().is_some(),
            Self::Input(_)
            | Self::NotAWitness(_)
            | Self::Open { .. }
            | Self::Io(_)
            | Self::Compressor => false,
        }
    }

    /// Returns the digest that was expected and the one that was found, when the
    /// error is about that.
    pub fn digests(&self) -> Option<(Sha256Digest, Sha256Digest)> {
        match self {
            Self::OtherRebuilt { expected, found } | Self::OtherPublished { expected, found } => {
                Some((*expected, *found))
            }
            Self::OtherResult { expected, found } => Some((expected.sha256, found.sha256)),
            _ => None,
        }
    }

    /// Returns what to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Input(_) | Self::Open { .. } => {
                "check that the file is there, is a file and may be read"
            }
            Self::NotAWitness(_) => {
                "ask for the file that 'wheelproof rebuild --witness' wrote; docs/witness.md has its form"
            }
            Self::Io(_) | Self::Compressor => "check the disk and the memory, and start it again",
            Self::Zip(error) => error.advice(),
            Self::OtherRebuilt { .. } => "check it with the wheel that lay beside the witness",
            Self::OtherPublished { .. } => {
                "check it with the digest of the wheel that the witness is about"
            }
            Self::Unfit(_) | Self::Edit(_) | Self::OtherResult { .. } => {
                "do not rely on this witness; rebuild the wheel yourself"
            }
        }
    }
}

impl From<DeflateError> for WitnessError {
    fn from(error: DeflateError) -> Self {
        match error {
            DeflateError::Read(error) => broken(error),
            DeflateError::Write(error) => Self::Io(error),
            DeflateError::Compressor => Self::Compressor,
        }
    }
}
