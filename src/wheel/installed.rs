//! Where installers put the members of a wheel, and the programs they generate.
//!
//! In: the names of the members, and the programs of `entry_points.txt`. Out:
//! [`Fault`]s for those that installers put where another one goes, and for `.data`
//! directories that they do not know.
//!
//! A member below `.data/purelib/` is installed beside the members of the root, and
//! one below `.data/data/lib/python3.11/site-packages/` too. pip 26 and uv 0.13 write
//! the one over the other without a word, in different orders: of a member below
//! `purelib` and one below `platlib`, pip keeps the first kind and uv the second. Of a
//! program that is generated and one of the same name below `.data/data/bin`, pip keeps
//! the first and uv the second.

use std::collections::{BTreeMap, BTreeSet};

use super::entry_points::{Script, is_interpreter};
use super::fault::FaultKind;
use super::{DIST_INFO, dist_info_of, is_named_for};
use crate::archive::{Clash, Fault, Faults, check_name, clashes};
use crate::filename::WheelFilename;
use crate::relpath::{spelled_out, twin_key};

/// The directories below `.data` that installers know (binary distribution
/// format, "The .data directory").
const DATA_KEYS: &[&str] = &["purelib", "platlib", "headers", "scripts", "data"];

/// What a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source<'a> {
    /// A directory of the wheel, whose members go where this one goes.
    Directory(&'a str),
    /// A section of `entry_points.txt`.
    Section(&'static str),
}

/// Where a file goes.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    from: Source<'a>,
    /// The place, from a word for the directory of the installation.
    path: String,
}

/// A file that is installed: the member or the name of the program, and its place.
type Placed<'a> = (&'a str, Place<'a>);

/// Adds what is wrong with where the members and the generated programs go.
pub(super) fn check(
    names: &[&str],
    scripts: &[Script],
    filename: &WheelFilename,
    faults: &mut Faults<FaultKind>,
) {
    let has_data = names.iter().any(|name| data_directory(name).is_some());
    if !has_data && scripts.len() < 2 {
        return;
    }
    known_directories(names, filename, faults);
    let members = names
        .iter()
        .filter(|name| has_data && check_name(name.as_bytes()).is_ok())
        .map(|name| (*name, place(name)));
    let generated = scripts.iter().map(|script| {
        let place = Place {
            from: Source::Section(script.section),
            path: format!("scripts/{}", script.name),
        };
        (script.name.as_str(), place)
    });
    // Those that are refused anyway may be too long to be compared in time.
    let placed: Vec<Placed<'_>> = members
        .chain(generated.filter(|(name, _)| check_name(name.as_bytes()).is_ok()))
        .collect();
    let mut told = BTreeSet::new();
    let paths: Vec<&str> = placed.iter().map(|(_, place)| &*place.path).collect();
    for (clash, one, other) in clashes(&paths) {
        let (Some(one_placed), Some(other_placed)) = (placed.get(one), placed.get(other)) else {
            continue;
        };
        told.insert((other, one));
        if let Some(found) = clash_of(clash, one_placed, other_placed) {
            let kind = match clash {
                Clash::Same if is_kept_alike(one_placed, other_placed) => FaultKind::InstalledOver,
                _ => FaultKind::InstalledTwice,
            };
            faults.push(told_of(kind, one_placed, found));
        }
    }
    on_windows(&placed, &told, faults);
    interpreters(&placed, faults);
    foreign_descriptions(&placed, faults);
}

/// Returns what a clash is; nothing when it is told elsewhere, or harms nobody.
fn clash_of(clash: Clash, one: &Placed<'_>, other: &Placed<'_>) -> Option<String> {
    let is_told = match (one.1.from, other.1.from) {
        // Members of one directory were told as members of the archive.
        (Source::Directory(one), Source::Directory(other)) => one == other,
        // Names of one section were told with the section when they are the same.
        (Source::Section(one), Source::Section(other)) => one == other && clash == Clash::Same,
        _ => false,
    };
    let are_directories = one.0.ends_with('/') && other.0.ends_with('/');
    if is_told || are_directories {
        return None;
    }
    let other = shown(other);
    Some(match clash {
        Clash::Same => format!("it is installed where {other} is"),
        Clash::Twin => format!(
            "where case or the form of accents does not count, it is installed where {other} is"
        ),
        Clash::BelowFile => format!("it is installed below {other}, which is a file"),
    })
}

fn shown((name, place): &Placed<'_>) -> String {
    let name = spelled_out(name);
    match place.from {
        Source::Directory(_) => format!("'{name}'"),
        Source::Section(section) => format!("the program '{name}' of [{section}]"),
    }
}

