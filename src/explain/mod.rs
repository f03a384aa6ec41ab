//! Why two wheels differ: from differences to causes.
//!
//! In: what the comparison found, and the files of the sdist where there is one;
//! all of it from foreign wheels. Out: [`Explanation`]: causes, each with what
//! was seen of it and what to do, and everything that no cause accounts for.
//!
//! Differences are taken apart into the smallest pieces that can have a cause of
//! their own (`case`), and each family of causes claims those it knows. Several
//! causes can hold at once. A claim is not believed: each cause declares how one side
//! follows from the other (`registry`), that is applied here (`derive`), and a piece is
//! *explained* only where it yields the other side byte for byte. Where it does not, the
//! piece is *attributed*: the cause accounts for such a difference, and the bytes were not
//! derived. What nobody claimed is *unexplained*, and so is a member that only the
//! published wheel has and that follows from nothing, whatever its name is.
//!
//! A cause found here is a pattern: the wheels look as it makes them look. Only a
//! rebuild in which that one thing changes, and the difference goes, proves it.

mod bytecode;
mod case;
mod clock;
mod container;
mod dates;
mod derive;
mod documents;
mod environment;
mod generator;
mod modes;
mod objects;
mod patterns;
mod platform;
mod registry;
mod sets;
mod source;
mod spelling;
mod texts;
mod tools;
mod versions;
mod whole;

use std::fmt;

use serde::Serialize;

use crate::compare::Different;
use crate::policy::Platform;
use crate::sdist::SourceFiles;

use case::Case;

pub use derive::BuildFacts;
pub use registry::{CauseKind, Family, cause, causes};

pub use environment::{
    Environment, EnvironmentDifference, Reach, SCHEMA as ENVIRONMENT_SCHEMA, environments,
};

/// How sure a cause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The wheels look as this cause makes them look.
    Pattern,
    /// A rebuild in which only this changed no longer had the difference.
    Counterfactual,
}

impl fmt::Display for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pattern => "pattern",
            Self::Counterfactual => "proved",
        })
    }
}

/// The one thing to change in a recipe to try a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Factor {
    /// `SOURCE_DATE_EPOCH`; unset when `None`.
    Epoch(Option<i64>),
    /// The umask.
    Umask(u16),
    /// Whether the unpacked source keeps the modes of the archive.
    ArchiveModes(bool),
    /// The system that the build writes for.
    Platform(Platform),
    /// A tool in another version.
    Tool {
        /// The project's name.
        name: &'static str,
        /// The version.
        version: String,
    },
    /// The path of the source during the build.
    BuildPath(String),
    /// Another interpreter of the same version.
    Interpreter,
    /// A variable of the environment.
    Variable(&'static str, String),
}

/// Why two wheels differ, or one reason of several. Texts may hold what comes from
/// a wheel; who prints them escapes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The permanent name.
    pub cause: &'static str,
    /// What happened, in one sentence.
    pub sentence: String,
    /// What was seen of it, each in a few words.
    pub evidence: Vec<String>,
    /// What to do.
    pub advice: String,
    /// How sure it is.
    pub proof: Proof,
    /// The differences it accounts for, wholly or in part, by their place in the
    /// list of differences. What of them was not derived stands in
    /// [`Explanation::attributed`].
    pub differences: Vec<usize>,
    /// Whether it is named even where nothing that it claims was derived or attributed.
    #[serde(skip)]
    pub stands_alone: bool,
    /// Whether what it claims are members that have another name on the other side.
    #[serde(skip)]
    pub pairs_names: bool,
    /// What to change to try it, when one thing decides.
    #[serde(skip)]
    pub factor: Option<Factor>,
}

impl Cause {
    fn new(
        kind: &'static CauseKind,
        sentence: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            cause: kind.name,
            sentence: sentence.into(),
            evidence: Vec::new(),
            advice: advice.into(),
            proof: Proof::Pattern,
            differences: Vec::new(),
            stands_alone: false,
            pairs_names: false,
            factor: None,
        }
    }

    fn seen(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    fn tried_by(mut self, factor: Factor) -> Self {
        self.factor = Some(factor);
        self
    }
}

/// Something that a cause accounts for and that was not derived: the cause makes such a
/// difference, and whether it makes these bytes is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attributed {
    /// The difference, by its place in the list of differences.
    pub difference: usize,
    /// The member; empty when it concerns the archive as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub member: String,
    /// What of it, in a few words; empty when the difference says it all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// The permanent name of the cause.
    pub cause: &'static str,
}

/// Something that no cause accounts for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unexplained {
    /// The difference, by its place in the list of differences.
    pub difference: usize,
    /// The member; empty when it concerns the archive as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub member: String,
    /// What of it, in a few words; empty when the difference says it all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// Whether it speaks against the published wheel: something is in it that has
    /// no source.
    pub is_alarming: bool,
}

/// Why two wheels differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The causes, the deciding ones first.
    pub causes: Vec<Cause>,
    /// What they account for without its bytes having been derived.
    pub attributed: Vec<Attributed>,
    /// What none of them accounts for, the alarming first.
    pub unexplained: Vec<Unexplained>,
}

/// Names the causes of everything that differs. `build` is what is known of the build of
/// the rebuilt wheel.
pub fn explain(
    different: &Different,
    source: Option<&SourceFiles>,
    build: Option<&BuildFacts>,
) -> Explanation {
    let mut case = Case::new(different, source, build);
    // A repair writes anew what tools are told by.
    platform::repair(&mut case);
    tools::claim(&mut case);
    platform::claim(&mut case);
    objects::claim(&mut case);
    source::claim(&mut case);
    texts::claim(&mut case);
    clock::claim(&mut case);
    modes::claim(&mut case);
    container::claim(&mut case);
    let mut explanation = case.finish();
    explanation
        .causes
        .sort_by_key(|cause| registry::rank(cause.cause));
    explanation
}
