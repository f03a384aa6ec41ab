//! What the readers of lock files share.

use super::document::{Faulty, Table};
use super::fault::{FaultKind, clip};
use super::{Requirement, marker, pip};
use crate::digest::Sha256Digest;
use crate::filename::ProjectName;

/// Returns the hash of a file, written as `sha256:…`.
pub(super) fn hash_text(
    project: &str,
    file: Table<'_>,
    hash: Option<&str>,
) -> Result<Sha256Digest, Faulty> {
    let hash = hash.ok_or_else(|| (file.line, FaultKind::FileWithoutHash(clip(project))))?;
    pip::hash(hash).map_err(|fault| (file.line, fault))
}

/// Returns the requirement that a package of a lock file stands for.
pub(super) fn requirement(
    package: Table<'_>,
    hashes: Vec<Sha256Digest>,
    marker: Option<&str>,
) -> Result<Requirement, Faulty> {
    let name = package.text("name")?;
    let project =
        ProjectName::parse(name).map_err(|_| (package.line, FaultKind::Name(clip(name))))?;
    let version = package
        .optional_text("version")?
        .ok_or_else(|| (package.line, FaultKind::NotPinned(clip(name))))?;
    Ok(Requirement {
        project,
        extras: Vec::new(),
        version: version
            .parse()
            .map_err(|_| (package.line, FaultKind::Version(clip(version))))?,
        hashes,
        marker: marker
            .map(marker::read)
            .transpose()
            .map_err(|fault| (package.line, fault))?,
        line: package.line,
    })
}
