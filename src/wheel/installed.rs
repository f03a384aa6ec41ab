//! Where installers put the members of a wheel.
//!
//! In: the names of the members. Out: [`Fault`]s for those that installers put where
//! another one goes, and for `.data` directories that they do not know.
//!
//! A member below `.data/purelib/` is installed beside the members of the root, and
//! one below `.data/data/lib/python3.11/site-packages/` too. pip 26 and uv 0.13 write
//! the one over the other without a word, in different orders: of a member below
//! `purelib` and one below `platlib`, pip keeps the first kind and uv the second.

use std::collections::BTreeSet;

use super::fault::FaultKind;
use super::{DIST_INFO, dist_info_of, is_named_for};
use crate::archive::{Clash, Fault, Faults, check_name, clashes};
use crate::filename::WheelFilename;
use crate::relpath::spelled_out;

/// The directories below `.data` that installers know (binary distribution
/// format, "The .data directory").
const DATA_KEYS: &[&str] = &["purelib", "platlib", "headers", "scripts", "data"];

/// Where a member goes.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    /// The directory of the wheel whose members go where this one goes.
    from: &'a str,
    /// The place, from a word for the directory of the installation.
    path: String,
}

/// Adds what is wrong with where the members go.
pub(super) fn check(names: &[&str], filename: &WheelFilename, faults: &mut Faults<FaultKind>) {
    if !names.iter().any(|name| data_directory(name).is_some()) {
        return;
    }
    known_directories(names, filename, faults);
    let placed: Vec<(&str, Place<'_>)> = names
        .iter()
        // Those that are refused anyway may be too long to be compared in time.
        .filter(|name| check_name(name.as_bytes()).is_ok())
        .map(|name| (*name, place(name)))
        .collect();
    let paths: Vec<&str> = placed.iter().map(|(_, place)| &*place.path).collect();
    for (clash, one, other) in clashes(&paths) {
        let (Some((name, place)), Some((other, other_place))) =
            (placed.get(one), placed.get(other))
        else {
            continue;
        };
        // Members of one directory were told as members of the archive.
        let is_told = place.from == other_place.from;
        let are_directories = name.ends_with('/') && other.ends_with('/');
        if is_told || are_directories {
            continue;
        }
        let found = match clash {
            Clash::Same => format!("it is installed where '{other}' is"),
            Clash::Twin => format!(
                "where case or the form of accents does not count, it is installed where '{}' is",
                spelled_out(other)
            ),
            Clash::BelowFile => format!("it is installed below '{other}', which is a file"),
        };
        faults.push(
            Fault::new(FaultKind::InstalledTwice)
                .member(name)
                .found(found),
        );
    }
    foreign_descriptions(&placed, faults);
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
            && !place.from.is_empty()
            && told.insert((place.from, directory))
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
        from: name.strip_suffix(path).unwrap_or(name),
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
            from: name,
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
                from,
                path: path.to_owned(),
            };
            assert_eq!(place(name), expected, "{name}");
        }
    }
}
