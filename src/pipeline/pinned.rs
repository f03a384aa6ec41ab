//! The files of requirements, held against the signed files.

use std::collections::{BTreeMap, BTreeSet};

use super::Request;
use super::trouble;
use crate::audit::{self, Build, Use};
use crate::cancel::Cancel;
use crate::input::InputError;
use crate::manifest::Manifest;
use crate::pinned::{BuiltFrom, Held, Packages};
use crate::relpath::RelPath;
use crate::report::{Report, RequirementsSummary};
use crate::requirements::{self, Listing};
use crate::wheelhouse::Checked;

/// Returns the signed files that requirements are held against. An installer that is
/// given the requirements as they are knows of no build records.
pub(super) fn packages(
    request: &Request,
    manifest: &Manifest,
    built_from: &BTreeMap<RelPath, BuiltFrom>,
) -> Packages {
    let packages = Packages::of(manifest);
    match request.requirements {
        Use::AsTheyAre => packages,
        Use::HandedOn => packages.with_records(built_from.clone()),
    }
}

/// Checks the requirements that the policy names, and returns what they say.
pub(super) fn check(
    request: &Request,
    report: &mut Report,
    packages: &Packages,
    checked: &Checked,
    cancel: &Cancel,
) -> Listing {
    let paths = &request.policy.wheelhouse.requirements;
    if paths.is_empty() {
        return Listing::default();
    }
    let listing = match requirements::read(paths) {
        Ok(listing) => listing,
        Err(error) => {
            let next = match error {
                InputError::NotFound { .. } => "name a file of requirements that is there",
                _ => "make the file readable",
            };
            report.errors.push(trouble(&error, next));
            return Listing::default();
        }
    };
    let held = packages.hold(&listing);
    report.requirements = summaries(&listing, &held);
    report
        .findings
        .extend(audit::requirement_faults(&listing.faults));
    let name = report
        .manifest
        .as_ref()
        .map(|manifest| manifest.path.clone())
        .unwrap_or_default();
    let wheelhouse = audit::Wheelhouse {
        manifest: &name,
        directory: checked.verified.root(),
        root: &request.root,
    };
    report.findings.extend(audit::requirements(
        &wheelhouse,
        &held,
        request.requirements,
    ));
    // What is handed on is told to take wheels only.
    if !listing.only_wheels && request.requirements == Use::AsTheyAre {
        let builds = builds(request, checked, &held, cancel);
        report.findings.extend(audit::requirement_builds(&builds));
    }
    listing
}

fn summaries(listing: &Listing, held: &[Held<'_>]) -> Vec<RequirementsSummary> {
    let mut seen = BTreeSet::new();
    let mut counts: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for held in held {
        let (listed, met) = counts.entry(&held.pin.place.path).or_default();
        *listed += 1;
        *met += u64::from(!held.admitted.is_empty());
    }
    listing
        .files
        .iter()
        // A file may be included from several places.
        .filter(|file| seen.insert(&file.path))
        .map(|file| {
            let (listed, met) = counts.get(&file.path).copied().unwrap_or_default();
            RequirementsSummary {
                path: file.path.display().to_string(),
                format: file.format.as_str(),
                sha256: file.sha256,
                requirements: listed,
                met,
            }
        })
        .collect()
}

/// Returns the sdists that meet a requirement which no wheel meets.
fn builds<'a>(
    request: &Request,
    checked: &Checked,
    held: &[Held<'a>],
    cancel: &Cancel,
) -> Vec<Build<'a>> {
    let mut known: BTreeMap<&RelPath, Option<Vec<String>>> = BTreeMap::new();
    let mut builds = Vec::new();
    for held in held {
        if held.admits_a_wheel() {
            continue;
        }
        let Some(sdist) = held.admitted.first().copied() else {
            continue;
        };
        let requires = known.entry(&sdist.path).or_insert_with(|| {
            let limits = request.policy.wheelhouse.limits;
            checked
                .verified
                .build_requirements(&sdist.path, limits, cancel)
        });
        builds.push(Build {
            place: &held.pin.place,
            sdist,
            requires: requires.clone(),
        });
    }
    builds
}
