//! Pinned requirements with hashes.
//!
//! In: files of requirements, and lock files, which anybody may have written. Out:
//! [`Requirement`]s, each of one project in one version. Whatever would send an
//! installer elsewhere (options, links, editables, sources of a lock file) is a
//! [`FaultKind`], and so is whatever is not understood: neither is passed over.
//!
//! Two ways in: [`read`] takes every format, follows included files and tells
//! everything that is wrong; [`parse`] takes one list of pip's format that has to
//! be right.

mod document;
mod fault;
mod files;
mod lines;
mod listing;
mod lock;
mod marker;
mod pip;
mod poetry;
mod pylock;
mod uv;
mod ways;

use std::collections::BTreeMap;

use pep440_rs::Version;
use serde::Serialize;

use crate::digest::Sha256Digest;
use crate::filename::ProjectName;

pub use fault::FaultKind;
pub use files::read;
pub use listing::{Fault, Format, ListFile, Listing, Pin, Place};

/// The most bytes that files of requirements may have together.
pub const MAX_BYTES: u64 = 16 << 20;

/// One pinned requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// The project.
    pub project: ProjectName,
    /// The extras asked for, as they are written.
    pub extras: Vec<String>,
    /// The one version asked for.
    pub version: Version,
    /// The digests that a file of it may have; any when empty.
    pub hashes: Vec<Sha256Digest>,
    /// The condition after `;`, as it is written. It is not evaluated.
    pub marker: Option<String>,
    /// The line it begins on, counted from 1.
    #[serde(skip)]
    pub line: u64,
}

/// A line that is no pinned requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct RequirementsError {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub kind: FaultKind,
}

/// Reads a list of tools: each requirement pinned and hashed, each project once.
///
/// # Errors
///
/// The first line that is anything else.
pub fn parse_hashed(bytes: &[u8]) -> Result<Vec<Requirement>, RequirementsError> {
    let requirements = parse(bytes)?;
    let mut lines = BTreeMap::new();
    for Requirement {
        project,
        hashes,
        line,
        ..
    } in &requirements
    {
        let fault = |kind| RequirementsError { line: *line, kind };
        if hashes.is_empty() {
            return Err(fault(FaultKind::NoHash(project.clone())));
        }
        if let Some(first) = lines.insert(project, *line) {
            return Err(fault(FaultKind::Twice(project.clone(), first)));
        }
    }
    Ok(requirements)
}

