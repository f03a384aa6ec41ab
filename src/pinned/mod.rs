//! Pinned requirements held against the signed list.
//!
//! In: a [`Manifest`], which is signed, what signed build records say, and a
//! [`Listing`], which is not signed. Out: for each requirement the signed files that it
//! admits, its hashes of other files, and the files that an installer would take before
//! those it admits. Nothing is read from the directory here, and what all this means is
//! said elsewhere.

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

impl Package {
    /// Returns whether it is a wheel.
    pub fn is_wheel(&self) -> bool {
        matches!(self.filename, Filename::Wheel(_))
    }
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

/// What a signed build record says that a wheel was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltFrom {
    /// The file name of the sdist.
    pub sdist: SdistFilename,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// A wheel whose own hash is not required, and the sdist whose hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandIn<'a> {
    /// The wheel.
    pub wheel: &'a Package,
    /// What its signed build record says that it was built from.
    pub built_from: &'a BuiltFrom,
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
    /// hash; and those that stand for an sdist whose hash it lists.
    pub admitted: Vec<&'a Package>,
    /// Those of the admitted that stand for an sdist.
    pub stand_ins: Vec<StandIn<'a>>,
    /// Its hashes that are those of other files of the manifest.
    pub foreign: Vec<(Sha256Digest, &'a RelPath)>,
    /// Files that it does not admit and that an installer may take first.
    pub twins: Vec<Twin<'a>>,
}

impl Held<'_> {
    /// Returns whether a wheel is among the admitted files.
    pub fn admits_a_wheel(&self) -> bool {
        self.admitted.iter().any(|package| package.is_wheel())
    }
}

/// The wheels and sdists of a manifest, found by project and by digest.
#[derive(Debug, Clone, Default)]
pub struct Packages {
    packages: Vec<Package>,
    by_project: BTreeMap<ProjectName, Vec<usize>>,
    /// Every name with a digest, those that are no packages too.
    by_digest: BTreeMap<Sha256Digest, Vec<RelPath>>,
    /// What wheels were built from, where signed records say so.
    built_from: BTreeMap<RelPath, BuiltFrom>,
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

    /// Lets a wheel stand for the sdist that its signed record names, where a
    /// requirement has the hash of the sdist. The records have to agree with the
    /// manifest.
    #[must_use]
    pub fn with_records(mut self, built_from: BTreeMap<RelPath, BuiltFrom>) -> Self {
        self.built_from = built_from;
        self
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
        let mut admitted: Vec<&Package> = candidates.iter().copied().filter(is_admitted).collect();
        let stand_ins = self.stand_ins(&candidates, &admitted, &listed);
        admitted.extend(stand_ins.iter().map(|stand_in| stand_in.wheel));
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
            stand_ins,
            foreign,
            twins,
        }
    }

    /// Returns the wheels that stand for a required sdist. Beside a required wheel that
    /// could be installed where they can, the list says which of the two is meant.
    fn stand_ins<'a>(
        &'a self,
        candidates: &[&'a Package],
        admitted: &[&Package],
        listed: &BTreeSet<&Sha256Digest>,
    ) -> Vec<StandIn<'a>> {
        let is_left_open = |wheel: &Package| {
            let mut wheels = admitted.iter().filter(|other| other.is_wheel());
            !wheels.any(|other| twins::overlap(wheel, other))
        };
        let is_of = |built_from: &BuiltFrom, wheel: &Package| {
            built_from.sdist.project() == wheel.filename.project()
                && built_from.sdist.version() == wheel.filename.version()
                && listed.contains(&built_from.sha256)
        };
        candidates
            .iter()
            .copied()
            .filter(|wheel| wheel.is_wheel() && !admitted.contains(wheel) && is_left_open(wheel))
            .filter_map(|wheel| {
                let built_from = self.built_from.get(&wheel.path)?;
                is_of(built_from, wheel).then_some(StandIn { wheel, built_from })
            })
            .collect()
    }
}

/// Returns whether a version is one that `==` takes: the same, or the same with a
/// local part where the pin has none (version specifiers specification, "Version
/// matching").
fn matches_pin(version: &Version, pinned: &Version) -> bool {
    VersionSpecifier::from_version(Operator::Equal, pinned.clone())
        .is_ok_and(|specifier| specifier.contains(version))
}
