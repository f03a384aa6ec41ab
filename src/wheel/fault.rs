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
    /// The file name promises more Python versions than WHEEL states, for modules
    /// that are bound to none.
    TagsWidened,
    /// WHEEL has no tags that can be read.
    TagsUnreadable,
    /// The wheel follows another version of the format.
    VersionUnsupported,
    /// The wheel says to be of a version before the first, which some install.
    VersionOld,
    /// METADATA holds what some installer refuses.
    DescriptionRefused,
    /// WHEEL is no text, and every installer refuses it.
    DescriptionUnreadable,
    /// WHEEL says whether the wheel is pure, and the tags say something else.
    PurelibMismatch,
    /// A `.data` directory that installers do not know.
    DataDirectory,
    /// Installers put two members, or a member and a program they generate, at the
    /// same path.
    InstalledTwice,
    /// A program that installers generate stands where a script is, and all of them
    /// keep the same of the two.
    InstalledOver,
    /// A program has a name that is no plain file name.
    ScriptName,
    /// A program calls what is not written as `module:attr`.
    ScriptReference,
    /// `entry_points.txt` has a section or a name twice.
    EntryPointsRepeated,
    /// `entry_points.txt` is read differently by different installers.
    EntryPointsMalformed,
    /// `entry_points.txt` has what one installer fails at.
    EntryPointsRefused,
    /// RECORD cannot be read, or a line of it.
    RecordMalformed,
    /// RECORD says something else of a member than its contents.
    RecordMismatch,
    /// RECORD does not list a member.
    RecordUnlisted,
    /// RECORD lists a member that is not there.
    RecordMissing,
    /// RECORD lists a member twice, and not with the same words.
    RecordRepeated,
    /// RECORD lists a member twice with the same words.
    RecordRepeatedAlike,
    /// The right digests are written in hexadecimal digits.
    RecordHexDigest,
    /// Rows name their members by absolute paths.
    RecordPathAbsolute,
    /// Rows name their members by paths with backslashes or `.` in them.
    RecordPathForm,
    /// Rows have commas in their path and no quotes around it.
    RecordUnquotedComma,
    /// RECORD has empty lines.
    RecordBlankLine,
    /// RECORD has rows for directories.
    RecordDirectory,
    /// RECORD has no digest of a member that can be relied on.
    RecordWeakHash,
}

impl From<archive::FaultKind> for FaultKind {
    fn from(kind: archive::FaultKind) -> Self {
        Self::Archive(kind)
    }
}
