//! Which wheels are to be rebuilt, and from which sdists.
//!
//! In: a signed [`Manifest`] and what the user selected. Out: [`Pair`]s of a wheel
//! and the sdist of the same project and version in the same manifest. Nothing is
//! read from the directory here.

mod sample;
mod shard;

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroUsize;

use globset::{Glob, GlobMatcher};
use pep440_rs::Version;

use crate::digest::Sha256Digest;
use crate::filename::{ProjectName, SdistFilename, SdistFormat, WheelFilename};
use crate::manifest::Manifest;
use crate::relpath::RelPath;
use crate::spelling;

pub use shard::{Shard, ShardError};

/// What the user selected.
#[derive(Debug, Clone)]
pub enum Selection {
    /// Every wheel.
    All,
    /// The wheels that one of these selects.
    Some(Vec<Selector>),
    /// So many wheels, decided by a text: the same text, the same choice.
    Sample {
        /// How many; all when there are fewer.
        count: NonZeroUsize,
        /// The text.
        seed: String,
    },
}

impl fmt::Display for Selection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("all"),
            Self::Some(selectors) => {
                let words: Vec<_> = selectors.iter().map(Selector::as_str).collect();
                write!(formatter, "{}", words.join(" "))
            }
            Self::Sample { count, seed } => write!(formatter, "sample {count}, seed {seed}"),
        }
    }
}

/// One word of a selection.
#[derive(Debug, Clone)]
pub struct Selector {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Project(ProjectName),
    Pinned(ProjectName, Version),
    FileName(GlobMatcher),
}

/// Why a word selects nothing anywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is no project, no project==version and no pattern of a file name", .0.escape_debug())]
pub struct SelectorError(String);

impl Selector {
    /// Reads a project name, `project==version`, or a pattern of a wheel's file
    /// name with `*`, `?` and `[…]`.
    ///
    /// # Errors
    ///
    /// The text is none of these.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let refuse = || SelectorError(text.to_owned());
        let kind = if let Some((project, version)) = text.split_once("==") {
            let project = ProjectName::parse(project.trim()).map_err(|_| refuse())?;
            let version = version.trim().parse().map_err(|_| refuse())?;
            Kind::Pinned(project, version)
        } else if let Ok(project) = ProjectName::parse(text)
            && !text.ends_with(".whl")
        {
            Kind::Project(project)
        } else {
            let glob = Glob::new(text).map_err(|_| refuse())?;
            Kind::FileName(glob.compile_matcher())
        };
        Ok(Self {
            text: text.to_owned(),
            kind,
        })
    }

    /// Returns the word as the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn selects(&self, name: &RelPath, wheel: &WheelFilename) -> bool {
        match &self.kind {
            Kind::Project(project) => project == wheel.project(),
            Kind::Pinned(project, version) => {
                project == wheel.project() && version == wheel.version()
            }
            Kind::FileName(glob) => glob.is_match(name.file_name()),
        }
    }
}

/// How many names are offered in place of one that nothing has.
const OFFERED: usize = 3;

/// Returns what in a manifest a word that selects nothing may have meant: versions of the
/// project that it names, else projects or file names like it.
pub fn alike(manifest: &Manifest, word: &str) -> Vec<String> {
    let wheels: Vec<Signed<WheelFilename>> = signed(manifest, WheelFilename::parse);
    let (project, version) = word.split_once("==").unwrap_or((word, ""));
    let mut near: Vec<String> = Vec::new();
    if let (Ok(project), false) = (ProjectName::parse(project), version.is_empty()) {
        let of_project = wheels
            .iter()
            .filter(|wheel| *wheel.filename.project() == project);
        near.extend(of_project.map(|wheel| format!("{project}=={}", wheel.filename.version())));
    }
    if near.is_empty() {
        let projects: BTreeSet<String> = wheels
            .iter()
            .map(|wheel| wheel.filename.project().to_string())
            .collect();
        let files = wheels.iter().map(|wheel| wheel.path.file_name());
        let names = projects.iter().map(String::as_str).chain(files);
        near.extend(
            spelling::all_near(project, names)
                .into_iter()
                .map(str::to_owned),
        );
    }
    near.dedup();
    near.truncate(OFFERED);
    near
}

/// A signed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<T> {
    /// Its name below the directory.
    pub path: RelPath,
    /// The parts of its file name.
    pub filename: T,
    /// Its signed digest.
    pub sha256: Sha256Digest,
}

/// A wheel to rebuild, and what from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The published wheel.
    pub wheel: Signed<WheelFilename>,
    /// The sdist; `None` when the manifest lists none of that project and
    /// version.
    pub sdist: Option<Signed<SdistFilename>>,
}

/// What a selection gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selected {
    /// The wheels in the order of their names.
    pub pairs: Vec<Pair>,
    /// The words that select no wheel of the manifest.
    pub unmatched: Vec<String>,
}

