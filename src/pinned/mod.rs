//! Pinned requirements held against the signed list.
//!
//! In: a [`Manifest`], which is signed, and a [`Listing`], which is not. Out: for
//! each requirement the signed files that it admits, its hashes of other files,
//! and the files that an installer would take before those it admits. Nothing is
//! read from the directory here, and what all this means is said elsewhere.

mod twins;

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::{Operator, Version, VersionSpecifier};

use crate::digest::Sha256Digest;
use crate::filename::{FilenameError, ProjectName, SdistFilename, WheelFilename};
use crate::manifest::Manifest;
use crate::relpath::RelPath;
use crate::requirements::{Listing, Pin, Requirement};

pub use twins::Preference;

/// A signed wheel or sdist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name below the directory.
    pub path: RelPath,
    /// Its signed digest.
    pub sha256: Sha256Digest,
    /// The parts of its file name.
    pub filename: Filename,
}

/// The file name of a wheel or an sdist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filename {
    /// A wheel's.
    Wheel(WheelFilename),
    /// An sdist's.
    Sdist(SdistFilename),
}

impl Filename {
    fn parse(name: &str) -> Result<Self, FilenameError> {
        match WheelFilename::parse(name) {
            Ok(wheel) => Ok(Self::Wheel(wheel)),
            Err(_) => SdistFilename::parse(name).map(Self::Sdist),
        }
    }

    /// Returns the project.
    pub fn project(&self) -> &ProjectName {
        match self {
            Self::Wheel(wheel) => wheel.project(),
            Self::Sdist(sdist) => sdist.project(),
        }
    }

    /// Returns the version.
    pub fn version(&self) -> &Version {
        match self {
            Self::Wheel(wheel) => wheel.version(),
            Self::Sdist(sdist) => sdist.version(),
        }
    }
}

/// A file that an installer may take for a requirement that does not admit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Twin<'a> {
    /// The file.
    pub package: &'a Package,
    /// The admitted file that it would be taken for.
    pub admitted: &'a Package,
    /// When it would be.
    pub preference: Preference,
}

/// A requirement and the signed files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held<'a> {
    /// The requirement.
    pub pin: &'a Pin,
    /// The signed files of its project and version.
    pub candidates: Vec<&'a Package>,
    /// Those of them that it admits: whose hash it lists, or all when it lists no
    /// hash.
    pub admitted: Vec<&'a Package>,
    /// Its hashes that are those of other files of the manifest.
    pub foreign: Vec<(Sha256Digest, &'a RelPath)>,
    /// Files that it does not admit and that an installer may take first.
    pub twins: Vec<Twin<'a>>,
}

/// The wheels and sdists of a manifest, found by project and by digest.
#[derive(Debug, Clone, Default)]
pub struct Packages {
    packages: Vec<Package>,
    by_project: BTreeMap<ProjectName, Vec<usize>>,
    /// Every name with a digest, those that are no packages too.
    by_digest: BTreeMap<Sha256Digest, Vec<RelPath>>,
}

impl Packages {
    /// Returns the wheels and sdists that a manifest lists.
    pub fn of(manifest: &Manifest) -> Self {
        let mut found = Self::default();
        for (path, entry) in manifest.entries() {
            let names = found.by_digest.entry(entry.sha256).or_default();
            names.push(path.clone());
            if let Ok(filename) = Filename::parse(path.file_name()) {
                let index = found.packages.len();
                let of_project = found.by_project.entry(filename.project().clone());
                of_project.or_default().push(index);
                found.packages.push(Package {
                    path: path.clone(),
                    sha256: entry.sha256,
                    filename,
                });
            }
        }
        found
    }

    /// Holds every requirement of a listing against the files.
    pub fn hold<'a>(&'a self, listing: &'a Listing) -> Vec<Held<'a>> {
        listing.pins.iter().map(|pin| self.held(pin)).collect()
    }

    fn held<'a>(&'a self, pin: &'a Pin) -> Held<'a> {
        let Requirement {
            project,
            version,
            hashes,
            ..
        } = &pin.requirement;
        let of_project: Vec<&Package> = self
            .by_project
            .get(project)
            .into_iter()
            .flatten()
            .filter_map(|index| self.packages.get(*index))
            .collect();
        let listed: BTreeSet<&Sha256Digest> = hashes.iter().collect();
        let candidates: Vec<&Package> = of_project
            .iter()
            .copied()
            .filter(|package| package.filename.version() == version)
            .collect();
        let is_admitted =
            |package: &&Package| listed.is_empty() || listed.contains(&package.sha256);
        let admitted: Vec<&Package> = candidates.iter().copied().filter(is_admitted).collect();
        let foreign = listed
            .iter()
            .filter(|hash| !candidates.iter().any(|package| package.sha256 == ***hash))
            .filter_map(|hash| Some((**hash, self.by_digest.get(*hash)?.first()?)))
            .collect();
        let satisfies = |package: &&Package| matches_pin(package.filename.version(), version);
        let twins = of_project
            .iter()
            .copied()
            .filter(satisfies)
            .filter(|package| !admitted.contains(package))
            .filter_map(|package| {
                let (admitted, preference) = twins::preferred(package, &admitted)?;
                Some(Twin {
                    package,
                    admitted,
                    preference,
                })
            })
            .collect();
        Held {
            pin,
            candidates,
            admitted,
            foreign,
            twins,
        }
    }
}

/// Returns whether a version is one that `==` takes: the same, or the same with a
/// local part where the pin has none (version specifiers specification, "Version
/// matching").
fn matches_pin(version: &Version, pinned: &Version) -> bool {
    VersionSpecifier::from_version(Operator::Equal, pinned.clone())
        .is_ok_and(|specifier| specifier.contains(version))
}
