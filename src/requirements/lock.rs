//! What the readers of lock files share.

use std::path::Path;
use std::sync::Arc;

use super::document::{Document, Faulty, Table};
use super::fault::{FaultKind, clip};
use super::listing::{Gathered, Pin, Place};
use super::{Requirement, marker, pip};
use crate::digest::Sha256Digest;
use crate::filename::ProjectName;

/// A lock file that is being read.
pub(super) struct Lock<'a, 'r> {
    /// The file, as the user would name it.
    pub(super) path: &'a Arc<Path>,
    /// What stands in it.
    pub(super) document: &'a Document<'a>,
    /// What files of requirements say together.
    pub(super) gathered: &'r mut Gathered,
}

impl Lock<'_, '_> {
    /// Notes something wrong on a line.
    pub(super) fn fault(&mut self, line: u64, kind: FaultKind) {
        let place = Place {
            path: Arc::clone(self.path),
            line,
        };
        self.gathered.fault(&place, kind);
    }

    /// Notes a requirement.
    pub(super) fn pin(&mut self, requirement: Requirement, is_conditional: bool) {
        self.gathered.pin(Pin {
            place: Place {
                path: Arc::clone(self.path),
                line: requirement.line,
            },
            requirement,
            is_conditional,
        });
    }

    /// Returns whether no more is taken in.
    pub(super) fn is_full(&self) -> bool {
        self.gathered.is_full
    }
}

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
