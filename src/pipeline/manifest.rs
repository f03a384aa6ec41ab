//! Directory, manifest: what is about to be signed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::trouble;
use super::verify::{allowed, locate, summary, unreadable_inside, walked};
use super::{Progress, Request};
use crate::audit;
use crate::cancel::Cancel;
use crate::digest::Sha256Digest;
use crate::finding::{Finding, Severity, Subject, rules};
use crate::fingerprint::Fingerprint;
use crate::input::InputError;
use crate::manifest::{self, Unsigned};
use crate::openpgp::Clearsigned;
use crate::policy::{Depth, Locations, WheelhouseName};
use crate::relpath::RelPath;
use crate::replace;
use crate::report::{Change, ManifestSummary, Report, Trouble, WrittenFile};
use crate::tree::{Kind, Tree};
use crate::wheelhouse::{self, Status};

/// What is wanted of the manifest.
#[derive(Debug, Clone, Default)]
pub struct ManifestWish {
    /// Where it goes, when not where verification looks for it.
    pub output: Option<PathBuf>,
    /// Whether only to say if it is current.
    pub check: bool,
    /// The project that it is to name.
    pub project: Option<WheelhouseName>,
    /// Whether to leave out the comments of the old one.
    pub drop_comments: bool,
}

/// Writes the manifest of a directory, or says whether the one there is current.
pub fn manifest(
    request: &Request,
    wish: &ManifestWish,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Report {
    let mut report = request.report("manifest");
    report.depth = Some(request.policy.wheelhouse.depth);
    steps(request, wish, &mut report, cancel, progress);
    if report.is_empty && report.errors.is_empty() {
        report.errors.push(empty(request));
    }
    if !report.written.is_empty() {
        report.next = Some(request.line("sign", ""));
    }
    report
}

/// Returns the names of certificates that `sign` has put beside the files: a fingerprint
/// with `.asc` after it. Whoever makes the wheelhouse has them there before any policy names
/// them; verification lets them lie there only when it is told of them.
fn published(directory: &Path) -> Vec<RelPath> {
    std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            name.strip_suffix(".asc")
                .and_then(|stem| Some((stem, stem.parse::<Fingerprint>().ok()?)))
                .is_some_and(|(stem, fingerprint)| fingerprint.as_str() == stem)
        })
        .filter_map(|name| RelPath::parse(&name).ok())
        .collect()
}

/// Says where there is nothing, and what was looked for.
pub(super) fn empty(request: &Request) -> Trouble {
    let wheelhouse = &request.policy.wheelhouse;
    let directory = match wheelhouse.locate(&request.root) {
        Ok(locations) => locations.directory,
        Err(_) => request.root.clone(),
    };
    Trouble {
        message: format!(
            "{} holds no file that a manifest lists: no wheel (.whl), no sdist (.tar.gz, .zip)",
            directory.display()
        ),
        next: "name the directory that holds them, or say with --directory where they are"
            .to_owned(),
    }
}

pub(super) fn steps(
    request: &Request,
    wish: &ManifestWish,
    report: &mut Report,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Option<()> {
    let locations = locate(request, report)?;
    let target = wish
        .output
        .clone()
        .or_else(|| locations.manifest.clone())
        .unwrap_or_else(|| request.root.join(manifest_name()));
    let digests = survey(request, &locations, &target, report, cancel, progress)?;
    let old = read_old(&target, report)?;
    let lines = request.policy.wheelhouse.lines;
    let unsigned = old.as_deref().map(|old| Unsigned::parse(old, lines));
    let kept = match &unsigned {
        Some(unsigned) if !wish.drop_comments => unsigned.comments(),
        _ => &[],
    };
    let stated = match wish.drop_comments {
        true => None,
        false => unsigned.as_ref().and_then(Unsigned::project),
    };
    let pinned = request.policy.wheelhouse.project.as_ref();
    let project = wish.project.as_ref().or(pinned).or(stated);
    let comments = manifest::comments(kept, project);
    let bytes = manifest::canonical(&comments, &digests);
    if wish.check {
        if let Some(unsigned) = &unsigned {
            let path = target.display().to_string();
            // What the policy asks for, whatever is asked for here.
            report
                .findings
                .extend(audit::project(&path, pinned, unsigned.project()));
        }
        check(
            &target,
            old.as_deref().zip(unsigned.as_ref()),
            &bytes,
            &digests,
            report,
        );
        return Some(());
    }
    if report.count(Severity::Error) > 0 || report.is_empty || !report.errors.is_empty() {
        return None;
    }
    if cancel.is_requested() {
        return None;
    }
    let is_changed = old.as_deref() != Some(bytes.as_slice());
    if is_changed && let Err(error) = replace::file(&target, &bytes) {
        let next = "make room or the directory writable; the manifest is as it was";
        report.errors.push(trouble(&error, next));
        return None;
    }
    let sha256 = Sha256Digest::of(&bytes);
    report.manifest = Some(ManifestSummary {
        path: target.display().to_string(),
        sha256,
        entries: Some(digests.len() as u64),
        project: project.cloned(),
    });
    report.written.push(WrittenFile {
        path: target.display().to_string(),
        sha256,
        change: match (old.is_some(), is_changed) {
            (_, false) => Change::Unchanged,
            (true, true) => Change::Replaced,
            (false, true) => Change::Created,
        },
    });
    if is_changed {
        stale_signatures(request, &target, report);
    }
    Some(())
}

/// Returns the name of a manifest where none is yet.
pub(super) fn manifest_name() -> &'static str {
    crate::policy::MANIFEST_NAMES
        .first()
        .copied()
        .unwrap_or("sha256sums.txt")
}

