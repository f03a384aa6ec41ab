//! The results of one machine of many, and the one report they make together.
//!
//! In: a report as it is before any rebuild, and rebuilds as they come. Out: a file
//! with one JSON line a result, and from the files of all machines the bytes that a
//! single run would have written. `docs/results.md` has the format.
//!
//! Who can write such a file can say what they like in it: what is read here is
//! checked for being whole and of one task, never for being true.

mod json;
mod merge;
mod read;
mod text;
mod write;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::selection::Shard;

pub use merge::{Merge, Merged, Missing};
pub use read::{ResultsError, ResultsErrorKind};
pub use write::{ResultsFile, WriteError};

/// The name and version of the format.
pub const SCHEMA: &str = "wheelproof.results/1";

/// What every machine has to have been told alike, and who it was told to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The part of the selection that is done here.
    pub shard: Shard,
    /// The digest of everything that decides how rebuilds are made.
    pub policy_sha256: Sha256Digest,
    /// The selection in words.
    pub selection: String,
    /// Whether warnings count as errors.
    pub strict: bool,
}

/// The first line. All but the shard and the findings of the machine is the same in
/// every file of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Header<F> {
    schema: String,
    line: Line,
    tool: Tool,
    command: String,
    time: String,
    manifest_sha256: Option<Sha256Digest>,
    policy_sha256: Sha256Digest,
    selection: String,
    shard: Shard,
    /// The digest of the second line, without its line end.
    verification_sha256: Sha256Digest,
    /// What is to be said of this machine, such as that its sandbox is weaker.
    findings: Vec<F>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tool {
    name: String,
    version: String,
}

/// The second line: everything that does not depend on the shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Verified<R> {
    line: Line,
    strict: bool,
    empty: bool,
    selected: Vec<SelectedWheel>,
    report: R,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SelectedWheel {
    wheel: String,
    sha256: Sha256Digest,
}

/// A line with the result of one wheel.
#[derive(Debug, Serialize, Deserialize)]
struct ResultLine<R, F> {
    line: Line,
    rebuild: R,
    findings: Vec<F>,
}

/// The last line of a run that came to its end.
#[derive(Debug, Serialize, Deserialize)]
struct EndLine {
    line: Line,
    results: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Header,
    Verification,
    Result,
    End,
}
