//! Reading one file of results, line by line.
//!
//! A line is whole when it ends in a line feed. What stands behind the last one is
//! what a killed process left, and is passed over; a whole line that is none of ours
//! is not.

use std::io::{self, BufRead, Read as _};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::json::Json;
use super::{Header, Line, SCHEMA, SelectedWheel, Verified};
use crate::digest::Sha256Digest;

/// The most bytes of one line; the verification of a million files fits.
const MAX_LINE: u64 = 512 << 20;

/// The most bytes of a first line.
const MAX_HEADER: u64 = 1 << 20;

/// What is wrong with a file of results, and where.
#[derive(Debug, thiserror::Error)]
#[error("{file}, line {line}: {kind}")]
pub struct ResultsError {
    /// The file, as the user named it.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong there.
    pub kind: ResultsErrorKind,
}

/// What is wrong with a file of results.
#[derive(Debug, thiserror::Error)]
pub enum ResultsErrorKind {
    /// The file could not be read on.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is no file of results.
    #[error("this is no file of results ({SCHEMA})")]
    NotResults,
    /// It is of a later format.
    #[error("its format is '{}', and this program reads {SCHEMA}", .0.escape_debug())]
    OtherSchema(String),
    /// A line is too long.
    #[error("it is longer than {0} bytes")]
    TooLong(u64),
    /// A line is damaged.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The results are of another task than those of the files before.
    #[error("its results are of another {what}: {found}; {first} has {expected}")]
    OtherTask {
        /// In what the tasks differ.
        what: &'static str,
        /// What the other file says.
        expected: String,
        /// The other file.
        first: String,
        /// What this one says.
        found: String,
    },
}

impl ResultsErrorKind {
    /// Returns what to do about it.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Io(_) => "make the file readable",
            Self::NotResults => "name files that --results wrote",
            Self::OtherSchema(_) => "merge with the version of wheelproof that wrote it",
            Self::TooLong(_) | Self::Damaged(_) => {
                "leave the file out, or run its shard again; what is missing then is said"
            }
            Self::OtherTask { .. } => {
                "merge the files of one task only: the same manifest, policy, selection and --time"
            }
        }
    }
}

/// What the file says before its first result.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub(super) header: Header<Json>,
    pub(super) verified: Verified<Json>,
}

/// One result with the line it stands in.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) line: u64,
    pub(super) result: Outcome,
    /// The rebuild and its findings as they stand in the line.
    pub(super) rebuild: Json,
    pub(super) findings: Vec<Json>,
}

/// What a merge asks of a rebuild.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Outcome {
    pub(super) wheel: String,
    pub(super) outcome: Word,
    pub(super) published_sha256: Sha256Digest,
    pub(super) rebuilt_sha256: Option<Sha256Digest>,
    #[serde(default)]
    pub(super) reused: bool,
}

/// The outcomes, what speaks against the wheel first, then in the order of what they
/// show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    Different,
    ReproducedWithWitness,
    Reproduced,
    BuildFailed,
    TimedOut,
    NotAttempted,
}

impl Word {
    pub(super) const ALL: [(Self, &'static str); 6] = [
        (Self::Reproduced, "reproduced"),
        (Self::ReproducedWithWitness, "reproduced-with-witness"),
        (Self::Different, "different"),
        (Self::BuildFailed, "build-failed"),
        (Self::TimedOut, "timed-out"),
        (Self::NotAttempted, "not-attempted"),
    ];

    pub(super) fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(word, _)| *word == self)
            .map_or("", |(_, text)| text)
    }

    pub(super) fn is_verdict(self) -> bool {
        match self {
            Self::Reproduced | Self::ReproducedWithWitness | Self::Different => true,
            Self::BuildFailed | Self::TimedOut | Self::NotAttempted => false,
        }
    }
}

/// A file of results that is being read.
pub(super) struct Reader<'a> {
    name: &'a str,
    input: &'a mut dyn BufRead,
    line: u64,
    bytes: Vec<u8>,
}

/// What comes next.
enum Next {
    Whole,
    /// The file ends here, within a line or after one.
    Nothing,
}

impl<'a> Reader<'a> {
    pub(super) fn new(name: &'a str, input: &'a mut dyn BufRead) -> Self {
        Self {
            name,
            input,
            line: 0,
            bytes: Vec::new(),
        }
    }

    /// Returns an error at the line that was read last.
    pub(super) fn error(&self, kind: ResultsErrorKind) -> ResultsError {
        ResultsError {
            file: self.name.to_owned(),
            line: self.line,
            kind,
        }
    }

