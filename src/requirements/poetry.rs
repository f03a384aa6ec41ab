//! Poetry's lock file.
//!
//! In: a `poetry.lock` of the versions 1.0 to 2.1. Out: each project with its
//! version and its hashes. Poetry's own project is not in it.
//!
//! The format is Poetry's own; what is read here was held against files of Poetry
//! 2.5 and the descriptions of older ones. Only version 2.1 states markers and
//! groups, so only there a project can be asked for without a condition.

use super::Requirement;
use super::document::{Faulty, Table};
use super::fault::{FaultKind, clip};
use super::lock::{self, Lock};
use crate::filename::{SdistFilename, WheelFilename};

const TOP: &[&str] = &["package", "metadata", "extras"];

const PACKAGE: &[&str] = &[
    "name",
    "version",
    "description",
    "category",
    "optional",
    "python-versions",
    "groups",
    "markers",
    "marker",
    "develop",
    "files",
    "dependencies",
    "extras",
    "source",
];

const FILE: &[&str] = &["file", "hash", "url", "size", "upload-time"];

/// Reads a lock file.
pub(super) fn read(lock: &mut Lock<'_, '_>) {
    if let Err((line, fault)) = packages(lock) {
        lock.fault(line, fault);
    }
}

fn packages(lock: &mut Lock<'_, '_>) -> Result<(), Faulty> {
    let root = lock.document.root();
    let metadata = root
        .get("metadata")
        .and_then(|metadata| metadata.table())
        .ok_or((1, FaultKind::Key("metadata", "a table")))?;
    let version = metadata.text("lock-version")?;
    if !["1.0", "1.1", "2.0", "2.1"].contains(&version) {
        let fault = FaultKind::LockVersion {
            found: clip(version),
            known: "1.0, 1.1, 2.0 or 2.1",
        };
        return Err((metadata.line, fault));
    }
    if let Some(fault) = root.unknown(TOP) {
        return Err(fault);
    }
    for package in root.tables("package")? {
        if lock.is_full() {
            break;
        }
        match pin(package, metadata) {
            Ok(requirement) => {
                let is_asked = version == "2.1" && is_asked_for(package);
                lock.pin(requirement, !is_asked);
            }
            Err((line, fault)) => lock.fault(line, fault),
        }
    }
    Ok(())
}

fn pin(package: Table<'_>, metadata: Table<'_>) -> Result<Requirement, Faulty> {
    let name = package.text("name")?;
    if let Some(fault) = package.unknown(PACKAGE) {
        return Err(fault);
    }
    if let Some(source) = package.get("source") {
        let table = source.table();
        let table = table.ok_or((source.line, FaultKind::Key("source", "a table")))?;
        // "legacy" is an index other than the usual one.
        match table.text("type")? {
            "legacy" | "pypi" => {}
            kind @ ("git" | "url" | "file" | "directory") => {
                return Err((
                    source.line,
                    FaultKind::Source {
                        project: clip(name),
                        source_kind: kind.to_owned(),
                    },
                ));
            }
            other => return Err((source.line, FaultKind::UnknownKey(clip(other)))),
        }
    }
    let marker = package.get("markers").and_then(|markers| markers.text());
    let mut requirement = lock::requirement(package, Vec::new(), marker)?;
    let files = match package.get("files") {
        Some(_) => package.tables("files")?,
        // Before 1.2 of Poetry the files of all versions stood together.
        None => files_by_name(metadata, name, &requirement)?,
    };
    for file in files {
        if let Some(fault) = file.unknown(FILE) {
            return Err(fault);
        }
        let hash = lock::hash_text(name, file, file.optional_text("hash")?)?;
        requirement.hashes.push(hash);
    }
    Ok(requirement)
}

fn files_by_name<'a>(
    metadata: Table<'a>,
    name: &str,
    requirement: &Requirement,
) -> Result<Vec<Table<'a>>, Faulty> {
    let Some(files) = metadata.get("files").and_then(|files| files.table()) else {
        return Ok(Vec::new());
    };
    let Some(list) = files.get(name) else {
        return Ok(Vec::new());
    };
    let is_of_version = |file: &Table<'_>| {
        let name = file.text("file").unwrap_or_default();
        match (WheelFilename::parse(name), SdistFilename::parse(name)) {
            (Ok(wheel), _) => *wheel.version() == requirement.version,
            (_, Ok(sdist)) => *sdist.version() == requirement.version,
            _ => true,
        }
    };
    Ok(list.tables()?.into_iter().filter(is_of_version).collect())
}

/// Returns whether a package is needed whatever the environment and the groups.
fn is_asked_for(package: Table<'_>) -> bool {
    let is_optional = package
        .get("optional")
        .and_then(|optional| optional.boolean())
        .unwrap_or(false);
    let groups = package.texts("groups").unwrap_or_default();
    !is_optional && package.get("markers").is_none() && groups.contains(&"main")
}
