//! uv's lock file.
//!
//! In: a `uv.lock` of version 1. Out: each project of an index with its version
//! and its hashes. The projects that the lock is made for (virtual, editable, or a
//! directory among the members) are nobody's download and are passed over; every
//! other source leads elsewhere.
//!
//! The format is uv's own ("The uv.lock file is … specific to uv"); what is read
//! here was held against files of uv 0.13. A project has the conditions under which others
//! lead to it, and counts as asked for without one when dependencies without a marker do.

use std::collections::BTreeSet;

use super::Requirement;
use super::document::{Faulty, Table};
use super::fault::{FaultKind, clip};
use super::lock::{self, Lock};
use super::ways::{Packages, When, joined};

const TOP: &[&str] = &[
    "version",
    "revision",
    "requires-python",
    "resolution-markers",
    "supported-markers",
    "required-markers",
    "conflicts",
    "options",
    "manifest",
    "package",
];

const PACKAGE: &[&str] = &[
    "name",
    "version",
    "source",
    "resolution-markers",
    "dependencies",
    "optional-dependencies",
    "dev-dependencies",
    "metadata",
    "sdist",
    "wheels",
];

const FILE: &[&str] = &[
    "url",
    "path",
    "filename",
    "hash",
    "size",
    "upload-time",
    "zstd",
];

/// Where a project comes from.
enum Source<'a> {
    Index,
    /// It is one of the projects that the lock is made for.
    Own,
    Elsewhere(&'a str),
}

/// Reads a lock file.
pub(super) fn read(lock: &mut Lock<'_, '_>) {
    let root = lock.document.root();
    let version = root.get("version");
    match version.and_then(|version| version.number()) {
        Some("1") => {}
        other => {
            let line = version.map_or(1, |version| version.line);
            let found = other.unwrap_or("none");
            lock.fault(
                line,
                FaultKind::LockVersion {
                    found: clip(found),
                    known: "1",
                },
            );
            return;
        }
    }
    let packages = root
        .unknown(TOP)
        .map_or_else(|| root.tables("package"), Err);
    let members = members(root);
    let (packages, members) = match (packages, members) {
        (Ok(packages), Ok(members)) => (packages, members),
        (Err((line, fault)), _) | (_, Err((line, fault))) => return lock.fault(line, fault),
    };
    let own = packages.iter().enumerate().filter_map(|(index, package)| {
        matches!(source(*package, &members), Ok(Source::Own)).then_some(index)
    });
    let script = root.get("manifest").and_then(|manifest| manifest.table());
    let script = script.and_then(|manifest| manifest.tables("requirements").ok());
    let ways = Packages::new(&packages, own.collect(), script.unwrap_or_default());
    // Needed in any case is what no extra and no group has to ask for.
    let needed = ways.asked_for(false);
    let asked = ways.asked_for(true);
    for (package, (asked, needed)) in packages.iter().zip(asked.iter().zip(&needed)) {
        if lock.is_full() {
            return;
        }
        match pin(*package, &members, asked) {
            Ok(Some(requirement)) => {
                let is_conditional = requirement.marker.is_some() || *needed != When::Always;
                lock.pin(requirement, is_conditional);
            }
            Ok(None) => {}
            Err((line, fault)) => lock.fault(line, fault),
        }
    }
}

fn members(root: Table<'_>) -> Result<BTreeSet<&str>, Faulty> {
    match root.get("manifest").and_then(|manifest| manifest.table()) {
        Some(manifest) => Ok(manifest.texts("members")?.into_iter().collect()),
        None => Ok(BTreeSet::new()),
    }
}

fn pin(
    package: Table<'_>,
    members: &BTreeSet<&str>,
    asked: &When<'_>,
) -> Result<Option<Requirement>, Faulty> {
    let name = package.text("name")?;
    if let Some(fault) = package.unknown(PACKAGE) {
        return Err(fault);
    }
    let line = package.line;
    match source(package, members)? {
        Source::Own => return Ok(None),
        Source::Elsewhere(kind) => {
            return Err((
                package.get("source").map_or(line, |source| source.line),
                FaultKind::Source {
                    project: clip(name),
                    source_kind: clip(kind),
                },
            ));
        }
        Source::Index => {}
    }
    let mut files = package.tables("wheels")?;
    if let Some(sdist) = package.get("sdist") {
        let table = sdist.table();
        files.push(table.ok_or((sdist.line, FaultKind::Key("sdist", "a table")))?);
    }
    let mut hashes = Vec::new();
    for file in files {
        if let Some(fault) = file.unknown(FILE) {
            return Err(fault);
        }
        hashes.push(lock::hash_text(name, file, file.optional_text("hash")?)?);
    }
    let markers = package.texts("resolution-markers")?;
    let forked = (!markers.is_empty()).then(|| joined(markers.into_iter(), "or"));
    let marker = match forked {
        None => asked.marker(),
        // Said once where the way says it too.
        Some(forked) if matches!(asked, When::Ways(_)) && !forked.contains("extra") => {
            asked.and(Some(&forked)).marker()
        }
        Some(forked) => match asked.marker() {
            Some(asked) => Some(joined([&*forked, &*asked].into_iter(), "and")),
            None => Some(forked),
        },
    };
    lock::requirement(package, hashes, marker.as_deref()).map(Some)
}

fn source<'a>(package: Table<'a>, members: &BTreeSet<&str>) -> Result<Source<'a>, Faulty> {
    let wrong = (package.line, FaultKind::Key("source", "a table"));
    let table = package.get("source").and_then(|source| source.table());
    let table = table.ok_or(wrong)?;
    let is_member = package
        .get("name")
        .and_then(|name| name.text())
        .is_some_and(|name| members.contains(name));
    let mut kinds = table.entries().filter(|(key, _)| *key != "subdirectory");
    let (kind, value) = kinds
        .next()
        .ok_or((table.line, FaultKind::Key("source", "a table with a kind")))?;
    if let Some((key, value)) = kinds.next() {
        return Err((value.line, FaultKind::UnknownKey(clip(key))));
    }
    match kind {
        "registry" => Ok(Source::Index),
        // A virtual project is not installed at all, only what it needs.
        "virtual" => Ok(Source::Own),
        "editable" | "directory" if is_member || value.text() == Some(".") => Ok(Source::Own),
        "editable" | "directory" | "git" | "url" | "path" => Ok(Source::Elsewhere(kind)),
        other => Err((value.line, FaultKind::UnknownKey(clip(other)))),
    }
}
