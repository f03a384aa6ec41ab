//! What is handed on of a verified directory.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::pinned;
use super::trouble;
use super::{Request, Verification};
use crate::cancel::Cancel;
use crate::filename::WheelFilename;
use crate::handoff::{self, HandoffError, Replaced, Sealed};
use crate::pinned::{BuiltFrom, Held, Packages};
use crate::relpath::RelPath;
use crate::report::{HandedOnSummary, HandedOnWheel, ReplacedList, StandsFor, Trouble};
use crate::requirements::{self, Format, Listing};
use crate::wheelhouse::VerifiedTree;

/// The files that are handed on, and the lists with their hashes.
#[derive(Debug, Clone, Default)]
pub struct HandOn {
    /// The files; `None` for all.
    only: Option<BTreeSet<RelPath>>,
    /// All requirements with the digests of these files.
    constraints: Option<String>,
    /// Files of requirements that cannot be used with these files, and what to read in
    /// their place.
    lists: Vec<(PathBuf, String)>,
    /// What reports say of it.
    pub summary: HandedOnSummary,
}

impl Verification {
    /// Returns what is handed on: everything, or what the requirements admit.
    ///
    /// # Errors
    ///
    /// A file of requirements changed since it was checked.
    pub fn hand_on(&self, request: &Request, verified: &VerifiedTree) -> Result<HandOn, Trouble> {
        let paths = &request.policy.wheelhouse.requirements;
        let packages = match &self.manifest {
            Some(manifest) if !paths.is_empty() => {
                pinned::packages(request, manifest, &self.built_from)
            }
            _ => {
                return Ok(HandOn {
                    summary: HandedOnSummary {
                        wheels: wheels(verified, None, &[]),
                        ..HandedOnSummary::default()
                    },
                    ..HandOn::default()
                });
            }
        };
        let held = packages.hold(&self.requirements);
        let only: BTreeSet<RelPath> = handoff::admitted(&held).into_iter().cloned().collect();
        let mut lists = Vec::new();
        for path in paths {
            if let Some(text) = self.replacement(path, &packages)? {
                lists.push((path.clone(), text));
            }
        }
        let replaced = |(path, _): &(PathBuf, String)| ReplacedList {
            path: path.display().to_string(),
            in_command: false,
        };
        Ok(HandOn {
            summary: HandedOnSummary {
                wheels: wheels(verified, Some(&only), &held),
                replaced_lists: lists.iter().map(replaced).collect(),
            },
            constraints: Some(handoff::constraints(&held)),
            only: Some(only),
            lists,
        })
    }

    /// Returns what to read in place of a file of requirements, where installers cannot
    /// use the file itself: its hashes are those of sdists, or it is a lock file, which
    /// would send them to an index.
    fn replacement(&self, path: &Path, packages: &Packages) -> Result<Option<String>, Trouble> {
        // Of all that was read nothing tells which of the named files included it.
        let listing = requirements::read(&[path.to_owned()])
            .map_err(|error| trouble(&error, "make the file readable"))?;
        if !self.has_read(&listing) {
            return Err(Trouble {
                message: format!("{} changed while it was checked", path.display()),
                next: "find out who writes to it, then run it again".to_owned(),
            });
        }
        let held = packages.hold(&listing);
        let is_plain = Format::of(path) == Some(Format::Requirements)
            && held.iter().all(|held| held.stand_ins.is_empty());
        Ok((!is_plain).then(|| handoff::requirements(&held)))
    }

    /// Returns whether all files of a listing are as they were when they were checked.
    fn has_read(&self, listing: &Listing) -> bool {
        let files = &self.requirements.files;
        listing.files.iter().all(|file| files.contains(file))
    }
}

impl HandOn {
    /// Returns whether a file is handed on.
    pub fn includes(&self, path: &RelPath) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(path))
    }

    /// Copies what is handed on into a private directory below `parent`.
    ///
    /// # Errors
    ///
    /// Those of [`Sealed::copy`] and of writing the lists.
    pub fn seal(
        &self,
        verified: &VerifiedTree,
        parent: &Path,
        cancel: &Cancel,
    ) -> Result<Sealed, HandoffError> {
        let only = self.only.as_ref().map(|only| only.iter().collect());
        let mut sealed = Sealed::copy(verified, only.as_ref(), parent, cancel)?;
        if let Some(constraints) = &self.constraints {
            sealed.constrain(constraints)?;
        }
        Ok(sealed)
    }

    /// Returns a command that is given other lists in place of those that it names and
    /// cannot use. The lists are written beside the copy.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn command(
        &mut self,
        command: &[OsString],
        sealed: &Sealed,
    ) -> Result<Vec<OsString>, HandoffError> {
        let mut replaced = Vec::new();
        for (number, (path, text)) in self.lists.iter().enumerate() {
            replaced.push(Replaced {
                by: sealed.list(number + 1, text)?,
                path: path.clone(),
            });
        }
        let (command, named) = handoff::with_lists(command, &replaced);
        for (list, is_named) in self.summary.replaced_lists.iter_mut().zip(named) {
            list.in_command = is_named;
        }
        Ok(command)
    }
}

/// Returns what reports say of the wheels that are handed on.
fn wheels(
    verified: &VerifiedTree,
    only: Option<&BTreeSet<RelPath>>,
    held: &[Held<'_>],
) -> Vec<HandedOnWheel> {
    let stand_ins: BTreeMap<&RelPath, &BuiltFrom> = held
        .iter()
        .flat_map(|held| &held.stand_ins)
        .map(|stand_in| (&stand_in.wheel.path, stand_in.built_from))
        .collect();
    verified
        .files()
        .iter()
        .filter(|(path, _)| only.is_none_or(|only| only.contains(*path)))
        .filter(|(path, _)| WheelFilename::parse(path.file_name()).is_ok())
        .map(|(path, sha256)| HandedOnWheel {
            wheel: path.to_string(),
            sha256: *sha256,
            stands_for: stand_ins.get(path).map(|built_from| StandsFor {
                sdist: built_from.sdist.to_string(),
                sha256: built_from.sha256,
            }),
            rebuilt: None,
        })
        .collect()
}