/// Returns whether pip and uv keep the same of two files: the generated program beside a
/// script of `.data/scripts`, as `wheel` before 0.22 packed both, and the one of
/// `[gui_scripts]`. Not so beside `.data/data/bin`.
fn is_kept_alike(one: &Placed<'_>, other: &Placed<'_>) -> bool {
    let is_script = |source: Source<'_>| match source {
        Source::Section(_) => true,
        Source::Directory(from) => from.ends_with(".data/scripts/"),
    };
    let sources = [one.1.from, other.1.from];
    sources.iter().all(|source| is_script(*source))
        && sources
            .iter()
            .any(|source| matches!(source, Source::Section(_)))
}

fn told_of(kind: FaultKind, placed: &Placed<'_>, found: String) -> Fault<FaultKind> {
    let fault = Fault::new(kind);
    match placed.1.from {
        Source::Directory(_) => fault.member(placed.0).found(found),
        Source::Section(section) => fault
            .member(format!("entry_points.txt, [{section}], {}", placed.0))
            .found(found),
    }
}

/// Says which programs meet on Windows alone, where installers put `.exe` behind the
/// name of a program that they generate, in place of `.py` and `.pyw`.
fn on_windows(
    placed: &[Placed<'_>],
    told: &BTreeSet<(usize, usize)>,
    faults: &mut Faults<FaultKind>,
) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (number, (_, place)) in placed.iter().enumerate() {
        let Some(name) = place.path.strip_prefix("scripts/") else {
            continue;
        };
        let name = match place.from {
            Source::Section(_) => {
                let stem = name
                    .strip_suffix(".py")
                    .or_else(|| name.strip_suffix(".pyw"));
                format!("{}.exe", stem.unwrap_or(name))
            }
            Source::Directory(_) => name.to_owned(),
        };
        let before = *seen.entry(twin_key(&name).into_owned()).or_insert(number);
        let (Some(one), Some(other)) = (placed.get(number), placed.get(before)) else {
            continue;
        };
        if before != number
            && !told.contains(&(before, number))
            && [one, other]
                .iter()
                .any(|placed| matches!(placed.1.from, Source::Section(_)))
        {
            let found = format!("on Windows it is installed where {} is", shown(other));
            let kind = match is_kept_alike(one, other) {
                true => FaultKind::InstalledOver,
                false => FaultKind::InstalledTwice,
            };
            faults.push(told_of(kind, one, found));
        }
    }
}

