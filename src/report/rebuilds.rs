//! Rebuilds in a report.

use serde::Serialize;

use crate::compare::{Difference, Sides, WheelFacts};
use crate::digest::Sha256Digest;
use crate::explain::{Attributed, Cause, Unexplained};
use crate::infer::Reason;
use crate::recipe::{Mismatch, Recipe};
use crate::sandbox::Layer;
use crate::selection::Shard;

/// The part of a selection that one machine of many rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ShardSummary {
    /// Which part of how many.
    #[serde(flatten)]
    pub shard: Shard,
    /// How many wheels all parts have together.
    pub selected: u64,
}

/// How the rebuild of one wheel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RebuildOutcome {
    /// The rebuilt wheel has the signed digest.
    Reproduced,
    /// The rebuilt wheel holds the same, and edits of its container give the signed
    /// digest.
    ReproducedWithWitness,
    /// A wheel was built, and it has another digest.
    Different,
    /// The build gave no wheel.
    BuildFailed,
    /// The build was ended at its time limit.
    TimedOut,
    /// There was no build.
    NotAttempted,
}

impl RebuildOutcome {
    /// Returns the word for it, as JSON has it.
    pub fn word(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(word)) => word,
            _ => String::new(),
        }
    }

    /// Returns whether the outcome says anything about the published wheel.
    pub fn is_verdict(self) -> bool {
        match self {
            Self::Reproduced | Self::ReproducedWithWitness | Self::Different => true,
            Self::BuildFailed | Self::TimedOut | Self::NotAttempted => false,
        }
    }
}

/// Where a recipe came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecipeSource {
    /// A signed build record.
    Record,
    /// The policy and the command line.
    Policy,
    /// What the wheel and the sdist show.
    Inferred,
    /// A search for the signed digest.
    Searched,
    /// A proof: an inferred recipe with one thing changed, which gave the signed digest.
    Proved,
}

/// The edits of a witness: as JSON for programs, in words for people.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct WitnessSummary {
    /// The edits as in the witness, a compressed stream by its size and digest.
    pub edits: Vec<serde_json::Value>,
    /// The edits in words.
    #[serde(skip)]
    pub sentences: Vec<String>,
}

/// One wheel and what its rebuild gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RebuildSummary {
    /// The published wheel, by its name below the directory.
    pub wheel: String,
    /// The sdist it was rebuilt from.
    pub sdist: Option<String>,
    /// How it ended.
    pub outcome: RebuildOutcome,
    /// Why there is no wheel, or why there is nothing to compare it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The signed digest.
    pub published_sha256: Sha256Digest,
    /// The digest of the rebuilt wheel.
    pub rebuilt_sha256: Option<Sha256Digest>,
    /// What the wheel was rebuilt by.
    pub recipe: Option<Recipe>,
    /// Where the recipe came from.
    pub recipe_source: Option<RecipeSource>,
    /// What the wheel and the sdist show of the recipe, where it was inferred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inferred: Vec<Reason>,
    /// The recipe as a table of the policy, where it was inferred or searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The interpreter that ran the build, such as `cpython 3.11.2`.
    pub python: Option<String>,
    /// What the build was shut in by.
    pub sandbox: Option<Layer>,
    /// What was not quite as the recipe says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Where this machine is not the one that the recipe speaks of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mismatches: Vec<Mismatch>,
    /// Where the two wheels differ.
    pub differences: Vec<Difference>,
    /// Both wheels as a whole, where they differ; for pictures only.
    #[serde(skip)]
    pub wheels: Sides<Option<WheelFacts>>,
    /// The edits that turn the rebuilt wheel into the published one.
    pub witness: WitnessSummary,
    /// Why they differ.
    pub causes: Vec<Cause>,
    /// What they account for without its bytes having been derived.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributed: Vec<Attributed>,
    /// What has no cause.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unexplained: Vec<Unexplained>,
    /// The end of the log, when the build gave no wheel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Whether the wheel was built by an earlier run and taken from the cache.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// How long the build took, when durations were asked for: with them, equal
    /// input no longer gives equal reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}