/// Returns the selected wheels of a manifest with their sdists.
pub fn select(manifest: &Manifest, selection: &Selection) -> Selected {
    let wheels: Vec<Signed<WheelFilename>> = signed(manifest, WheelFilename::parse);
    let sdists: Vec<Signed<SdistFilename>> = signed(manifest, SdistFilename::parse);
    let mut selected = Selected::default();
    let chosen: Vec<Signed<WheelFilename>> = match selection {
        Selection::All => wheels,
        Selection::Some(selectors) => {
            let matches = |selector: &Selector, wheel: &Signed<WheelFilename>| {
                selector.selects(&wheel.path, &wheel.filename)
            };
            selected.unmatched = selectors
                .iter()
                .filter(|selector| !wheels.iter().any(|wheel| matches(selector, wheel)))
                .map(|selector| selector.text.clone())
                .collect();
            wheels
                .into_iter()
                .filter(|wheel| selectors.iter().any(|selector| matches(selector, wheel)))
                .collect()
        }
        Selection::Sample { count, seed } => sample::sample(wheels, count.get(), seed),
    };
    selected.pairs = chosen
        .into_iter()
        .map(|wheel| Pair {
            sdist: sdist_of(&wheel.filename, &sdists),
            wheel,
        })
        .collect();
    selected
}

fn signed<T, E>(manifest: &Manifest, parse: impl Fn(&str) -> Result<T, E>) -> Vec<Signed<T>> {
    manifest
        .entries()
        .filter_map(|(path, entry)| {
            Some(Signed {
                filename: parse(path.file_name()).ok()?,
                path: path.clone(),
                sha256: entry.sha256,
            })
        })
        .collect()
}

fn sdist_of(
    wheel: &WheelFilename,
    sdists: &[Signed<SdistFilename>],
) -> Option<Signed<SdistFilename>> {
    sdists
        .iter()
        .filter(|sdist| {
            sdist.filename.project() == wheel.project()
                && sdist.filename.version() == wheel.version()
        })
        // The standard's format first, where a project published both.
        .min_by_key(|sdist| sdist.filename.format() != SdistFormat::TarGz)
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::manifest_of;

    fn names(selected: &Selected) -> Vec<&str> {
        selected
            .pairs
            .iter()
            .map(|pair| pair.wheel.path.as_str())
            .collect()
    }

    fn some(words: &[&str]) -> Selection {
        Selection::Some(
            words
                .iter()
                .map(|word| Selector::parse(word).unwrap())
                .collect(),
        )
    }

    const FILES: &[&str] = &[
        "Mako-1.0.7-py3-none-any.whl",
        "Mako-1.0.7.tar.gz",
        "Mako-1.0.7.zip",
        "README",
        "securedrop-sdk-0.1.1.tar.gz",
        "securedrop_sdk-0.1.0-py3-none-any.whl",
        "securedrop_sdk-0.1.1-py3-none-any.whl",
        "six-1.0-py2-none-any.whl",
        "six-1.0-py3-none-any.whl",
    ];

    #[test]
    fn each_kind_of_word_selects_what_it_says() {
        let manifest = manifest_of(FILES);
        for (word, expected) in [
            ("mako", vec!["Mako-1.0.7-py3-none-any.whl"]),
            (
                "securedrop-sdk==0.1.00",
                vec!["securedrop_sdk-0.1.0-py3-none-any.whl"],
            ),
            (
                "six-*",
                vec!["six-1.0-py2-none-any.whl", "six-1.0-py3-none-any.whl"],
            ),
            ("six-1.0-py3-none-any.whl", vec!["six-1.0-py3-none-any.whl"]),
        ] {
            assert_eq!(
                names(&select(&manifest, &some(&[word]))),
                expected,
                "{word}"
            );
        }
    }

    #[test]
    fn a_word_that_selects_nothing_is_told() {
        let selected = select(&manifest_of(FILES), &some(&["mako", "nothing", "README"]));
        assert_eq!(selected.unmatched, ["nothing", "README"]);
        assert!(Selector::parse("a==b==c").is_err());
        assert!(Selector::parse("[").is_err());
    }

    #[test]
    fn a_wheel_is_paired_with_the_sdist_of_its_project_and_version() {
        let selected = select(&manifest_of(FILES), &Selection::All);
        let sdists: Vec<_> = selected
            .pairs
            .iter()
            .map(|pair| pair.sdist.as_ref().map(|sdist| sdist.path.as_str()))
            .collect();
        assert_eq!(
            sdists,
            [
                Some("Mako-1.0.7.tar.gz"),
                None,
                Some("securedrop-sdk-0.1.1.tar.gz"),
                None,
                None
            ]
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_sample_and_seeds_reach_every_wheel() {
        let manifest = manifest_of(FILES);
        let draw = |seed: String| {
            select(
                &manifest,
                &Selection::Sample {
                    count: NonZeroUsize::new(2).unwrap(),
                    seed,
                },
            )
        };
        assert_eq!(draw("a".to_owned()), draw("a".to_owned()));
        assert_eq!(draw("a".to_owned()).pairs.len(), 2);
        let reached: std::collections::BTreeSet<String> = (0..50)
            .flat_map(|seed| {
                let drawn = draw(seed.to_string());
                names(&drawn)
                    .into_iter()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(reached.len(), 5);
    }
}