/// Says which members are programs that stand where an environment has its
/// interpreter. uv refuses them, pip writes them over it.
fn interpreters(placed: &[Placed<'_>], faults: &mut Faults<FaultKind>) {
    for (name, place) in placed {
        let is_member = matches!(place.from, Source::Directory(_));
        if is_member
            && place
                .path
                .strip_prefix("scripts/")
                .is_some_and(is_interpreter)
        {
            let found = "the name of the interpreter, which pip writes over";
            faults.push(Fault::new(FaultKind::ScriptName).member(name).found(found));
        }
    }
}

/// Says which `.data` directories are none that installers know.
fn known_directories(names: &[&str], filename: &WheelFilename, faults: &mut Faults<FaultKind>) {
    let mut told = BTreeSet::new();
    for name in names {
        let Some((top, rest)) = data_directory(name) else {
            continue;
        };
        let key = rest.split_once('/').map_or(rest, |(key, _)| key);
        let is_file = !rest.is_empty() && !rest.contains('/');
        let found = if !is_named_for(top, ".data", filename) {
            "a directory that is not named for the wheel".to_owned()
        } else if is_file || !(rest.is_empty() || DATA_KEYS.contains(&key)) {
            format!("'{key}', which is none of: {}", DATA_KEYS.join(", "))
        } else {
            continue;
        };
        if told.insert((top, key)) {
            let fault = Fault::new(FaultKind::DataDirectory);
            faults.push(fault.member(name).found(found));
        }
    }
}

/// Says which members are installed as the description of a project, though they do
/// not lie in the wheel's own: as one more project, or as a part of this one's that
/// nobody looks at.
fn foreign_descriptions(placed: &[(&str, Place<'_>)], faults: &mut Faults<FaultKind>) {
    let mut told = BTreeSet::new();
    for (name, place) in placed {
        let Some(path) = place.path.strip_prefix("lib/") else {
            continue;
        };
        if let Some(directory) = dist_info_of(path)
            && let Source::Directory(from) = place.from
            && !from.is_empty()
            && told.insert((from, directory))
        {
            faults.push(
                Fault::new(FaultKind::DistInfo)
                    .member(name)
                    .expected(format!("no '{DIST_INFO}' directory below .data"))
                    .found(format!(
                        "'{directory}', which installers put beside the modules"
                    )),
            );
        }
    }
}

/// Returns the top directory of a name and the rest, when it is a `.data` directory.
/// pip takes every one for it, whatever stands before the ending.
fn data_directory(name: &str) -> Option<(&str, &str)> {
    name.split_once('/')
        .filter(|(top, _)| top.ends_with(".data"))
}

/// Returns where a member goes. Modules of all kinds go to one directory: purelib and
/// platlib are the same in virtual environments and on most systems.
fn place(name: &str) -> Place<'_> {
    let below = |directory: &str, path: &str| Place {
        from: Source::Directory(name.strip_suffix(path).unwrap_or(name)),
        path: format!("{directory}/{path}"),
    };
    let Some((key, path)) = data_directory(name).and_then(|(_, rest)| rest.split_once('/')) else {
        return below("lib", name);
    };
    match key {
        "purelib" | "platlib" => below("lib", path),
        "headers" | "scripts" => below(key, path),
        "data" => {
            let (directory, path) = below_prefix(path);
            below(directory, path)
        }
        // Nobody installs it.
        _ => Place {
            from: Source::Directory(name),
            path: name.to_owned(),
        },
    }
}

/// Returns which of the directories a path below the prefix lies in, and the path
/// there (CPython, sysconfig, the schemes posix_prefix, venv and nt; PyPy and Debian
/// name the directories likewise).
fn below_prefix(path: &str) -> (&'static str, &str) {
    let is_python = |part: &str| part.starts_with("python") || part.starts_with("pypy");
    let after = |parts: usize| {
        let mut rest = path;
        for _ in 0..parts {
            rest = rest.split_once('/').map_or("", |(_, rest)| rest);
        }
        rest
    };
    let parts: Vec<&str> = path.splitn(5, '/').collect();
    let (directory, passed) = match parts.as_slice() {
        [
            "lib" | "lib64" | "lib32",
            python,
            "site-packages" | "dist-packages",
            _,
            ..,
        ] if is_python(python) => ("lib", 3),
        ["Lib" | "lib", "site-packages", _, ..] => ("lib", 2),
        ["bin" | "Scripts", _, ..] => ("scripts", 1),
        ["include", "site", python, _, _] if is_python(python) => ("headers", 4),
        ["include", python, _, _, ..] if is_python(python) => ("headers", 3),
        _ => ("data", 0),
    };
    (directory, after(passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_member_has_its_place() {
        for (name, from, path) in [
            ("six.py", "", "lib/six.py"),
            ("pkg/x.data/y", "", "lib/pkg/x.data/y"),
            ("s-1.data/purelib/six.py", "s-1.data/purelib/", "lib/six.py"),
            ("s-1.data/platlib/a/b", "s-1.data/platlib/", "lib/a/b"),
            ("s-1.data/scripts/x", "s-1.data/scripts/", "scripts/x"),
            ("s-1.data/headers/x.h", "s-1.data/headers/", "headers/x.h"),
            ("s-1.data/data/etc/x", "s-1.data/data/", "data/etc/x"),
            ("s-1.data/data/bin/x", "s-1.data/data/bin/", "scripts/x"),
            ("s-1.data/data/bin", "s-1.data/data/", "data/bin"),
            (
                "s-1.data/data/lib/python3.11/site-packages/a/b.py",
                "s-1.data/data/lib/python3.11/site-packages/",
                "lib/a/b.py",
            ),
            (
                "s-1.data/data/Lib/site-packages/a.py",
                "s-1.data/data/Lib/site-packages/",
                "lib/a.py",
            ),
            (
                "s-1.data/data/lib/other/site-packages/a.py",
                "s-1.data/data/",
                "data/lib/other/site-packages/a.py",
            ),
            (
                "s-1.data/data/include/site/python3.11/six/a/x.h",
                "s-1.data/data/include/site/python3.11/six/",
                "headers/a/x.h",
            ),
            (
                "s-1.data/data/include/python3.11/six/x.h",
                "s-1.data/data/include/python3.11/six/",
                "headers/x.h",
            ),
            ("s-1.data/other/x", "s-1.data/other/x", "s-1.data/other/x"),
            ("s-1.data/x", "", "lib/s-1.data/x"),
        ] {
            let expected = Place {
                from: Source::Directory(from),
                path: path.to_owned(),
            };
            assert_eq!(place(name), expected, "{name}");
        }
    }
}
