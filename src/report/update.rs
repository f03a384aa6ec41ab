//! What became of a wheelhouse, in a report.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

use super::RecipeSource;
use super::text::{Palette, escape};
use crate::digest::Sha256Digest;
use crate::filename::{SdistFilename, WheelFilename};
use crate::recipe::recorded_wheel;

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
                let name = match self.old_versions(&step.project).as_slice() {
                    [] => format!("{}=={}", step.project, step.version),
                    old => format!("{} {} → {}", step.project, old.join(", "), step.version),
                };
                match step.said().as_slice() {
                    [] => (step.step, name),
                    said => (step.step, format!("{name}  ({})", said.join("; "))),
                }
            })
            .collect();
        lines.extend(self.dropped.iter().filter_map(|name| {
            // What a new version takes the place of was said with it.
            let is_replaced = owner(name).is_some_and(|(project, _)| self.builds(&project));
            (!is_replaced).then(|| ("drop", name.clone()))
        }));
        lines.extend(self.skipped.iter().map(|name| ("skip", name.clone())));
        lines.extend(self.previous.iter().map(|old| ("old", old.clone())));
        lines
    }

    /// Returns the versions of a project whose files go.
    fn old_versions(&self, project: &str) -> Vec<String> {
        if !self.builds(project) {
            return Vec::new();
        }
        let gone = self.dropped.iter().filter_map(|name| owner(name));
        let versions: BTreeSet<String> = gone
            .filter(|(of, version)| {
                let is_new = |step: &UpdateStep| step.project == *of && step.version == *version;
                of == project && !self.steps.iter().any(is_new)
            })
            .map(|(_, version)| version)
            .collect();
        versions.into_iter().collect()
    }

    /// Returns whether another version of a project is built.
    fn builds(&self, project: &str) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| step.project == project && step.step == "build")
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

/// Returns the project and the version that a file of a wheelhouse is of: a wheel, its
/// record, or an sdist.
pub(super) fn owner(name: &str) -> Option<(String, String)> {
    let wheel = recorded_wheel(name).or_else(|| WheelFilename::parse(name).ok());
    let wheel = wheel.map(|it| (it.project().to_string(), it.version().to_string()));
    wheel.or_else(|| {
        let sdist = SdistFilename::parse(name).ok()?;
        Some((sdist.project().to_string(), sdist.version().to_string()))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn step(project: &str, version: &str, step: &'static str) -> UpdateStep {
        UpdateStep {
            project: project.to_owned(),
            version: version.to_owned(),
            sdist: format!("{project}-{version}.tar.gz"),
            sdist_sha256: Sha256Digest::of(b""),
            python: "cp311".to_owned(),
            step,
            because: None,
            part: None,
            recorded: None,
            stated: None,
            wheel: None,
            wheel_sha256: None,
            resumed: false,
            recipe_source: None,
            index: None,
        }
    }

    #[test]
    fn a_new_version_is_one_line_and_what_else_goes_has_its_own() {
        let summary = UpdateSummary {
            steps: vec![step("idna", "3.10", "build"), step("six", "1.16.0", "keep")],
            dropped: [
                "idna-3.9-py3-none-any.whl",
                "idna-3.9-py3-none-any.whl.build.json",
                "idna-3.9.tar.gz",
                "old-1.0.tar.gz",
                "notes.txt",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..UpdateSummary::default()
        };
        let lines: Vec<String> = summary
            .lines()
            .into_iter()
            .map(|(word, text)| format!("{word} {text}"))
            .collect();
        let expected = [
            "build idna 3.9 → 3.10",
            "keep six==1.16.0",
            "drop old-1.0.tar.gz",
            "drop notes.txt",
        ];
        assert_eq!(lines, expected);
    }
}
