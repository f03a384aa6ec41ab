//! Certificates, signatures, manifest, directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::pinned;
use super::trouble;
use crate::audit;
use crate::cancel::Cancel;
use crate::digest::Sha256Digest;
use crate::filename::{SdistFilename, WheelFilename};
use crate::finding::{Finding, Subject, rules};
use crate::input::{self, InputError};
use crate::manifest::{self, Manifest};
use crate::openpgp::{
    self, Certificates, Clearsigned, ClearsignedFault, ClearsignedFaultKind, SignatureFile,
};
use crate::pinned::BuiltFrom;
use crate::pipeline::{Progress, Request};
use crate::policy::{Depth, Locations};
use crate::recipe::{self, BuildRecord};
use crate::relpath::RelPath;
use crate::report::{FileKind, FileSummary, ManifestSummary, Report, Trouble};
use crate::requirements::Listing;
use crate::state::{Accepted, StateFile};
use crate::tree::{Kind, Tree, TreeError};
use crate::wheelhouse::{self, Checked, FileStatus, Inside, Status, VerifiedTree};

/// The most bytes a signature file may have; ten thousand signatures fit.
const MAX_SIGNATURE_FILE: u64 = 16 << 20;

/// What to do about several manifests.
pub(crate) const NAME_MANIFEST: &str =
    "say which one with --manifest, or in the policy under [wheelhouse]";

/// What a verification gave.
#[derive(Debug)]
pub struct Verification {
    /// Everything there is to say. Not concluded yet: later steps add to it.
    pub report: Report,
    /// The directory held against the manifest; `None` when it did not come to
    /// that.
    pub checked: Option<Checked>,
    /// The signed list, when enough trusted signers signed it.
    pub manifest: Option<Manifest>,
    /// What the files of requirements say; nothing when there are none, or when it
    /// did not come to that.
    pub requirements: Listing,
    /// What wheels were built from, as their verified build records say.
    pub built_from: BuiltFromByWheel,
}

/// What wheels were built from, by the names of the wheels.
type BuiltFromByWheel = BTreeMap<RelPath, BuiltFrom>;

impl Verification {
    /// Returns the directory as verified, when nothing at all speaks against it:
    /// no finding about signatures, manifest or files, and no trouble.
    pub fn complete(&self) -> Option<VerifiedTree> {
        let mut report = self.report.clone();
        report.conclude();
        if report.exit_code != 0 {
            return None;
        }
        self.checked.as_ref().and_then(Checked::complete)
    }
}

