//! Pinned requirements with hashes.
//!
//! In: the text of a requirements file. Out: [`Requirement`]s, each of one
//! project in one version. Whatever would send an installer elsewhere (options,
//! links, editables, other files) is a fault, not something to pass over.
//!
//! The format is pip's ("Requirements File Format", "Hash-checking Mode").

use std::collections::BTreeMap;

use pep440_rs::Version;

use crate::digest::Sha256Digest;
use crate::filename::ProjectName;

/// The most bytes a requirements file may have.
pub const MAX_BYTES: u64 = 16 << 20;

/// One pinned requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub line: u64,
}

/// A line that is no pinned requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct RequirementsError {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub kind: RequirementsErrorKind,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementsErrorKind {
    /// The file is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// The line is an option such as `--find-links`.
    #[error("options such as '{}' have no place here", .0.escape_debug())]
    Option(String),
    /// The line names a file or a link instead of a project.
    #[error("'{}' is a link or a path, not a project with a version", .0.escape_debug())]
    Link(String),
    /// The requirement allows more than one version.
    #[error("'{}' is not pinned: write it as name==version", .0.escape_debug())]
    NotPinned(String),
    /// The name is no project name.
    #[error("'{}' is not a project name", .0.escape_debug())]
    Name(String),
    /// The version is none, or a pattern.
    #[error("'{}' is not one version", .0.escape_debug())]
    Version(String),
    /// The hash is not SHA-256.
    #[error("'{}' is not a sha256 hash", .0.escape_debug())]
    Hash(String),
    /// The requirement has no hash, where each needs one.
    #[error("{0} has no --hash=sha256:…, and every line needs one here")]
    NoHash(ProjectName),
    /// The project stands on an earlier line too.
    #[error("{0} is listed on line {1} already")]
    Twice(ProjectName, u64),
    /// The text ends in the middle of a requirement.
    #[error("the text ends after a '\\'")]
    OpenEnd,
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
            return Err(fault(RequirementsErrorKind::NoHash(project.clone())));
        }
        if let Some(first) = lines.insert(project, *line) {
            return Err(fault(RequirementsErrorKind::Twice(project.clone(), first)));
        }
    }
    Ok(requirements)
}

/// Reads a requirements file in which every requirement is pinned with `==`.
///
/// # Errors
///
/// The first line that is anything else.
pub fn parse(bytes: &[u8]) -> Result<Vec<Requirement>, RequirementsError> {
    let text = std::str::from_utf8(bytes).map_err(|_| RequirementsError {
        line: 1,
        kind: RequirementsErrorKind::NotUtf8,
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut requirements = Vec::new();
    let mut logical = String::new();
    let mut begins = 0;
    for (line, physical) in (1..).zip(text.lines()) {
        if logical.is_empty() {
            begins = line;
        }
        // A comment ends the line, and a backslash inside a comment continues
        // nothing.
        let (code, has_comment) = without_comment(physical);
        match code.strip_suffix('\\') {
            Some(continued) if !has_comment => {
                logical.push_str(continued);
                logical.push(' ');
            }
            _ => {
                logical.push_str(code);
                requirements.extend(requirement(&logical, begins)?);
                logical.clear();
            }
        }
    }
    if !logical.trim().is_empty() {
        return Err(RequirementsError {
            line: begins,
            kind: RequirementsErrorKind::OpenEnd,
        });
    }
    Ok(requirements)
}

fn without_comment(line: &str) -> (&str, bool) {
    let starts = line
        .match_indices('#')
        .map(|(index, _)| index)
        .find(|index| {
            let before = line.get(..*index).unwrap_or_default();
            before.is_empty() || before.ends_with([' ', '\t'])
        });
    match starts.and_then(|index| line.get(..index)) {
        Some(code) => (code.trim_end(), true),
        None => (line.trim_end(), false),
    }
}

fn requirement(text: &str, line: u64) -> Result<Option<Requirement>, RequirementsError> {
    use RequirementsErrorKind as Kind;
    let fault = |kind| RequirementsError { line, kind };
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.starts_with('-') {
        let option = text.split([' ', '=']).next().unwrap_or(text);
        return Err(fault(Kind::Option(option.to_owned())));
    }
    let mut words = text.split_whitespace();
    let mut specifier = Vec::new();
    let mut hashes = Vec::new();
    while let Some(word) = words.next() {
        let hash = match word.strip_prefix("--hash") {
            Some("") => words.next().unwrap_or_default(),
            Some(rest) => rest.strip_prefix('=').unwrap_or(rest),
            None if word.starts_with("--") => return Err(fault(Kind::Option(word.to_owned()))),
            None => {
                specifier.push(word);
                continue;
            }
        };
        let digest = hash
            .strip_prefix("sha256:")
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| fault(Kind::Hash(hash.to_owned())))?;
        hashes.push(digest);
    }
    let specifier = specifier.join(" ");
    let (pinned, marker) = match specifier.split_once(';') {
        Some((pinned, marker)) => (pinned.trim(), Some(marker.trim().to_owned())),
        None => (specifier.as_str(), None),
    };
    if pinned.contains("://") || pinned.contains('/') || pinned.contains('@') {
        return Err(fault(Kind::Link(pinned.to_owned())));
    }
    let (name, version) = pinned
        .split_once("==")
        .ok_or_else(|| fault(Kind::NotPinned(pinned.to_owned())))?;
    let (name, extras) = match name.split_once('[') {
        Some((name, extras)) => (name.trim(), self::extras(extras).map_err(fault)?),
        None => (name.trim(), Vec::new()),
    };
    // `===` compares as text; a version is still one version.
    let version = version.strip_prefix('=').unwrap_or(version).trim();
    Ok(Some(Requirement {
        project: ProjectName::parse(name).map_err(|_| fault(Kind::Name(name.to_owned())))?,
        extras,
        version: version
            .parse()
            .map_err(|_| fault(Kind::Version(version.to_owned())))?,
        hashes,
        marker,
        line,
    }))
}

/// Reads what follows the bracket after a name: `x,y]`.
fn extras(text: &str) -> Result<Vec<String>, RequirementsErrorKind> {
    let not_a_name = |name: &str| RequirementsErrorKind::Name(name.to_owned());
    let list = text
        .trim_end()
        .strip_suffix(']')
        .ok_or_else(|| not_a_name(text))?;
    list.split(',')
        .map(str::trim)
        .filter(|extra| !extra.is_empty())
        .map(|extra| match ProjectName::parse(extra) {
            // The names of extras follow the rules of project names.
            Ok(_) => Ok(extra.to_owned()),
            Err(_) => Err(not_a_name(extra)),
        })
        .collect()
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
        use RequirementsErrorKind as K;
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
        use RequirementsErrorKind as K;
        for (line, kind) in [
            ("--find-links x", K::Option("--find-links".to_owned())),
            ("-i x", K::Option("-i".to_owned())),
            ("-e .", K::Option("-e".to_owned())),
            ("-r other.txt", K::Option("-r".to_owned())),
            (
                "a==1 --global-option=x",
                K::Option("--global-option=x".to_owned()),
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
