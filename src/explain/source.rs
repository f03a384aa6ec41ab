//! Causes that lie in the source: another tree, a version from git, and what has
//! no source at all.

use std::collections::BTreeMap;

use super::case::{Case, Item, Piece};
use super::derive::{Derivation, Known, Side, Target, Value};
use super::tools;
use super::{Cause, CauseKind, Family};
use crate::compare::{Contents, Kind, LineSide};
use crate::digest::Sha256Digest;
use crate::sdist::SourceFiles;

pub(super) static VERSION_FROM_GIT: CauseKind = CauseKind {
    name: "version-from-git",
    title: "a version or a commit was taken from git",
    advice: "build from the sdist, which states its version",
    family: Family::Source,
    derivations: &[Derivation::Yields(renamed)],
};

pub(super) static TREE_INSTEAD_OF_SDIST: CauseKind = CauseKind {
    name: "tree-instead-of-sdist",
    title: "one build packed files of the source that the other left out",
    advice: "build from the unpacked sdist",
    family: Family::Source,
    derivations: &[Derivation::Yields(from_source)],
};

/// A file beside METADATA has the bytes that the other wheel has under its own version.
fn renamed(known: &Known<'_>, target: &Target<'_>, given: &Value) -> Vec<Value> {
    let below = |member: &str| {
        let (top, below) = member.split_once('/')?;
        let (name, _) = top
            .strip_suffix(".dist-info")
            .or_else(|| top.strip_suffix(".data"))?
            .rsplit_once('-')?;
        Some((name.to_owned(), below.to_owned()))
    };
    let Some(own) = below(target.member) else {
        return Vec::new();
    };
    let of = |side: Side| -> Vec<Sha256Digest> {
        let members = side.of(&known.only).iter();
        members
            .filter(|(member, _)| below(member).as_ref() == Some(&own))
            .map(|(_, sha256)| *sha256)
            .collect()
    };
    let both: Vec<Sha256Digest> = of(Side::Published)
        .into_iter()
        .filter(|sha256| of(Side::Rebuilt).contains(sha256))
        .collect();
    tools::present_or_absent(given, &both, Vec::new)
}

/// A member has the bytes of a file of the sdist: of the one whose path ends with the
/// member's, or of one with the same name and contents that are not empty. Every empty file
/// has the same bytes, so they say nothing of where it came from.
fn from_source(known: &Known<'_>, target: &Target<'_>, given: &Value) -> Vec<Value> {
    let Some(source) = known.source else {
        return Vec::new();
    };
    let is_below = |path: &str| {
        path.strip_suffix(target.member)
            .is_some_and(|start| start.is_empty() || start.ends_with('/'))
    };
    let origins: Vec<Sha256Digest> = source
        .candidates(target.member)
        .filter(|(path, file)| is_below(path) || file.sha256 != Sha256Digest::of(b""))
        .map(|(_, file)| file.sha256)
        .collect();
    tools::present_or_absent(given, &origins, Vec::new)
}

/// Claims what differs because the sources do.
pub(super) fn claim(case: &mut Case<'_>) {
    version(case);
    if let Some(source) = case.source {
        tree(case, source);
    }
}