/// Verifies a directory. The report says why when it could not.
pub fn verify(
    command: &'static str,
    request: &Request,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Verification {
    let mut report = request.judging_report(command);
    report.depth = Some(request.policy.wheelhouse.depth);
    let mut manifest = None;
    let mut fresh = None;
    let found = steps(
        request,
        &mut report,
        &mut manifest,
        &mut fresh,
        cancel,
        progress,
    );
    let (checked, built_from) = found.unzip();
    let built_from = built_from.unwrap_or_default();
    let mut requirements = Listing::default();
    if let (Some(checked), Some(manifest)) = (&checked, &manifest)
        && !cancel.is_requested()
    {
        let packages = pinned::packages(request, manifest, &built_from);
        requirements = pinned::check(request, &mut report, &packages, checked, cancel);
    }
    if let Some(fresh) = fresh
        && !cancel.is_requested()
    {
        remember(request, &mut report, &fresh);
    }
    Verification {
        report,
        checked,
        manifest,
        requirements,
        built_from,
    }
}

fn steps(
    request: &Request,
    report: &mut Report,
    signed: &mut Option<Manifest>,
    fresh: &mut Option<Fresh>,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Option<(Checked, BuiltFromByWheel)> {
    let trust = &request.policy.trust;
    let certificates = match Certificates::load(&trust.certificates) {
        Ok(certificates) => certificates,
        Err(error) => {
            let next = "name the signers' certificates with --certs or in the policy";
            report.errors.push(trouble(&error, next));
            return None;
        }
    };
    report
        .findings
        .extend(audit::certificates(&certificates, trust));
    report.findings.extend(audit::revocations(
        &certificates,
        trust,
        request.reference_time,
    ));

    let locations = locate(request, report)?;
    let manifest_path = match &locations.manifest {
        Some(path) => path,
        None => return without_manifest(request, report, &locations),
    };
    let manifest_name = manifest_path.display().to_string();
    let manifest_bytes = match manifest::read(manifest_path) {
        Ok(bytes) => bytes,
        Err(InputError::NotFound { .. }) => return without_manifest(request, report, &locations),
        Err(error) => {
            report.errors.push(trouble(
                &error,
                "a manifest is a text file that lists digests and names",
            ));
            return None;
        }
    };
    report.manifest = Some(ManifestSummary {
        path: manifest_name.clone(),
        sha256: Sha256Digest::of(&manifest_bytes),
        entries: None,
        project: None,
    });

    let (manifest_bytes, signature_files) =
        signed_bytes(request, report, &manifest_name, manifest_bytes, &locations)?;
    // The walk needs nothing of the signatures, and nothing is made of it before
    // they are judged.
    let (judged, tree) = rayon::join(
        || {
            let judgement = openpgp::authenticate(
                manifest_bytes,
                &signature_files,
                &certificates,
                trust,
                request.reference_time,
                cancel,
            )?;
            let lines = request.policy.wheelhouse.lines;
            let parsed = judgement
                .authenticated
                .as_ref()
                .map(|authenticated| Manifest::parse(authenticated, lines));
            Some((judgement, parsed))
        },
        || Tree::scan_to_depth(&locations.directory),
    );
    let (judgement, parsed) = judged?;
    report.findings.extend(audit::signatures(
        &manifest_name,
        &signature_files,
        &judgement,
    ));
    if trust.lapse_warning_days > 0 {
        report.findings.extend(audit::lapsing_signers(
            &certificates.summaries_of(&judgement.threshold.met_by, request.reference_time),
            &judgement.facts,
            trust.lapse_warning_days,
            request.reference_time,
        ));
    }
    report.signatures = judgement.facts;
    report.threshold = Some(judgement.threshold);

    // The bytes of a long manifest are not held any longer than they are needed.
    let manifest_sha256 = judgement.authenticated?.sha256();
    if let (Some(path), Some(signed)) = (&request.policy.wheelhouse.state, judgement.signed) {
        let accepted = Accepted {
            signed,
            manifest_sha256,
        };
        *fresh = freshness(request, report, path, manifest_path, accepted);
    }
    let (manifest, faults) = parsed?;
    if let Some(summary) = &mut report.manifest {
        summary.entries = Some(manifest.entries().len() as u64);
        summary.project = manifest.project().cloned();
    }
    report.findings.extend(audit::project(
        &manifest_name,
        request.policy.wheelhouse.project.as_ref(),
        manifest.project(),
    ));
    let lists_nothing = manifest.is_empty() && faults.is_empty();
    report
        .findings
        .extend(audit::manifest(&manifest_name, &faults, lists_nothing));

    let manifest = signed.insert(manifest);
    let tree = walked(report, &locations.directory, tree)?;
    let allowed = allowed(request, &locations);
    let (files, bytes) = tree
        .entries()
        .iter()
        .filter(|entry| entry.kind == Kind::File)
        .fold((0, 0u64), |(files, bytes), entry| {
            (files + 1, bytes.saturating_add(entry.size))
        });
    progress.hashing(files, bytes);
    let checked = wheelhouse::check(manifest, tree, &allowed, cancel, &|bytes| {
        progress.read(bytes);
    });
    progress.hashed();
    report.is_empty = lists_nothing && !checked.files.iter().any(is_there);
    describe(
        report,
        &locations.directory,
        &manifest_name,
        &checked,
        &faults,
    );
    let built_from = records(report, &locations.directory, manifest, &checked);
    if request.policy.wheelhouse.depth == Depth::Deep && !cancel.is_requested() {
        let limits = request.policy.wheelhouse.limits;
        let inside = wheelhouse::look_inside(
            &checked.verified,
            limits,
            cancel,
            &|files, bytes| progress.inspecting(files, bytes),
            &|bytes| progress.read(bytes),
        );
        progress.hashed();
        describe_inside(
            report,
            &locations.directory,
            &manifest_name,
            &checked,
            &inside,
        );
    }
    Some((checked, built_from))
}

/// Returns where everything is, or says why that is open.
pub(super) fn locate(request: &Request, report: &mut Report) -> Option<Locations> {
    match request.policy.wheelhouse.locate(&request.root) {
        Ok(locations) => Some(locations),
        Err(error) => {
            report.errors.push(trouble(&error, NAME_MANIFEST));
            None
        }
    }
}

/// A manifest that is not behind what was accepted before, and where to remember it.
struct Fresh {
    state: StateFile,
    wheelhouse: String,
    manifest: String,
    accepted: Accepted,
}

/// Returns what to remember after a pass, or says why that cannot come to pass.
fn freshness(
    request: &Request,
    report: &mut Report,
    state: &Path,
    manifest: &Path,
    accepted: Accepted,
) -> Option<Fresh> {
    const NEXT: &str = "make the state file readable; if it is damaged, find out why, and \
                        remove it only if you know what was accepted before";
    let state = StateFile::new(state);
    // A pinned project is the same wherever its files lie. Without a pin there is
    // nothing but the place that tells one wheelhouse from another.
    let wheelhouse = match &request.policy.wheelhouse.project {
        Some(project) => format!("project {project}"),
        None => match manifest
            .canonicalize()
            .map(|path| path.into_os_string().into_string())
        {
            Ok(Ok(path)) => format!("manifest {path}"),
            Ok(Err(_)) | Err(_) => {
                report.errors.push(Trouble {
                    message: format!("the path of {} cannot be remembered", manifest.display()),
                    next: "use a path in UTF-8, or pin the project with --project".to_owned(),
                });
                return None;
            }
        },
    };
    match state.seen(&wheelhouse) {
        Ok(Some(seen)) if accepted.is_behind(&seen) => {
            let manifest = manifest.display().to_string();
            report
                .findings
                .push(audit::going_back(&manifest, &seen, &accepted));
            None
        }
        Ok(_) => Some(Fresh {
            state,
            wheelhouse,
            manifest: manifest.display().to_string(),
            accepted,
        }),
        Err(error) => {
            report.errors.push(trouble(&error, NEXT));
            None
        }
    }
}

/// Remembers the manifest, when nothing at all speaks against the wheelhouse. Under
/// a chosen time nothing is remembered: what would have been accepted then says
/// nothing about now.
fn remember(request: &Request, report: &mut Report, fresh: &Fresh) {
    let mut concluded = report.clone();
    concluded.conclude();
    if concluded.exit_code != 0 || request.time_is_chosen {
        return;
    }
    match fresh.state.remember(&fresh.wheelhouse, fresh.accepted) {
        Ok(None) => {}
        Ok(Some(seen)) => {
            report
                .findings
                .push(audit::going_back(&fresh.manifest, &seen, &fresh.accepted));
        }
        Err(error) => {
            let next = "name a state file in a directory that can be written to";
            report.errors.push(trouble(&error, next));
        }
    }
}

/// Says that there is no manifest, and whether there is anything else.
fn without_manifest(
    request: &Request,
    report: &mut Report,
    locations: &Locations,
) -> Option<(Checked, BuiltFromByWheel)> {
    let tree = walked(
        report,
        &locations.directory,
        Tree::scan_to_depth(&locations.directory),
    )?;
    let allowed = allowed(request, locations);
    report.is_empty = tree
        .entries()
        .iter()
        .all(|entry| entry.path().is_some_and(|path| allowed.contains(path)));
    let path = locations.manifest.as_ref().unwrap_or(&request.root);
    report.findings.push(Finding::new(
        &rules::MANIFEST_MISSING,
        Subject::path(path.display().to_string()),
    ));
    None
}

/// Returns what is signed and the signatures over it: the file and those beside it,
/// or the text of a clearsigned file and its own.
pub(super) fn signed_bytes(
    request: &Request,
    report: &mut Report,
    name: &str,
    bytes: Vec<u8>,
    locations: &Locations,
) -> Option<(Vec<u8>, Vec<SignatureFile>)> {
    let detached = &locations.signatures;
    let is_clearsigned =
        Clearsigned::begins(&bytes) || (detached.is_empty() && Clearsigned::is_in(&bytes));
    if !is_clearsigned {
        let files = read_signatures(report, name, detached)?;
        return Some((bytes, files));
    }
    let read = if detached.is_empty() {
        Clearsigned::parse(name, &bytes, request.policy.wheelhouse.lines.crlf)
    } else {
        let files: Vec<_> = detached
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        Err(ClearsignedFault {
            line: 1,
            kind: ClearsignedFaultKind::Detached {
                files: files.join(", "),
            },
        })
    };
    match read {
        Ok(document) => {
            let (text, signatures) = document.into_parts();
            Some((text, vec![signatures]))
        }
        Err(fault) => {
            report.findings.push(audit::clearsigned(name, &fault));
            None
        }
    }
}

pub(super) fn read_signatures(
    report: &mut Report,
    manifest_name: &str,
    paths: &[PathBuf],
) -> Option<Vec<SignatureFile>> {
    if paths.is_empty() {
        report.findings.push(Finding::new(
            &rules::SIGNATURE_MISSING,
            Subject::path(format!("{manifest_name}.asc")),
        ));
    }
    let mut files = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        match input::read(path, MAX_SIGNATURE_FILE) {
            Ok(bytes) => files.push(SignatureFile::parse(name, &bytes)),
            Err(InputError::NotFound { .. }) => report
                .findings
                .push(Finding::new(&rules::SIGNATURE_MISSING, Subject::path(name))),
            Err(error @ (InputError::NotRegular { .. } | InputError::TooLarge { .. })) => {
                report.findings.push(
                    Finding::new(&rules::SIGNATURE_MALFORMED, Subject::path(name)).found(error),
                );
            }
            Err(error @ InputError::Io { .. }) => {
                report
                    .errors
                    .push(trouble(&error, "make the file readable"));
                return None;
            }
        }
    }
    Some(files)
}

/// Returns the tree, or says why there is none.
pub(super) fn walked(
    report: &mut Report,
    directory: &Path,
    tree: Result<Tree, TreeError>,
) -> Option<Tree> {
    match tree {
        Ok(tree) => Some(tree),
        Err(TreeError::NotADirectory {
            kind: Kind::Symlink,
            ..
        }) => {
            report.findings.push(
                Finding::new(
                    &rules::SYMLINK,
                    Subject::path(directory.display().to_string()),
                )
                .next("name the directory itself, not a link to it"),
            );
            None
        }
        Err(error) => {
            let next = "name the directory that holds the wheels, and make all of it readable";
            report.errors.push(trouble(&error, next));
            None
        }
    }
}

/// Returns the names that may lie in the directory unsigned: what the policy
/// allows, and manifest, signatures, policy and trusted certificates where they lie among
/// the files. A file can be a signature and a wheel in one, so none of these may have the
/// name of a package.
pub(super) fn allowed(request: &Request, locations: &Locations) -> BTreeSet<RelPath> {
    let own = locations
        .manifest
        .iter()
        .chain(&locations.signatures)
        .chain(request.policy_file.iter().map(|file| &file.path))
        // Only files: what lies in a directory is judged by its own name.
        .chain(&request.policy.trust.certificates);
    own.filter_map(|path| below(path, &locations.directory))
        .filter(|path| !audit::is_for_installers(path.file_name()))
        .chain(request.policy.wheelhouse.allow_unlisted.iter().cloned())
        .collect()
}

/// Returns where a file lies in a directory, however the two are written.
fn below(path: &Path, directory: &Path) -> Option<RelPath> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new(".")).canonicalize().ok()?;
    let place = parent.join(path.file_name()?);
    let below = place.strip_prefix(directory.canonicalize().ok()?).ok()?;
    RelPath::parse(below.to_str()?).ok()
}

