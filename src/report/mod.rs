//! What a command has to say, as one value, and the forms it is written in.
//!
//! In: facts, findings and outcomes. Out: a [`Report`] with its verdict and exit
//! code, written as text for a terminal or in a [`Form`] of a file. No check is
//! made here, and nothing here knows the command line.

mod certificates;
mod comparison;
mod environments;
mod form;
mod handed_on;
mod history;
mod html;
mod inspection;
mod json;
mod junit;
mod markdown;
mod markup;
mod policy;
mod produced;
mod rebuilds;
mod requirements;
mod text;
mod update;

use std::io::{self, Write};

use serde::Serialize;

use crate::digest::Sha256Digest;
use crate::finding::{Finding, Severity};
use crate::openpgp::{CertificateSummary, SignatureFact, Threshold};
use crate::policy::Depth;
use crate::policy::WheelhouseName;
use crate::time::UtcTime;

pub use comparison::{ComparedFile, ComparisonReport};
pub use environments::EnvironmentReport;
pub use form::Form;
pub use handed_on::{
    Confirmation, HandedOnSummary, HandedOnWheel, RebuiltBy, ReplacedList, StandsFor,
};
pub use history::{History, Night, NightRebuild};
pub use inspection::{InspectedFile, Inspection};
pub use json::escape_json;
pub use policy::{PolicySummary, SaidBy, TrustSummary};
pub use produced::{Change, WrittenFile};
pub use rebuilds::{RebuildOutcome, RebuildSummary, RecipeSource, ShardSummary, WitnessSummary};
pub use requirements::RequirementsSummary;
pub use text::{Palette, escape};
pub use update::{IndexComparison, UpdateStep, UpdateSummary};

/// The name and version of the report's format.
pub const SCHEMA: &str = "wheelproof.report/1";

/// Which program wrote a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

impl Tool {
    /// Returns this program.
    pub fn own() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything asked for holds.
    Pass,
    /// Findings speak against the wheelhouse.
    Fail,
    /// The work could not be done.
    Error,
    /// There was nothing to check.
    Empty,
}

impl Verdict {
    /// Returns the word that people read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Error => "ERROR",
            Self::Empty => "EMPTY",
        }
    }

    /// Returns the exit code that stands for the verdict.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Error => 3,
            Self::Empty => 4,
        }
    }
}

/// The manifest that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManifestSummary {
    /// The file, as the user would name it.
    pub path: String,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// How many files it lists; `None` when nobody trusted signed it, so that it
    /// was not read.
    pub entries: Option<u64>,
    /// The project that it states, if it does and was read.
    pub project: Option<WheelhouseName>,
}

/// What kind of file a name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A wheel.
    Wheel,
    /// A source distribution.
    Sdist,
    /// A build record.
    Record,
    /// Something else.
    Other,
}

/// One file of the wheelhouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSummary {
    /// The name below the directory.
    pub path: String,
    /// The signed digest.
    pub sha256: Option<Sha256Digest>,
    /// The size in bytes, when the file was read.
    pub size: Option<u64>,
    /// What the name promises.
    pub kind: FileKind,
    /// What the check says.
    pub status: &'static str,
}

/// Something that kept the tool from doing its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What happened, and where.
    pub message: String,
    /// What to do.
    pub next: String,
}

/// Everything a command has to say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The format of this report: [`SCHEMA`].
    pub schema: &'static str,
    /// Who wrote it.
    pub tool: Tool,
    /// The command, such as `verify`.
    pub command: &'static str,
    /// The answer in one word.
    pub verdict: Verdict,
    /// The exit code of the program.
    pub exit_code: u8,
    /// The time that keys and signatures were judged at.
    pub time: UtcTime,
    /// The policy that was used; `None` when there was none.
    pub policy: Option<PolicySummary>,
    /// Who said whom to believe, for the commands that judge signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<TrustSummary>,
    /// The manifest, when there is one.
    pub manifest: Option<ManifestSummary>,
    /// Whether the files were to be looked into; `None` for commands that check none.
    pub depth: Option<Depth>,
    /// One fact a signature.
    pub signatures: Vec<SignatureFact>,
    /// Signers asked for and met.
    pub threshold: Option<Threshold>,
    /// The trusted certificates, for the command that lists them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateSummary>,
    /// Every listed name and every directory entry.
    pub files: Vec<FileSummary>,
    /// The files of requirements that were held against the signed files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<RequirementsSummary>,
    /// What a command is handed, where there is one and everything holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handed_on: Option<HandedOnSummary>,
    /// What the policy cares about, in the order of the checks.
    pub findings: Vec<Finding>,
    /// What became of the wheelhouse, for the command that updates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<UpdateSummary>,
    /// What the command wrote.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<WrittenFile>,
    /// Which part of the selection was rebuilt, when it was not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardSummary>,
    /// What became of the selected wheels.
    pub rebuilds: Vec<RebuildSummary>,
    /// What kept the tool from doing its work.
    pub errors: Vec<Trouble>,
    /// The command that comes next on the way to an installed wheelhouse, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Whether the wheelhouse holds nothing at all.
    #[serde(skip)]
    pub is_empty: bool,
    /// Whether warnings count as errors.
    #[serde(skip)]
    pub strict: bool,
    /// Whether the user chose the time, so that readers have to be told.
    #[serde(skip)]
    pub time_is_chosen: bool,
}

impl Report {
    /// Returns a report that says nothing yet.
    pub fn new(command: &'static str, time: UtcTime) -> Self {
        Self {
            schema: SCHEMA,
            tool: Tool::own(),
            command,
            verdict: Verdict::Error,
            exit_code: Verdict::Error.exit_code(),
            time,
            policy: None,
            trust: None,
            manifest: None,
            depth: None,
            signatures: Vec::new(),
            threshold: None,
            certificates: Vec::new(),
            files: Vec::new(),
            requirements: Vec::new(),
            handed_on: None,
            findings: Vec::new(),
            update: None,
            written: Vec::new(),
            shard: None,
            rebuilds: Vec::new(),
            errors: Vec::new(),
            next: None,
            is_empty: false,
            strict: false,
            time_is_chosen: false,
        }
    }

    /// Writes the report in a form.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write(&self, form: Form, out: &mut dyn Write) -> io::Result<()> {
        match form {
            Form::Json => self.write_json(out),
            Form::Html => out.write_all(self.to_html().as_bytes()),
            Form::Junit => out.write_all(self.to_junit().as_bytes()),
            Form::Markdown => out.write_all(self.to_markdown().as_bytes()),
        }
    }

    /// Returns how many findings have a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }

    /// Returns how many rebuilds had an outcome.
    pub fn count_rebuilds(&self, outcome: RebuildOutcome) -> usize {
        self.rebuilds
            .iter()
            .filter(|rebuild| rebuild.outcome == outcome)
            .count()
    }

    /// Sets verdict and exit code from everything the report says. Call it last.
    pub fn conclude(&mut self) {
        let outcomes = || self.rebuilds.iter().map(|rebuild| rebuild.outcome);
        let against = self.count(Severity::Error) > 0
            || (self.strict && self.count(Severity::Warning) > 0)
            || outcomes().any(|outcome| outcome == RebuildOutcome::Different);
        let undone = !self.errors.is_empty() || outcomes().any(|outcome| !outcome.is_verdict());
        self.verdict = if self.is_empty {
            Verdict::Empty
        } else if against {
            Verdict::Fail
        } else if undone {
            Verdict::Error
        } else {
            Verdict::Pass
        };
        self.exit_code = self.verdict.exit_code();
    }
}