/// Returns the manifest where it will lie, its signatures, and what a killed run
/// left of either.
fn own_files(request: &Request, target: &Path) -> Locations {
    let mut own = beside(request, target);
    let mut signature = target.as_os_str().to_owned();
    signature.push(".asc");
    let finished = [target.to_owned(), signature.into()];
    let making: Vec<PathBuf> = finished
        .iter()
        .chain(&own.signatures)
        .filter_map(|path| {
            Some(path.with_file_name(replace::name_in_the_making(path.file_name()?)))
        })
        .collect();
    own.signatures.extend(making);
    own
}

/// Returns where everything is when this is the manifest.
fn beside(request: &Request, target: &Path) -> Locations {
    let wheelhouse = &request.policy.wheelhouse;
    wheelhouse.locate_around(&request.root, Some(target.to_owned()))
}

/// Looks at the directory and tells what no manifest should list. Returns the
/// digests of the wheels and sdists.
pub(super) fn survey(
    request: &Request,
    locations: &Locations,
    target: &Path,
    report: &mut Report,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Option<BTreeMap<RelPath, Sha256Digest>> {
    let directory = &locations.directory;
    let tree = walked(report, directory, Tree::scan(directory))?;
    let mut allowed = allowed(request, &own_files(request, target));
    allowed.extend(published(&locations.directory));
    let (files, bytes) = tree
        .entries()
        .iter()
        .filter(|entry| entry.kind == Kind::File)
        .fold((0, 0u64), |(files, bytes), entry| {
            (files + 1, bytes.saturating_add(entry.size))
        });
    progress.hashing(files, bytes);
    let survey = wheelhouse::survey(tree, &allowed, cancel, &|bytes| {
        progress.read(bytes);
    });
    progress.hashed();
    report.files = survey.files.iter().map(summary).collect();
    report
        .findings
        .extend(audit::survey(&locations.directory, &survey));
    for file in &survey.files {
        if let Status::Unreadable(reason) = &file.status {
            report.errors.push(Trouble {
                message: format!(
                    "cannot read {}: {reason}",
                    locations.directory.join(&*file.name).display()
                ),
                next: "make the file readable, then try again".to_owned(),
            });
        }
    }
    if request.policy.wheelhouse.depth == Depth::Deep && !cancel.is_requested() {
        let inside = survey.look_inside(
            request.policy.wheelhouse.limits,
            cancel,
            &|files, bytes| progress.inspecting(files, bytes),
            &|bytes| progress.read(bytes),
        );
        progress.hashed();
        report
            .findings
            .extend(audit::inside(directory, "", &survey.files, &inside));
        unreadable_inside(report, directory, &inside);
    }
    report.is_empty = survey
        .files
        .iter()
        .all(|file| file.status == Status::Allowed);
    Some(survey.digests)
}

/// Reads the manifest that is there. `None` means trouble, `Some(None)` that
/// there is none.
pub(super) fn read_old(path: &Path, report: &mut Report) -> Option<Option<Vec<u8>>> {
    match manifest::read(path) {
        Ok(bytes) if Clearsigned::is_in(&bytes) => {
            report.errors.push(clearsigned(path));
            None
        }
        Ok(bytes) => Some(Some(bytes)),
        Err(InputError::NotFound { .. }) => Some(None),
        Err(error) => {
            let next = "move away what stands in the place of the manifest";
            report.errors.push(trouble(&error, next));
            None
        }
    }
}

/// Says that a manifest carries its signatures in itself.
pub(super) fn clearsigned(path: &Path) -> Trouble {
    Trouble {
        message: format!(
            "{} is clearsigned, and only plain manifests are written and signed here",
            path.display()
        ),
        next: "move it away and write a plain manifest, or write one elsewhere with --output and \
               clearsign it with gpg"
            .to_owned(),
    }
}

/// Says whether the manifest that is there agrees with the directory.
fn check(
    target: &Path,
    old: Option<(&[u8], &Unsigned)>,
    bytes: &[u8],
    digests: &BTreeMap<RelPath, Sha256Digest>,
    report: &mut Report,
) {
    let path = target.display().to_string();
    let Some((old, unsigned)) = old else {
        report.findings.push(
            Finding::new(&rules::MANIFEST_MISSING, Subject::path(path))
                .next("write it with 'wheelproof manifest'"),
        );
        return;
    };
    report.manifest = Some(ManifestSummary {
        path: path.clone(),
        sha256: Sha256Digest::of(old),
        entries: Some(unsigned.listed().len() as u64),
        project: unsigned.project().cloned(),
    });
    let differences = audit::currency(&path, unsigned, digests);
    if differences.is_empty() && old != bytes {
        report.findings.push(Finding::new(
            &rules::MANIFEST_NOT_CANONICAL,
            Subject::path(path),
        ));
    }
    report.findings.extend(differences);
    // A manifest that lists what is gone is something to check.
    report.is_empty &= unsigned.listed().is_empty();
}

/// Says that signatures lie beside a manifest that has just changed.
fn stale_signatures(request: &Request, target: &Path, report: &mut Report) {
    for path in beside(request, target).signatures {
        if path.symlink_metadata().is_ok() {
            report.findings.push(Finding::new(
                &rules::MANIFEST_SIGNATURES_STALE,
                Subject::path(path.display().to_string()),
            ));
        }
    }
}