/// A version that git gave: another one, or the commit beside it.
fn version(case: &mut Case<'_>) {
    const WORDS: [&str; 8] = [
        "__version__",
        "version_tuple",
        "__version_tuple__",
        "__commit_id__",
        "commit_id",
        "full-revisionid",
        "GIT",
        "git_",
    ];
    let in_file = case.find(|item| {
        let Piece::Lines(hunk) = item.piece else {
            return false;
        };
        let changed = || hunk.lines.iter().filter(|line| line.side != LineSide::Both);
        let mentions = |line: &str| {
            WORDS.iter().any(|word| line.contains(word))
                || has_commit(line)
                || line.trim_start().starts_with("version")
        };
        let of_version = item.file().contains("version") || item.file().contains("commit");
        changed().any(|line| mentions(&line.text))
            && changed()
                .all(|line| is_statement(&line.text) && (of_version || mentions(&line.text)))
    });
    let fields =
        case.find(|item| matches!(item.piece, Piece::Field(field) if field.field == "Version"));
    let moved = moved_descriptions(case);
    let mut places = [in_file, fields, moved.places].concat();
    if places.is_empty() {
        return;
    }
    places.sort_unstable();
    places.dedup();
    let mut seen: Vec<String> = moved.seen.into_iter().collect();
    for item in case.at(&places) {
        match item.piece {
            Piece::Lines(hunk) => seen.push(format!(
                "{}: {}",
                item.member,
                super::texts::first_change(hunk)
            )),
            Piece::Field(field) => seen.push(format!(
                "Version: {}",
                super::case::change(&field.published, &field.rebuilt)
            )),
            _ => {}
        }
    }
    seen.truncate(3);
    let mut cause = Cause::new(
        &VERSION_FROM_GIT,
        "the version or the commit written into the wheel differs: a tool took it from git (setuptools_scm, versioneer), or the sources are of another commit",
        "build from the sdist, which states its version; without one, set SETUPTOOLS_SCM_PRETEND_VERSION",
    );
    cause.evidence = seen;
    cause.pairs_names = true;
    case.add(cause, &places);
}

/// Returns whether a text holds what looks like the name of a commit: `g` or a
/// quote before at least seven hexadecimal digits with a letter and a number.
fn has_commit(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| {
            let digits = word.strip_prefix('g').unwrap_or(word);
            let hexadecimal = digits.len() >= 7
                && digits.len() <= 40
                && digits
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
            hexadecimal
                && digits.bytes().any(|byte| byte.is_ascii_digit())
                && (word.starts_with('g') || digits.len() == 40)
        })
}

/// Returns whether a line says that a name has a value, and does nothing: texts,
/// numbers and names, and no call of anything.
fn is_statement(line: &str) -> bool {
    let mut outside = String::new();
    let mut quote = None;
    for c in line.trim().chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                outside.push('"');
            }
            None => outside.push(c),
        }
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " _-.,:=()[]{}\"".contains(c);
    let calls = outside.split('(').rev().skip(1).any(|before| {
        before
            .trim_end()
            .ends_with(|c: char| c.is_ascii_alphanumeric() || "_)]\"".contains(c))
    });
    quote.is_none()
        && outside.chars().all(is_plain)
        && !calls
        && outside.split([' ', ',', ':']).all(|word| word != "import")
}

struct Moved {
    places: Vec<usize>,
    seen: Option<String>,
}

/// The files of `.dist-info` when the version in the directory's name differs: the
/// same files on both sides, each under its own name.
fn moved_descriptions(case: &Case<'_>) -> Moved {
    let digest = |item: &Item<'_>| match item.piece {
        Piece::Whole(
            Kind::OnlyPublished(Contents::Read(found)) | Kind::OnlyRebuilt(Contents::Read(found)),
        ) => Some(found.sha256),
        _ => None,
    };
    let split = |item: &Item<'_>| {
        let (top, below) = item.member.split_once('/')?;
        let (name, version) = top
            .strip_suffix(".dist-info")
            .or_else(|| top.strip_suffix(".data"))?
            .rsplit_once('-')?;
        Some((name.to_owned(), version.to_owned(), below.to_owned()))
    };
    type Found = (usize, String, Option<Sha256Digest>);
    let mut sides: [BTreeMap<(String, String), Found>; 2] = Default::default();
    for (place, item) in case.items.iter().enumerate() {
        let side = match item.piece {
            Piece::Whole(Kind::OnlyPublished(_)) => 0,
            Piece::Whole(Kind::OnlyRebuilt(_)) => 1,
            _ => continue,
        };
        if let (Some((name, version, below)), Some(side)) = (split(item), sides.get_mut(side)) {
            side.insert((name, below), (place, version, digest(item)));
        }
    }
    let [published, rebuilt] = &sides;
    let mut moved = Moved {
        places: Vec::new(),
        seen: None,
    };
    for (key, (place, version, contents)) in published {
        // METADATA holds the version and RECORD the names; the others say the same.
        let may_differ = ["METADATA", "RECORD"].contains(&key.1.as_str());
        if let Some((other, other_version, other_contents)) = rebuilt.get(key)
            && version != other_version
            && (may_differ || contents.is_some() && contents == other_contents)
        {
            moved.places.extend([*place, *other]);
            moved.seen = Some(format!("version {version} → {other_version}"));
        }
    }
    moved
}

