//! The causes that are known: one declaration each, beside the code that claims it.
//!
//! From this list come the order in which causes are reported, the check that the
//! manual has a paragraph for each, and what a report says of the family.

use serde::Serialize;

use super::derive::Derivation;
use super::{clock, container, modes, objects, platform, source, texts, tools};

/// What a cause has to do with, as the manual arranges them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// What was built.
    Source,
    /// The interpreter and the compiler.
    Compiler,
    /// The versions of build tools.
    Tools,
    /// The system of the build.
    System,
    /// The clock.
    Time,
    /// Modes.
    Permissions,
    /// How the archive was written.
    Archive,
}

impl Family {
    /// Returns the heading of the family in the manual.
    pub fn title(self) -> &'static str {
        match self {
            Self::Source => "The source",
            Self::Compiler => "The interpreter and the compiler",
            Self::Tools => "Build tools",
            Self::System => "The system of the build",
            Self::Time => "Time",
            Self::Permissions => "Permissions",
            Self::Archive => "The archive",
        }
    }
}

/// A cause that can be named.
#[derive(Debug)]
pub struct CauseKind {
    /// The permanent name.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// What to do about it in general; a cause that was found says it with its values.
    pub advice: &'static str,
    /// What it has to do with.
    pub family: Family,
    /// How one side's piece follows from the other's. Without one that holds, a piece is
    /// attributed and not explained.
    pub(super) derivations: &'static [Derivation],
}

/// All causes, the deciding first: who reads only one line of a report reads the cause
/// that the others may follow from.
static CAUSES: &[&CauseKind] = &[
    &source::VERSION_FROM_GIT,
    &source::TREE_INSTEAD_OF_SDIST,
    &platform::INTERPRETER_VERSION,
    &objects::COMPILER_VERSION,
    &objects::COMPILER_FLAGS,
    &objects::CPU_FLAGS,
    &objects::LINK_FLAGS,
    &objects::CYTHON_VERSION,
    &objects::BUILD_PATH,
    &objects::BUILD_ENVIRONMENT,
    &objects::PYTHON_HEADERS,
    &objects::STRIPPED,
    &objects::TEMPORARY_NAME,
    &objects::COMPILE_DATE,
    &platform::WHEEL_REPAIR,
    &platform::RETAGGED,
    &platform::PLATFORM_TAG,
    &tools::LICENSE_FILE_FIELD,
    &tools::LICENSE_FILES_MOVED,
    &tools::DYNAMIC_FIELDS,
    &tools::METADATA_VERSION,
    &tools::UNKNOWN_PLATFORM,
    &tools::NAME_SPELLING,
    &tools::REQUIREMENT_SPELLING,
    &tools::BACKEND_VERSION,
    &tools::RECORD_MODE,
    &platform::BUILT_ON_WINDOWS,
    &platform::LINE_ENDS,
    &texts::LOCALE,
    &texts::HASH_SEED,
    &texts::EMBEDDED_SBOM,
    &texts::BYTECODE,
    &texts::CURRENT_YEAR,
    &texts::BUILD_DATE,
    &clock::EPOCH,
    &clock::TIME_ZONE,
    &clock::BUILD_CLOCK,
    &modes::UMASK,
    &modes::ARCHIVE_MODES,
    &container::RECORD_ORDER,
    &container::MEMBER_ORDER,
    &container::DEFLATE_LEVEL,
    &container::DEFLATE_IMPLEMENTATION,
    &container::ZIP_WRITER,
];

/// Returns all causes, the deciding first.
pub fn causes() -> &'static [&'static CauseKind] {
    CAUSES
}

/// Returns the declaration of a cause.
pub fn cause(name: &str) -> Option<&'static CauseKind> {
    causes().iter().copied().find(|kind| kind.name == name)
}

/// Returns where a cause stands in the list.
pub(super) fn rank(name: &str) -> usize {
    let place = causes().iter().position(|kind| kind.name == name);
    place.unwrap_or(causes().len())
}
