//! Lists of tools with their digests, in the form that `pip --require-hashes`
//! reads.
//!
//! In: the text of such a list; whoever vouches for it, it is not this module.
//! Out: [`Requirements`], each with an exact version and at least one SHA-256.
//!
//! The form, line by line: `NAME==VERSION`, one or more `--hash=sha256:HEX`,
//! a `\` at the end to go on, `#` for comments. Extras in brackets are passed
//! over: nothing is resolved here. A requirement with a marker (`; …`) is used
//! where its wheel is at hand and not missed where it is not. Everything else,
//! options and addresses among them, is refused with its line number: it would
//! mean something to pip that it cannot mean here.

use pep440_rs::Version;

use crate::digest::Sha256Digest;
use crate::filename::{FilenameError, ProjectName};

/// One tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The project, normalised.
    pub project: ProjectName,
    /// The one version.
    pub version: Version,
    /// The digests that will do; there is at least one.
    pub sha256: Vec<Sha256Digest>,
    /// Whether it has a marker and so may be absent.
    pub has_marker: bool,
    /// The line it starts on, counted from 1.
    pub line: u64,
}

/// A list of tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirements {
    /// The tools in the order of the list.
    pub entries: Vec<Requirement>,
}

/// Why a list was refused, and in which line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct RequirementsError {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a line of a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// An option of pip, an address or a path.
    #[error("'{}' is not of the form NAME==VERSION --hash=sha256:…", .0.escape_default())]
    Form(String),
    /// No `==` and one version.
    #[error("'{}' does not name one version; write NAME==VERSION", .0.escape_default())]
    Version(String),
    /// No name.
    #[error("{0}")]
    Name(FilenameError),
    /// A hash that is not SHA-256.
    #[error("'{}' is not --hash=sha256: and 64 hexadecimal digits", .0.escape_default())]
    Hash(String),
    /// No hash at all.
    #[error("'{0}' has no --hash=sha256:…; every tool needs one")]
    NoHash(String),
    /// The same project again.
    #[error("'{0}' is listed in line {1} already")]
    Twice(String, u64),
    /// The list ends in the middle.
    #[error("the list ends after a '\\'")]
    OpenEnd,
}

impl Requirements {
    /// Reads a list.
    ///
    /// # Errors
    ///
    /// The first line that is refused.
    pub fn parse(text: &str) -> Result<Self, RequirementsError> {
        let mut entries: Vec<Requirement> = Vec::new();
        let mut logical = String::new();
        let mut start = 0;
        let mut number = 0;
        for raw in text.lines() {
            number += 1;
            if logical.is_empty() {
                start = number;
            }
            // pip: a comment starts at the line's start or after white space,
            // and a line that is a comment does not go on.
            let line = match raw.find('#') {
                Some(0) => "",
                Some(_) => raw.split_once(" #").map_or(raw, |(before, _)| before),
                None => raw,
            };
            if let Some(before) = line.strip_suffix('\\') {
                logical.push_str(before);
                logical.push(' ');
                continue;
            }
            logical.push_str(line);
            let complete = std::mem::take(&mut logical);
            if complete.trim().is_empty() {
                continue;
            }
            let entry =
                parse_entry(complete.trim(), start).map_err(|reason| RequirementsError {
                    line: start,
                    reason,
                })?;
            if let Some(before) = entries.iter().find(|other| other.project == entry.project) {
                return Err(RequirementsError {
                    line: start,
                    reason: Reason::Twice(entry.project.to_string(), before.line),
                });
            }
            entries.push(entry);
        }
        if !logical.trim().is_empty() {
            return Err(RequirementsError {
                line: start,
                reason: Reason::OpenEnd,
            });
        }
        Ok(Self { entries })
    }
}