/// Returns the file of the sdist that a member has the bytes of: one whose path ends with
/// the member's, else one of its name that is not empty.
fn origin(source: &SourceFiles, member: &str, sha256: &Sha256Digest) -> Option<String> {
    let is_below = |path: &str| {
        path.strip_suffix(member)
            .is_some_and(|start| start.is_empty() || start.ends_with('/'))
    };
    let mut same = source
        .candidates(member)
        .filter(|(path, file)| {
            file.sha256 == *sha256 && (is_below(path) || *sha256 != Sha256Digest::of(b""))
        })
        .map(|(path, _)| path.to_owned());
    same.next()
}

/// Members that one build took from the sources and the other left out.
fn tree(case: &mut Case<'_>, source: &SourceFiles) {
    let places = case.find(|item| {
        let found = match item.piece {
            Piece::Whole(
                Kind::OnlyPublished(Contents::Read(found))
                | Kind::OnlyRebuilt(Contents::Read(found)),
            ) => found,
            _ => return false,
        };
        !item.is_described() && origin(source, &item.member, &found.sha256).is_some()
    });
    let places: Vec<usize> = places
        .into_iter()
        .filter(|place| !case.is_claimed(*place))
        .collect();
    let Some(first) = case.at(&places).next() else {
        return;
    };
    let (side, found) = match first.piece {
        Piece::Whole(Kind::OnlyPublished(Contents::Read(found))) => ("published", found.sha256),
        Piece::Whole(Kind::OnlyRebuilt(Contents::Read(found))) => ("rebuilt", found.sha256),
        _ => return,
    };
    let path = origin(source, &first.member, &found).unwrap_or_default();
    let evidence = format!(
        "only {side} has {}, which the sdist holds as {path}",
        first.member
    );
    case.add(
        Cause::new(
            &TREE_INSTEAD_OF_SDIST,
            "one build packed files of the source that the other left out: it ran in a checkout, or by other rules of inclusion (MANIFEST.in, package_data)",
            "build from the unpacked sdist, with the tool versions of published",
        )
        .seen(evidence),
        &places,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_file_that_does_something_is_no_version() {
        for line in [
            "__version__ = version = '1.5.1.dev3+g1a2b3c4'",
            "__version_tuple__ = (1, 5, 1, 'dev3', 'g1a2b3c4')",
            "    \"full-revisionid\": \"0123456789abcdef0123456789abcdef01234567\",",
            "commit_id = None",
        ] {
            assert!(is_statement(line), "{line}");
        }
        for line in [
            "__version__ = run('x')",
            "version = '1'; import os",
            "__version__ = __import__ ('os').system('x')",
            "version = '1' + x['y'](1)",
            "version = \"it's",
            "import version",
        ] {
            assert!(!is_statement(line), "{line}");
        }
    }

    #[test]
    fn names_of_commits_are_recognised() {
        for (text, is_one) in [
            ("__version__ = '1.0.dev3+g1a2b3c4d'", true),
            ("commit = '0123456789abcdef0123456789abcdef01234567'", true),
            ("good = feedback", false),
            ("x = 12345678", false),
        ] {
            assert_eq!(has_commit(text), is_one, "{text}");
        }
    }
}