/// Reads a requirements file in which every requirement is pinned with `==`, and
/// which names no other file.
///
/// # Errors
///
/// The first line that is anything else.
pub fn parse(bytes: &[u8]) -> Result<Vec<Requirement>, RequirementsError> {
    let text = std::str::from_utf8(bytes).map_err(|_| RequirementsError {
        line: 1,
        kind: FaultKind::NotUtf8,
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut requirements = Vec::new();
    for logical in lines::logical(text) {
        let logical = logical.map_err(|(line, kind)| RequirementsError { line, kind })?;
        let fault = |kind| RequirementsError {
            line: logical.line,
            kind,
        };
        let said = pip::line(&logical.text, logical.line).map_err(|faults| {
            let first = faults.into_iter().next();
            fault(first.unwrap_or_else(|| FaultKind::Option(logical.text.clone())))
        })?;
        for line in said {
            match line {
                pip::Line::Requirement(requirement) => requirements.push(*requirement),
                pip::Line::Include(name) | pip::Line::Constraints(name) => {
                    return Err(fault(FaultKind::Include(name)));
                }
                pip::Line::OnlyWheels(_) => {}
            }
        }
    }
    Ok(requirements)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_forms_that_pip_writes_are_read() {
        let text = format!(
            "# made by a tool\nsix==1.16.0 \\\n    --hash=sha256:{A} \\\n    --hash sha256:{A}\n\n\
             Typing_Extensions[x,y] == 4.0 ; python_version < \"3.8\"  # why\n"
        );
        let read = parse(text.as_bytes()).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].project.as_str(), read[0].line), ("six", 2));
        assert_eq!(read[0].hashes.len(), 2);
        assert_eq!(read[1].project.as_str(), "typing-extensions");
        assert_eq!(read[1].extras, ["x", "y"]);
        assert_eq!(read[1].version.to_string(), "4.0");
        assert_eq!(read[1].marker.as_deref(), Some("python_version < \"3.8\""));
        assert_eq!(read[1].line, 6);
    }

    #[test]
    fn a_list_of_tools_needs_a_hash_on_every_line_and_each_project_once() {
        use FaultKind as K;
        let six = ProjectName::parse("six").unwrap();
        let hashed = format!("six==1 --hash=sha256:{A}\n");
        assert_eq!(parse_hashed(hashed.as_bytes()).unwrap().len(), 1);
        for (text, kind) in [
            (
                format!("{hashed}six==2 --hash=sha256:{A}"),
                K::Twice(six.clone(), 1),
            ),
            ("\nsix==1".to_owned(), K::NoHash(six)),
            ("\nsix==1 \\\n".to_owned(), K::OpenEnd),
        ] {
            let error = parse_hashed(text.as_bytes()).unwrap_err();
            assert_eq!((error.line, error.kind), (2, kind), "{text}");
        }
    }

    #[test]
    fn everything_that_leads_elsewhere_is_refused_with_its_line() {
        use FaultKind as K;
        for (line, kind) in [
            (
                "--find-links x",
                K::OptionElsewhere("--find-links".to_owned()),
            ),
            (
                "--extra-ind=x",
                K::OptionElsewhere("--extra-ind".to_owned()),
            ),
            (
                "--no-index --find-links=x",
                K::OptionElsewhere("--find-links".to_owned()),
            ),
            ("-fx", K::OptionElsewhere("-f".to_owned())),
            ("six==1 -f x", K::OptionElsewhere("-f".to_owned())),
            ("--no-binary :all:", K::Option("--no-binary".to_owned())),
            (
                "--no-require-hashes",
                K::Option("--no-require-hashes".to_owned()),
            ),
            ("--hash=sha256:00", K::Option("--hash".to_owned())),
            ("--hash='x'", K::Quotes("--hash='x'".to_owned())),
            ("--find-links", K::Value("--find-links".to_owned())),
            ("--no-index=1", K::Value("--no-index=1".to_owned())),
            (
                "six==1 --hash=x ; os_name == 'nt'",
                K::Stray(";".to_owned()),
            ),
            ("six==1+a-tar", K::Link("six==1+a-tar".to_owned())),
            ("six==1+a_TLZ", K::Link("six==1+a_TLZ".to_owned())),
            ("six==${SIX}", K::Variable("${SIX}".to_owned())),
            (
                "six-1.0-py3-none-any.whl",
                K::Link("six-1.0-py3-none-any.whl".to_owned()),
            ),
            ("six==1.0 ;# why", K::Marker("# why".to_owned())),
            ("six==1.0 ;", K::Marker(String::new())),
            ("six==1.0 ;--pre", K::Marker("--pre".to_owned())),
            ("six==1.0;-fx", K::Marker("-fx".to_owned())),
            ("six==1.0 ;;a", K::Marker(";a".to_owned())),
            ("six===1.0", K::NotPinned("six===1.0".to_owned())),
            ("six~=1.0", K::NotPinned("six~=1.0".to_owned())),
            ("a==1 --hash=sha512:00", K::Hash("sha512:00".to_owned())),
            ("a==1 # b \\", K::Backslash),
            ("-i x", K::OptionElsewhere("-i".to_owned())),
            ("-e .", K::OptionElsewhere("-e".to_owned())),
            ("-r other.txt", K::Include("other.txt".to_owned())),
            (
                "a==1 --global-option=x",
                K::Option("--global-option".to_owned()),
            ),
            (
                "a @ https://example.org/a.whl",
                K::Link("a @ https://example.org/a.whl".to_owned()),
            ),
            ("./a.whl", K::Link("./a.whl".to_owned())),
            ("a>=1", K::NotPinned("a>=1".to_owned())),
            ("a", K::NotPinned("a".to_owned())),
            ("a==1.*", K::Version("1.*".to_owned())),
            ("a[x==1", K::Name("x".to_owned())),
            ("a[x y]==1", K::Name("x y".to_owned())),
            ("a==1,!=2", K::Version("1,!=2".to_owned())),
            ("-a==1", K::Option("-a".to_owned())),
            ("a==1 --hash=md5:0", K::Hash("md5:0".to_owned())),
        ] {
            let error = parse(format!("six==1\n{line}\n").as_bytes()).unwrap_err();
            assert_eq!((error.line, error.kind), (2, kind), "{line}");
        }
    }
}
