//! Causes that lie in the source: another tree, a version from git, and what has
//! no source at all.

use std::collections::BTreeMap;

use super::Cause;
use super::case::{Case, Item, Piece};
use crate::compare::{Contents, Kind, LineSide};
use crate::digest::Sha256Digest;
use crate::sdist::SourceFiles;

/// Tells members of the published wheel that have no source in the sdist. Nothing
/// else may explain them away.
pub(super) fn without_source(case: &mut Case<'_>) {
    let Some(source) = case.source else {
        return;
    };
    let places = case.find(|item| {
        !item.is_described()
            && !item.is_directory()
            && !is_generated(item)
            && match item.piece {
                Piece::Whole(Kind::OnlyPublished(Contents::Read(found))) => {
                    source.source_of(&item.member).is_none() && !source.has_contents(&found.sha256)
                }
                _ => false,
            }
    });
    for place in places {
        case.alarm(
            place,
            "only published has it, and the sdist has no file of this name or with these contents"
                .to_owned(),
        );
    }
}

/// What builds make by themselves: compiled files, and versions written by tools.
fn is_generated(item: &Item<'_>) -> bool {
    let file = item.file();
    [".so", ".pyd", ".dylib", ".pyc", ".a"]
        .iter()
        .any(|end| file.ends_with(end))
        || file.contains(".so.")
        || item.member.contains(".libs/")
        || [
            "_version.py",
            "version.py",
            "__version__.py",
            "_version_info.py",
        ]
        .contains(&file)
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
        "version-from-git",
        "the version or the commit written into the wheel differs: a tool took it from git (setuptools_scm, versioneer), or the sources are of another commit",
        "build from the sdist, which states its version; without one, set SETUPTOOLS_SCM_PRETEND_VERSION",
    );
    cause.evidence = seen;
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
        !item.is_described()
            && (source.has_contents(&found.sha256) || source.source_of(&item.member).is_some())
    });
    let places: Vec<usize> = places
        .into_iter()
        .filter(|place| !case.is_claimed(*place))
        .collect();
    let Some(first) = case.at(&places).next() else {
        return;
    };
    let published = matches!(first.piece, Piece::Whole(Kind::OnlyPublished(_)));
    let side = if published { "published" } else { "rebuilt" };
    let path = source
        .source_of(&first.member)
        .map_or_else(|| first.member.clone(), |(path, _)| path.to_owned());
    let evidence = format!(
        "only {side} has {}, which the sdist holds as {path}",
        first.member
    );
    case.add(
        Cause::new(
            "tree-instead-of-sdist",
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