fn is_there(file: &FileStatus) -> bool {
    !matches!(file.status, Status::Missing | Status::Allowed)
}

fn describe(
    report: &mut Report,
    directory: &Path,
    manifest: &str,
    checked: &Checked,
    refused: &[manifest::Fault],
) {
    report.files = checked.files.par_iter().map(summary).collect();
    report
        .findings
        .extend(audit::lookalike(manifest, checked.lookalike));
    let files = audit::files(directory, manifest, &checked.files, refused);
    report.findings.extend(match checked.lookalike {
        Some(_) => audit::mismatches_follow(files),
        None => files,
    });
    for file in &checked.files {
        if let Status::Unreadable(reason) = &file.status {
            report.errors.push(Trouble {
                message: format!(
                    "cannot read {}: {reason}",
                    directory.join(&*file.name).display()
                ),
                next: "make the file readable, then check again".to_owned(),
            });
        }
    }
}

/// Reads the verified build records, and says which of them are none, or are not
/// those of the wheels they lie beside. Returns what the others say that wheels were
/// built from.
fn records(
    report: &mut Report,
    directory: &Path,
    manifest: &Manifest,
    checked: &Checked,
) -> BuiltFromByWheel {
    let mut built_from = BuiltFromByWheel::new();
    for (path, _) in checked.verified.iter() {
        if recipe::recorded_wheel(path.file_name()).is_none() {
            continue;
        }
        match checked.verified.read(path, recipe::MAX_RECORD_BYTES) {
            Ok(bytes) => {
                let record = BuildRecord::parse(&bytes);
                let finding = audit::record(directory, path, record.as_ref(), manifest);
                if let (None, Ok(record)) = (&finding, record)
                    && let Some(wheel) = path.as_str().strip_suffix(recipe::RECORD_ENDING)
                    && let Ok(wheel) = RelPath::parse(wheel)
                {
                    let from = BuiltFrom {
                        sdist: record.sdist,
                        sha256: record.sdist_sha256,
                    };
                    built_from.insert(wheel, from);
                }
                report.findings.extend(finding);
            }
            Err(error) => {
                let next = "make the file readable and keep others from changing it";
                report.errors.push(trouble(&error, next));
            }
        }
    }
    built_from
}

