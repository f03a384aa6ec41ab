//! A recipe from what a wheel and its sdist show.
//!
//! In: evidence. Out: [`Inference`], what the tools have to be and what the build
//! has to see, each part with the evidence that speaks for it. Pure: the same
//! evidence gives the same inference. It is a guess until a rebuild gives the
//! published digest.
//!
//! One rule a file: `tools` reads who built it, `times` the clock and the epoch,
//! `steps` when the clock went on, `modes` the umask, `platform` the system,
//! `options` what the builder was told.

mod modes;
mod options;
mod platform;
mod steps;
#[cfg(test)]
mod tests;
mod times;
mod tools;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::evidence::SdistEvidence;
use crate::evidence::WheelEvidence;
use crate::filename::ProjectName;
use crate::policy::{Distutils, Platform};
use crate::recipe::SourceModes;
use crate::recipe::Umask;
use crate::time::UtcTime;

pub use times::is_constant;
pub use tools::{
    LAST_WITHOUT_WHEEL, asks_when_asked, builder_project, checked_requirement, name_of,
};

/// How many further requirements a backend may ask for.
const MOST: usize = 50;

/// A part of a recipe and why it is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The part, in the word of the policy.
    pub part: &'static str,
    /// What was inferred.
    pub value: String,
    /// The evidence, in one sentence without a full stop.
    pub because: String,
}

/// A recipe that evidence speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inference {
    /// What the tools have to satisfy, as requirements; checked to name projects
    /// and versions only.
    pub requirements: Vec<String>,
    /// The projects among them whose version the evidence names, whatever the
    /// date.
    pub pinned: BTreeSet<ProjectName>,
    /// No other tool is newer than this.
    pub cutoff: Option<UtcTime>,
    /// `SOURCE_DATE_EPOCH`.
    pub source_date_epoch: Option<i64>,
    /// The clock of the build.
    pub clock: Option<i64>,
    /// When that clock goes on, by how the path of a file ends that is begun then.
    pub clock_steps: BTreeMap<String, i64>,
    /// The system that the build wrote for.
    pub platform: Option<Platform>,
    /// Options of distutils.
    pub distutils: Distutils,
    /// The umask.
    pub umask: Option<Umask>,
    /// Where the modes of the source come from.
    pub source_modes: Option<SourceModes>,
    /// The time zone, as `TZ` has it.
    pub time_zone: Option<String>,
    /// The tool that WHEEL names as the builder, with its version, as a requirement:
    /// whether or not the source asks for it.
    pub builder: Option<(ProjectName, String)>,
    /// Why.
    pub reasons: Vec<Reason>,
}

impl Inference {
    /// Takes in what the backend asked for when it was asked. Returns whether that is
    /// anything new.
    pub fn asked_besides(&mut self, asked: &[String]) -> bool {
        let known = self.requirements.len();
        // What is no project with a version is passed over: the build will miss it.
        for requirement in asked.iter().filter_map(|text| checked_requirement(text)) {
            if self.requirements.contains(&requirement) || self.requirements.len() > known + MOST {
                continue;
            }
            self.because(
                "tools",
                &requirement,
                "the backend asks for it when it is asked (get_requires_for_build_wheel)",
            );
            if let Some((project, version)) = &self.builder
                && tools::is_of(&requirement, project)
                && self.pinned.insert(project.clone())
            {
                self.requirements.push(version.clone());
            }
            self.requirements.push(requirement);
        }
        self.requirements.len() > known
    }

    fn because(&mut self, part: &'static str, value: impl ToString, because: impl ToString) {
        self.reasons.push(Reason {
            part,
            value: value.to_string(),
            because: because.to_string(),
        });
    }
}

/// Returns seconds since 1970 with the time they are.
fn told(seconds: i64) -> String {
    match UtcTime::from_unix_seconds(seconds) {
        Some(time) => format!("{seconds} ({time})"),
        None => seconds.to_string(),
    }
}

/// Infers a recipe. `signed` is when the manifest was signed: the build was
/// earlier.
///
/// # Errors
///
/// A sentence about why the sdist does not say how it is built.
pub fn infer(
    project: &ProjectName,
    wheel: Option<&WheelEvidence>,
    sdist: &SdistEvidence,
    signed: Option<UtcTime>,
) -> Result<Inference, String> {
    let mut inference = Inference::default();
    tools::infer(&mut inference, project, wheel, sdist)?;
    times::cutoff(&mut inference, wheel, sdist, signed);
    tools::oldest_setuptools(&mut inference, sdist);
    if wheel.is_none()
        && let Some(signed) = signed
    {
        // Without a wheel nothing tells the time; the same one for each run at
        // least gives the same bytes.
        inference.clock = Some(signed.unix_seconds());
        inference.because(
            "clock",
            signed,
            "the published wheel is not there to tell; the manifest was signed then",
        );
    }
    if let Some(wheel) = wheel {
        times::infer(&mut inference, wheel, sdist);
        platform::infer(&mut inference, wheel);
        options::infer(&mut inference, wheel, sdist);
        modes::infer(&mut inference, wheel, sdist);
    }
    Ok(inference)
}