    fn next(&mut self, limit: u64) -> Result<Next, ResultsError> {
        self.line += 1;
        self.bytes.clear();
        let read = (&mut *self.input)
            .take(limit)
            .read_until(b'\n', &mut self.bytes)
            .map_err(|error| self.error(error.into()))?;
        if self.bytes.last() == Some(&b'\n') {
            self.bytes.pop();
            return Ok(Next::Whole);
        }
        match read as u64 == limit {
            true => Err(self.error(ResultsErrorKind::TooLong(limit))),
            false => Ok(Next::Nothing),
        }
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T, ResultsError> {
        serde_json::from_slice(&self.bytes)
            .map_err(|error| self.error(ResultsErrorKind::Damaged(error.to_string())))
    }

    fn damaged(&self, what: &str) -> ResultsError {
        self.error(ResultsErrorKind::Damaged(what.to_owned()))
    }

    /// Returns what stands before the results; `None` when the file ends before.
    pub(super) fn start(&mut self) -> Result<Option<Start>, ResultsError> {
        #[derive(Deserialize)]
        struct Named {
            schema: String,
        }
        if let Next::Nothing = self.next(MAX_HEADER)? {
            // Of a killed job there may be nothing, or the start of a line of ours.
            let ours = format!("{{\"schema\":\"{SCHEMA}\"");
            let common = self.bytes.len().min(ours.len());
            return match self.bytes.get(..common) == ours.as_bytes().get(..common) {
                true => Ok(None),
                false => Err(self.error(ResultsErrorKind::NotResults)),
            };
        }
        let Ok(named) = serde_json::from_slice::<Named>(&self.bytes) else {
            return Err(self.error(ResultsErrorKind::NotResults));
        };
        if named.schema != SCHEMA {
            let kind = match named.schema.starts_with("wheelproof.results/") {
                true => ResultsErrorKind::OtherSchema(named.schema),
                false => ResultsErrorKind::NotResults,
            };
            return Err(self.error(kind));
        }
        let header: Header<Json> = self.parse()?;
        if let Next::Nothing = self.next(MAX_LINE)? {
            return Ok(None);
        }
        if Sha256Digest::of(&self.bytes) != header.verification_sha256 {
            return Err(self.damaged("its digest is not the one that line 1 names"));
        }
        let verified: Verified<Json> = self.parse()?;
        let is_sorted = verified
            .selected
            .is_sorted_by(|one, other| one.wheel < other.wheel);
        let is_report = matches!(verified.report, Json::Object(_));
        if header.line != Line::Header || verified.line != Line::Verification {
            return Err(self.damaged("it is another line than this program writes here"));
        }
        if !is_sorted || !is_report {
            return Err(self.damaged("it is not what this program writes"));
        }
        Ok(Some(Start { header, verified }))
    }

    /// Hands every whole result to `take`. Returns whether the file has its last line.
    pub(super) fn results(
        &mut self,
        selected: &[SelectedWheel],
        take: &mut dyn FnMut(Entry),
    ) -> Result<bool, ResultsError> {
        #[derive(Deserialize)]
        struct Any {
            line: Line,
            rebuild: Option<Json>,
            #[serde(default)]
            findings: Vec<Json>,
            results: Option<u64>,
        }
        #[derive(Deserialize)]
        struct Facts {
            rebuild: Outcome,
        }
        let mut count = 0u64;
        let mut has_ended = false;
        loop {
            if let Next::Nothing = self.next(MAX_LINE)? {
                return Ok(has_ended);
            }
            if has_ended {
                return Err(self.damaged("it stands behind the line that ends the results"));
            }
            let any: Any = self.parse()?;
            match any.line {
                Line::Header | Line::Verification => {
                    return Err(self.damaged("it is another line than this program writes here"));
                }
                Line::End => {
                    if any.results != Some(count) {
                        return Err(self.damaged(&format!(
                            "it speaks of {} results, and {count} stand before it",
                            any.results.unwrap_or_default()
                        )));
                    }
                    has_ended = true;
                }
                Line::Result => {
                    count += 1;
                    let Facts { rebuild: result } = self.parse()?;
                    self.check(&result, selected)?;
                    take(Entry {
                        line: self.line,
                        result,
                        rebuild: any.rebuild.unwrap_or_default(),
                        findings: any.findings,
                    });
                }
            }
        }
    }

    /// Makes sure that a result is of a selected wheel and does not contradict itself.
    fn check(&self, result: &Outcome, selected: &[SelectedWheel]) -> Result<(), ResultsError> {
        let asked = selected
            .binary_search_by(|wheel| wheel.wheel.as_str().cmp(&result.wheel))
            .ok()
            .and_then(|at| selected.get(at));
        let wheel = result.wheel.escape_debug();
        let Some(asked) = asked else {
            return Err(self.damaged(&format!("nobody selected '{wheel}'")));
        };
        if asked.sha256 != result.published_sha256 {
            return Err(self.damaged(&format!("it has another signed digest for '{wheel}'")));
        }
        let has_signed_digest = result.rebuilt_sha256 == Some(result.published_sha256);
        let agrees = match result.outcome {
            Word::Reproduced => has_signed_digest,
            Word::ReproducedWithWitness | Word::Different => {
                result.rebuilt_sha256.is_some() && !has_signed_digest
            }
            Word::BuildFailed | Word::TimedOut | Word::NotAttempted => true,
        };
        match agrees {
            true => Ok(()),
            false => Err(self.damaged(&format!(
                "'{wheel}' is said to be {}, and its digests say otherwise",
                result.outcome.as_str()
            ))),
        }
    }
}
