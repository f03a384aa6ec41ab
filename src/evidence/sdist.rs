//! What an sdist shows: how it wants to be built, and the times and modes of its
//! files.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::{BuildSystem, MAX_TEXT};
use crate::archive::Limits;
use crate::archive::tar::Kind;
use crate::filename::SdistFilename;
use crate::sdist::{self, SdistError};

/// A file of an sdist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceFile {
    /// The permission bits as archived.
    pub mode: u32,
    /// The time of the last modification, in seconds since 1970.
    pub mtime: i64,
}

/// What an sdist shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdistEvidence {
    /// How it wants to be built, or why that cannot be read.
    pub build_system: Result<BuildSystem, String>,
    /// Whether there is a `pyproject.toml`.
    pub has_pyproject: bool,
    /// What `setup.py` and `setup.cfg` ask for besides (`setup_requires`), as far
    /// as it is written out there: neither is run.
    pub setup_requires: Vec<String>,
    /// Whether one of them or `pyproject.toml` sets an option `universal`, as
    /// `bdist_wheel` has it.
    pub says_universal: bool,
    /// Whether one of the two files speaks of `setup_requires` and none could be read.
    pub has_unread_requires: bool,
    /// Its files by the name below the top directory.
    pub files: BTreeMap<String, SourceFile>,
}

impl SdistEvidence {
    /// Reads an sdist.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    pub fn read(path: &Path, name: &SdistFilename, limits: &Limits) -> Result<Self, SdistError> {
        let mut files = BTreeMap::new();
        let mut pyproject = None;
        let mut setup_requires = Vec::new();
        let mut says_universal = false;
        let mut speaks_of_requires = false;
        sdist::members(path, name, limits, |member, contents| {
            let Some((_, below)) = member.path.as_str().split_once('/') else {
                return Ok(());
            };
            if member.kind != Kind::File {
                return Ok(());
            }
            files.insert(
                below.to_owned(),
                SourceFile {
                    mode: member.mode,
                    mtime: member.mtime,
                },
            );
            if ["pyproject.toml", "setup.py", "setup.cfg"].contains(&below) {
                let mut text = Vec::new();
                let read = contents.take(MAX_TEXT).read_to_end(&mut text);
                read.map_err(|source| SdistError::Io {
                    action: "read",
                    path: below.to_owned(),
                    source,
                })?;
                let text = String::from_utf8_lossy(&text).into_owned();
                says_universal |= sets_universal(&text);
                speaks_of_requires |= below != "pyproject.toml" && text.contains(KEYWORD);
                match below {
                    "pyproject.toml" => pyproject = Some(text),
                    "setup.py" => setup_requires.extend(listed_in_python(&text)),
                    _ => setup_requires.extend(listed_in_configuration(&text)),
                }
            }
            Ok(())
        })?;
        Ok(Self {
            build_system: BuildSystem::parse(pyproject.as_deref().unwrap_or_default()),
            has_pyproject: pyproject.is_some(),
            has_unread_requires: speaks_of_requires && setup_requires.is_empty(),
            setup_requires,
            says_universal,
            files,
        })
    }

    /// Returns the newest time of a file.
    pub fn newest(&self) -> Option<i64> {
        self.files.values().map(|file| file.mtime).max()
    }

    /// Returns the file that a member of the wheel was copied from, judging by its
    /// name: the same path, or the same below one directory more.
    pub fn source_of(&self, member: &str) -> Option<SourceFile> {
        // Licences are copied into the directory of the metadata.
        let member = match member.split_once(".dist-info/") {
            Some((_, described)) => described.strip_prefix("licenses/").unwrap_or(described),
            None => member,
        };
        if let Some(file) = self.files.get(member) {
            return Some(*file);
        }
        if let Some(file) = self.files.get(&format!("src/{member}")) {
            return Some(*file);
        }
        let mut found = self
            .files
            .iter()
            .filter(|(path, _)| path.split_once('/').is_some_and(|(_, rest)| rest == member));
        match (found.next(), found.next()) {
            (Some((_, file)), None) => Some(*file),
            _ => None,
        }
    }
}

/// The word that introduces further tools in both files (setuptools, keyword
/// `setup_requires`).
const KEYWORD: &str = "setup_requires";

/// Returns the strings of the first list that `setup_requires=` is followed by.
fn listed_in_python(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(KEYWORD) {
        let after = text.get(at + KEYWORD.len()..).unwrap_or_default();
        let after = after.trim_start_matches(['"', '\'']).trim_start();
        let Some(after) = after.strip_prefix(['=', ':']) else {
            continue;
        };
        let Some(list) = after.trim_start().strip_prefix(['[', '(']) else {
            continue;
        };
        let list = list.split([']', ')']).next().unwrap_or_default();
        let mut pieces = list.split(['"', '\'']);
        // What stands between two quotes is every second piece.
        while let (Some(_), Some(string)) = (pieces.next(), pieces.next()) {
            found.push(string.to_owned());
        }
        if !found.is_empty() {
            break;
        }
    }
    found
}

/// Returns whether a text sets `universal`, in Python, TOML or an ini file.
fn sets_universal(text: &str) -> bool {
    text.match_indices("universal").any(|(at, word)| {
        let after = text.get(at + word.len()..).unwrap_or_default();
        let after = after.trim_start_matches(['"', '\'']);
        after
            .trim_start_matches([' ', '\t'])
            .starts_with(['=', ':'])
    })
}

/// Returns the values of `setup_requires` in an ini file.
fn listed_in_configuration(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let continues = line.starts_with([' ', '\t']);
        let value = match line.strip_prefix(KEYWORD).map(str::trim_start) {
            Some(rest) if rest.starts_with('=') => {
                inside = true;
                rest.trim_start_matches('=')
            }
            _ if inside && continues => line,
            _ => {
                inside = inside && line.trim().is_empty();
                continue;
            }
        };
        let value = value.split('#').next().unwrap_or_default();
        found.extend(
            value
                .split(';')
                .next()
                .map(str::trim)
                .filter(|value| !value.is_empty())
                .map(str::to_owned),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_seen_where_it_is_set() {
        for text in [
            "[bdist_wheel]\nuniversal = 1\n",
            "[wheel]\nuniversal=1\n",
            "[tool.distutils.bdist_wheel]\nuniversal = true\n",
            "setup(options={'bdist_wheel': {'universal': '1'}})",
            "options = {\"bdist_wheel\": dict(universal=True)}",
        ] {
            assert!(sets_universal(text), "{text}");
        }
        for text in ["", "# a universal wheel\n", "keywords = ['universal']\n"] {
            assert!(!sets_universal(text), "{text}");
        }
    }

    #[test]
    fn further_tools_are_read_where_they_are_written_out() {
        for (text, expected) in [
            (
                "setup(setup_requires=['setuptools_scm'], x=['y'])",
                vec!["setuptools_scm"],
            ),
            (
                "setup(\n  setup_requires = [\n \"a>=1\",\n 'b', # c\n ],\n)",
                vec!["a>=1", "b"],
            ),
            ("setup(**{'setup_requires': ('a',)})", vec!["a"]),
            ("setup(setup_requires=more + ['a'])", vec![]),
            ("setup_requires = []", vec![]),
        ] {
            assert_eq!(listed_in_python(text), expected, "{text}");
        }
        let text =
            "[options]\nsetup_requires =\n    a >= 1 # why\n\n    b\ninstall_requires =\n    c\n";
        assert_eq!(listed_in_configuration(text), ["a >= 1", "b"]);
        assert_eq!(
            listed_in_configuration("setup_requires = a\nx = y\n z\n"),
            ["a"]
        );
    }
}
