//! The standard's lock file.
//!
//! In: a `pylock.toml` or `pylock.NAME.toml` of version 1.0 (pylock.toml
//! specification, first PEP 751). Out: each project with its version and its
//! hashes. A directory that is the one of the lock file is the project itself and
//! is passed over; every other source that is no index leads elsewhere.

use super::Requirement;
use super::document::{Faulty, Table};
use super::fault::{FaultKind, clip};
use super::lock::{self, Lock};
use crate::digest::Sha256Digest;

const TOP: &[&str] = &[
    "lock-version",
    "environments",
    "requires-python",
    "extras",
    "dependency-groups",
    "default-groups",
    "created-by",
    "packages",
    "tool",
];

const PACKAGE: &[&str] = &[
    "name",
    "version",
    "marker",
    "requires-python",
    "dependencies",
    "vcs",
    "directory",
    "archive",
    "index",
    "sdist",
    "wheels",
    "attestation-identities",
    "tool",
];

const FILE: &[&str] = &["name", "upload-time", "url", "path", "size", "hashes"];

/// Reads a lock file.
pub(super) fn read(lock: &mut Lock<'_, '_>) {
    if let Err((line, fault)) = packages(lock) {
        lock.fault(line, fault);
    }
}

fn packages(lock: &mut Lock<'_, '_>) -> Result<(), Faulty> {
    let root = lock.document.root();
    let version = root.text("lock-version")?;
    if version != "1.0" {
        let line = root.get("lock-version").map_or(1, |version| version.line);
        return Err((
            line,
            FaultKind::LockVersion {
                found: clip(version),
                known: "1.0",
            },
        ));
    }
    if let Some(fault) = root.unknown(TOP) {
        return Err(fault);
    }
    for package in root.tables("packages")? {
        if lock.is_full() {
            break;
        }
        match pin(package) {
            Ok(Some(requirement)) => {
                let is_conditional = package.get("marker").is_some();
                lock.pin(requirement, is_conditional);
            }
            Ok(None) => {}
            Err((line, fault)) => lock.fault(line, fault),
        }
    }
    Ok(())
}

fn pin(package: Table<'_>) -> Result<Option<Requirement>, Faulty> {
    let name = package.text("name")?;
    if let Some(fault) = package.unknown(PACKAGE) {
        return Err(fault);
    }
    for kind in ["vcs", "archive", "directory"] {
        let Some(value) = package.get(kind) else {
            continue;
        };
        let path = value
            .table()
            .and_then(|table| table.get("path"))
            .and_then(|path| path.text());
        if kind == "directory" && path == Some(".") {
            return Ok(None);
        }
        return Err((
            value.line,
            FaultKind::Source {
                project: clip(name),
                source_kind: kind.to_owned(),
            },
        ));
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
        hashes.push(hash(name, file)?);
    }
    let marker = package.optional_text("marker")?;
    // Extras and groups are variables of lock files only; pip's requirements do
    // not know them.
    let marker = marker.filter(|marker| {
        !["extras", "dependency_groups"]
            .iter()
            .any(|word| marker.contains(word))
    });
    lock::requirement(package, hashes, marker).map(Some)
}

fn hash(project: &str, file: Table<'_>) -> Result<Sha256Digest, Faulty> {
    let none = || (file.line, FaultKind::FileWithoutHash(clip(project)));
    let hashes = file.get("hashes").ok_or_else(none)?;
    let table = hashes
        .table()
        .ok_or((hashes.line, FaultKind::Key("hashes", "a table")))?;
    match table.optional_text("sha256")? {
        Some(digits) => digits
            .parse()
            .map_err(|_| (hashes.line, FaultKind::Hash(clip(digits)))),
        None => match table.entries().next() {
            Some((algorithm, _)) => Err((hashes.line, FaultKind::Hash(clip(algorithm)))),
            None => Err(none()),
        },
    }
}