fn parse_entry(text: &str, line: u64) -> Result<Requirement, Reason> {
    if text.starts_with('-') || text.contains("://") || text.contains(" @ ") {
        return Err(Reason::Form(text.to_owned()));
    }
    let (specifier, hashes) = match text.find("--hash") {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let (specifier, has_marker) = match specifier.split_once(';') {
        Some((specifier, _)) => (specifier, true),
        None => (specifier, false),
    };
    let specifier = specifier.trim();
    let (name, version) = specifier
        .split_once("==")
        .ok_or_else(|| Reason::Version(specifier.to_owned()))?;
    let name = match name.split_once('[') {
        Some((name, extras)) if extras.trim_end().ends_with(']') => name,
        Some(_) => return Err(Reason::Form(text.to_owned())),
        None => name,
    };
    let project = ProjectName::parse(name.trim()).map_err(Reason::Name)?;
    let version: Version = version
        .trim()
        .parse()
        .map_err(|_| Reason::Version(specifier.to_owned()))?;
    let mut sha256 = Vec::new();
    for word in hashes.split_whitespace() {
        let digest = word
            .strip_prefix("--hash=sha256:")
            .and_then(|digest| digest.parse().ok())
            .ok_or_else(|| Reason::Hash(word.to_owned()))?;
        sha256.push(digest);
    }
    if sha256.is_empty() {
        return Err(Reason::NoHash(specifier.to_owned()));
    }
    Ok(Requirement {
        project,
        version,
        sha256,
        has_marker,
        line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0000000000000000000000000000000000000000000000000000000000000000";
    const B: &str = "1111111111111111111111111111111111111111111111111111111111111111";

    #[test]
    fn a_list_as_pip_compile_writes_it_is_read() {
        let text = format!(
            "#\n# comment\n#\nSetup_Tools==54.0.0 \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{B}\n    # via x\n\nwheel[extra]==0.36.2 --hash=sha256:{A} # why\r\ntomli==2.0 ; python_version < \"3.11\" --hash=sha256:{B}"
        );
        let list = Requirements::parse(&text).expect("a list").entries;
        let seen: Vec<(&str, String, usize, bool, u64)> = list
            .iter()
            .map(|entry| {
                (
                    entry.project.as_str(),
                    entry.version.to_string(),
                    entry.sha256.len(),
                    entry.has_marker,
                    entry.line,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("setup-tools", "54.0.0".to_owned(), 2, false, 4),
                ("wheel", "0.36.2".to_owned(), 1, false, 9),
                ("tomli", "2.0".to_owned(), 1, true, 10),
            ]
        );
    }

    #[test]
    fn what_would_mean_more_to_pip_is_refused_with_its_line() {
        for (entry, reason) in [
            ("wheel==1.0", Reason::NoHash("wheel==1.0".to_owned())),
            (
                "wheel>=1.0 --hash=sha256:0",
                Reason::Version("wheel>=1.0".to_owned()),
            ),
            (
                "wheel==1.* --hash=sha256:0",
                Reason::Version("wheel==1.*".to_owned()),
            ),
            (
                "wheel==1.0,!=2 --hash=sha256:0",
                Reason::Version("wheel==1.0,!=2".to_owned()),
            ),
            (
                "wheel==1 --hash=md5:0",
                Reason::Hash("--hash=md5:0".to_owned()),
            ),
            (
                "wheel==1 --hash=sha256:0",
                Reason::Hash("--hash=sha256:0".to_owned()),
            ),
            (
                "--index-url https://x",
                Reason::Form("--index-url https://x".to_owned()),
            ),
            ("-r other.txt", Reason::Form("-r other.txt".to_owned())),
            (
                "wheel @ file:///x",
                Reason::Form("wheel @ file:///x".to_owned()),
            ),
            ("wheel==1 \\", Reason::OpenEnd),
        ] {
            let error = Requirements::parse(&format!("\n{entry}")).expect_err(entry);
            assert_eq!(error, RequirementsError { line: 2, reason });
        }
        let twice = format!("a==1 --hash=sha256:{A}\nA==1 --hash=sha256:{B}");
        assert_eq!(
            Requirements::parse(&twice).expect_err("twice").reason,
            Reason::Twice("a".to_owned(), 1)
        );
    }
}