fn describe_inside(
    report: &mut Report,
    directory: &Path,
    manifest: &str,
    checked: &Checked,
    found: &[(&RelPath, Inside)],
) {
    let findings = audit::inside(directory, manifest, &checked.files, found);
    report.findings.extend(findings);
    unreadable_inside(report, directory, found);
}

/// Says which files could not be looked into.
pub(super) fn unreadable_inside(
    report: &mut Report,
    directory: &Path,
    found: &[(&RelPath, Inside)],
) {
    for (path, inside) in found {
        if let Inside::Unreadable(reason) = inside {
            report.errors.push(Trouble {
                message: format!(
                    "cannot look into {}: {reason}",
                    path.below(directory).display()
                ),
                next: "make the file readable, then check again".to_owned(),
            });
        }
    }
}

pub(super) fn summary(file: &FileStatus) -> FileSummary {
    let name = file.name.rsplit('/').next().unwrap_or(&file.name);
    FileSummary {
        path: file.name.to_string(),
        sha256: file.expected,
        size: file.size,
        kind: if WheelFilename::parse(name).is_ok() {
            FileKind::Wheel
        } else if SdistFilename::parse(name).is_ok() {
            FileKind::Sdist
        } else if recipe::recorded_wheel(name).is_some() {
            FileKind::Record
        } else {
            FileKind::Other
        },
        status: match file.status {
            Status::Ok => "ok",
            Status::Missing => "missing",
            Status::Mismatch { .. } => "mismatch",
            Status::LfsPointer { .. } => "lfs-pointer",
            Status::Changed => "changed",
            Status::Unreadable(_) => "unreadable",
            Status::NotAFile(_) => "not-a-file",
            Status::Unlisted => "unlisted",
            Status::Allowed => "allowed",
            Status::NotUtf8 | Status::Unnameable => "bad-name",
        },
    }
}
