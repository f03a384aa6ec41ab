//! What can be wrong with a wheel.

use crate::archive;

/// What is wrong with a wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// Something is wrong with the archive.
    Archive(archive::FaultKind),
    /// There is not exactly one `.dist-info` directory with the wheel's name.
    DistInfo,
    /// METADATA, WHEEL or RECORD is not there.
    DescriptionMissing,
    /// METADATA names another project or version than the file name.
    MetadataMismatch,
    /// The file name promises tags that WHEEL does not state.
    TagsMismatch,
    /// WHEEL states tags that the file name does not promise.
    TagsNarrowed,
    /// WHEEL has another build tag than the file name.
    BuildMismatch,
    /// The wheel follows another version of the format.
    VersionUnsupported,
    /// WHEEL says whether the wheel is pure, and the tags say something else.
    PurelibMismatch,
    /// A `.data` directory that installers do not know.
    DataDirectory,
    /// Installers put two members at the same path.
    InstalledTwice,
    /// RECORD cannot be read, or a line of it.
    RecordMalformed,
    /// RECORD says something else of a member than its contents.
    RecordMismatch,
    /// RECORD does not list a member.
    RecordUnlisted,
    /// RECORD lists a member that is not there.
    RecordMissing,
    /// RECORD lists a member twice.
    RecordRepeated,
    /// RECORD has no digest of a member that can be relied on.
    RecordWeakHash,
}

impl From<archive::FaultKind> for FaultKind {
    fn from(kind: archive::FaultKind) -> Self {
        Self::Archive(kind)
    }
}
