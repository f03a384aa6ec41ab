//! What became of a wheelhouse, in a report.

use std::io::{self, Write};

use serde::Serialize;

use super::RecipeSource;
use super::text::{Palette, escape};
use crate::digest::Sha256Digest;

/// What an update does, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct UpdateSummary {
    /// Whether it was only asked what would be done.
    pub dry_run: bool,
    /// Whether a new wheelhouse took the place of the old one.
    pub in_place: bool,
    /// One step for each project and interpreter, sorted by project.
    pub steps: Vec<UpdateStep>,
    /// The files that nothing needs, sorted.
    pub dropped: Vec<String>,
    /// Requirements whose marker does not hold for any interpreter, sorted.
    pub skipped: Vec<String>,
    /// Where the old wheelhouse is, if it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// Whether the wheel of the index came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexComparison {
    /// The build gave its bytes.
    Identical,
    /// The build gave other bytes, and these were taken.
    Different,
}

/// What becomes of one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpdateStep {
    /// The project.
    pub project: String,
    /// Its version.
    pub version: String,
    /// The file name of the sdist.
    pub sdist: String,
    /// Its digest.
    pub sdist_sha256: Sha256Digest,
    /// The interpreter that is built for.
    pub python: String,
    /// `keep` or `build`.
    pub step: &'static str,
    /// Why it is built: `new`, `unrecorded`, `sdist-changed` or `recipe-changed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<&'static str>,
    /// The part of the recipe that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<&'static str>,
    /// What the record says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// What is asked for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated: Option<String>,
    /// The wheel that stays or was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wheel: Option<String>,
    /// Its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wheel_sha256: Option<Sha256Digest>,
    /// Whether an interrupted run had built it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
    /// Where its recipe came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe_source: Option<RecipeSource>,
    /// Whether the wheel of the index came back; absent when there is none to
    /// compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<IndexComparison>,
}

impl UpdateSummary {
    /// Returns what was or would be done, each a word and what it is about, as it came.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines: Vec<(&'static str, String)> = self
            .steps
            .iter()
            .map(|step| {
                let name = format!("{}=={}", step.project, step.version);
                match step.said().as_slice() {
                    [] => (step.step, name),
                    said => (step.step, format!("{name}  ({})", said.join("; "))),
                }
            })
            .collect();
        for (word, names) in [("drop", &self.dropped), ("skip", &self.skipped)] {
            lines.extend(names.iter().map(|name| (word, name.clone())));
        }
        lines.extend(self.previous.iter().map(|old| ("old", old.clone())));
        lines
    }

    /// Writes it for people.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        for (word, text) in self.lines() {
            let word = palette.strong(&format!("{word:<5}"));
            writeln!(out, "{word}  {}", escape(&text))?;
        }
        writeln!(out)
    }
}

impl UpdateStep {
    /// Returns why it is taken and what came of it, each in a few words.
    fn said(&self) -> Vec<String> {
        let mut said = Vec::new();
        if let Some(because) = self.because {
            said.push(match (because, self.part) {
                ("new", _) => "new".to_owned(),
                ("unrecorded", _) => "no record tells what it was built from".to_owned(),
                ("sdist-changed", _) => "it was built from another sdist".to_owned(),
                (_, part) => format!(
                    "{} changed from {} to {}",
                    part.unwrap_or("its recipe"),
                    self.recorded.as_deref().unwrap_or("none"),
                    self.stated.as_deref().unwrap_or("none"),
                ),
            });
        }
        match self.index {
            Some(IndexComparison::Identical) => {
                said.push("identical with the wheel of the index".to_owned());
            }
            Some(IndexComparison::Different) => {
                said.push("not the bytes of the wheel of the index".to_owned());
            }
            None => {}
        }
        if self.resumed {
            said.push("an interrupted run had built it".to_owned());
        }
        said
    }
}
