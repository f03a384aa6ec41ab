//! What lies in a directory, as a first policy for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Request;
use super::trouble;
use super::verify::{locate, signed_bytes};
use crate::archive::Limits;
use crate::archive::zip::Archive;
use crate::audit;
use crate::cancel::Cancel;
use crate::digest::Sha256Digest;
use crate::filename::{ProjectName, WheelFilename};
use crate::finding::{Finding, Severity, Subject, rules};
use crate::fingerprint::Fingerprint;
use crate::manifest::{self, Unsigned};
use crate::openpgp::{self, Certificates, Clearsigned, Cryptography, SignatureVerdict};
use crate::policy::{self, Draft, Locations, Policy, SuggestedSigner, Trust, WheelhouseName};
use crate::relpath::RelPath;
use crate::replace;
use crate::report::{Change, Report, WrittenFile};
use crate::sandbox::find_program;
use crate::time::UtcTime;
use crate::tree::{Kind, Tree};

/// Names of directories that people keep certificates in.
const CERTIFICATE_DIRECTORIES: &[&str] = &["keys", "pubkeys", "certs", "certificates", "signers"];

/// How many wheels are looked into for their time.
const MAX_WHEELS: usize = 200;

/// What is wanted of the policy.
#[derive(Debug, Clone)]
pub struct InitWish {
    /// The file to write.
    pub output: PathBuf,
    /// Certificates that the user named, as the policy is to name them.
    pub certificates: Vec<PathBuf>,
    /// Directories in which interpreters are looked for.
    pub search_path: Vec<PathBuf>,
}

/// Writes a policy for what lies in a directory.
pub fn init(request: &Request, wish: &InitWish, cancel: &Cancel) -> Report {
    let mut report = request.report("init");
    if steps(request, wish, &mut report, cancel).is_some() {
        report.next = Some(request.line("verify", ""));
    }
    report
}

fn steps(request: &Request, wish: &InitWish, report: &mut Report, cancel: &Cancel) -> Option<()> {
    let root = &request.root;
    let locations = locate(request, report)?;
    // Links and unreadable directories are for the verification to judge; here
    // they only hold nothing that can be suggested.
    let tree = match Tree::scan(&locations.directory) {
        Ok(tree) => Some(tree),
        Err(error) if !root.is_dir() => {
            report
                .errors
                .push(trouble(&error, "name a directory that is there"));
            return None;
        }
        Err(_) => None,
    };
    let wheels = wheels(tree.as_ref());
    let found = match wish.certificates.is_empty() {
        true => certificates_in(root, locations.directory == *root),
        false => wish.certificates.clone(),
    };
    let has_nothing = wheels.is_empty() && locations.manifest.is_none() && found.is_empty();
    if has_nothing {
        report.is_empty = true;
        return None;
    }
    let paths: Vec<PathBuf> = found.iter().map(|path| root.join(path)).collect();
    let certificates = match Certificates::load(&paths) {
        Ok(certificates) => certificates,
        Err(error) => {
            let next = "name certificates that are there with --certs";
            report.errors.push(trouble(&error, next));
            return None;
        }
    };
    report
        .findings
        .extend(audit::certificates(&certificates, &Trust::default()));
    if certificates.is_empty() {
        report.findings.push(
            Finding::new(&rules::CERTIFICATE_MISSING, Subject::path(wish.output.display().to_string()))
                .severity(Severity::Warning)
                .expected("the certificate of whoever signs")
                .found(format!("none in {}", CERTIFICATE_DIRECTORIES.join("/, ") + "/"))
                .next("put the public certificates into keys/ and run it again with --force, or name them with --certs; until then nothing can be verified"),
        );
    }
    let named = |path: &Path| {
        path.strip_prefix(root)
            .unwrap_or(path)
            .to_str()
            .map(str::to_owned)
    };
    let (signers, project) = signed(request, &locations, &certificates, report, cancel)?;
    let draft = Draft {
        certificates: found
            .iter()
            .filter_map(|path| path.to_str().map(str::to_owned))
            .collect(),
        signers,
        project,
        manifest: locations.manifest.as_deref().and_then(named),
        signatures: locations
            .signatures
            .iter()
            .filter_map(|path| named(path))
            .collect(),
        directory: match locations.directory == *root {
            true => None,
            false => named(&locations.directory),
        },
        interpreters: interpreters(&wheels, &wish.search_path),
        epochs: tree
            .as_ref()
            .map_or_else(Vec::new, |tree| epochs(tree, &wheels)),
    };
    let text = draft.to_toml();
    if let Err(error) = Policy::parse(&wish.output, &text) {
        let next = "report this; nothing was written";
        report.errors.push(trouble(&error, next));
        return None;
    }
    let is_there = wish.output.symlink_metadata().is_ok();
    if let Err(error) = replace::file(&wish.output, text.as_bytes()) {
        let next = "make room or the directory writable; nothing was written";
        report.errors.push(trouble(&error, next));
        return None;
    }
    report.written.push(WrittenFile {
        path: wish.output.display().to_string(),
        sha256: Sha256Digest::of(text.as_bytes()),
        change: match is_there {
            true => Change::Replaced,
            false => Change::Created,
        },
    });
    Some(())
}

/// Returns what in a directory holds certificates, by the names that people give; where the
/// files lie in the directory itself, so do the certificates, since `verify` takes a
/// directory among the files for a fault.
fn certificates_in(root: &Path, is_flat: bool) -> Vec<PathBuf> {
    if is_flat {
        return certificates_beside(root);
    }
    let holds_some = |path: &Path| {
        let paths = [path.to_owned()];
        Certificates::load(&paths).is_ok_and(|certificates| !certificates.is_empty())
    };
    CERTIFICATE_DIRECTORIES
        .iter()
        .map(PathBuf::from)
        .filter(|name| root.join(name).is_dir() && holds_some(&root.join(name)))
        .collect()
}

/// Returns the files in a directory that are certificates, by their names and by what they
/// hold.
fn certificates_beside(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(PathBuf::from(entry.ok()?.file_name())))
        .filter(|name| {
            name.extension()
                .is_some_and(|it| it == "asc" || it == "gpg" || it == "pgp")
        })
        .filter(|name| Certificates::load(&[root.join(name)]).is_ok_and(|found| !found.is_empty()))
        .collect();
    found.sort();
    found
}

/// Returns who signed the manifest that is there, as far as the certificates
/// tell, and the project that it states. Returns nothing when somebody asked to stop.
fn signed(
    request: &Request,
    locations: &Locations,
    certificates: &Certificates,
    report: &mut Report,
    cancel: &Cancel,
) -> Option<(Vec<SuggestedSigner>, Option<WheelhouseName>)> {
    let nothing = Some((Vec::new(), None));
    let Some(path) = &locations.manifest else {
        return nothing;
    };
    let name = path.display().to_string();
    let Ok(bytes) = manifest::read(path) else {
        return nothing;
    };
    let lines = request.policy.wheelhouse.lines;
    if locations.signatures.is_empty() && !Clearsigned::is_in(&bytes) {
        let project = Unsigned::parse(&bytes, lines).project().cloned();
        return Some((Vec::new(), project));
    }
    let Some((bytes, files)) = signed_bytes(request, report, &name, bytes, locations) else {
        return nothing;
    };
    let project = Unsigned::parse(&bytes, lines).project().cloned();
    let trust = Trust::default();
    let judgement = openpgp::authenticate(
        bytes,
        &files,
        certificates,
        &trust,
        request.reference_time,
        cancel,
    )?;
    let mut signers: BTreeMap<Fingerprint, SuggestedSigner> = BTreeMap::new();
    for fact in &judgement.facts {
        let Some(signer) = &fact.signer else { continue };
        if fact.cryptography != Cryptography::Good {
            continue;
        }
        let suggested = SuggestedSigner {
            fingerprint: signer.clone(),
            user_id: fact.user_id.clone().unwrap_or_default(),
            objection: (fact.verdict != SignatureVerdict::Good).then(|| fact.reason.clone()),
        };
        let known = signers
            .entry(signer.clone())
            .or_insert_with(|| suggested.clone());
        if suggested.objection.is_none() {
            *known = suggested;
        }
    }
    report.signatures = judgement.facts;
    Some((signers.into_values().collect(), project))
}

fn wheels(tree: Option<&Tree>) -> Vec<(RelPath, WheelFilename)> {
    tree.map_or(&[][..], Tree::entries)
        .iter()
        .filter(|entry| entry.kind == Kind::File)
        .filter_map(|entry| entry.path().cloned())
        .filter_map(|path| {
            let wheel = WheelFilename::parse(path.file_name()).ok()?;
            Some((path, wheel))
        })
        .collect()
}

/// Returns the Python tags of the wheels with what could run their builds.
fn interpreters(
    wheels: &[(RelPath, WheelFilename)],
    search_path: &[PathBuf],
) -> Vec<(String, Option<String>)> {
    // Of several tags in one name, the last one that is looked at decides.
    let tags: BTreeSet<&String> = wheels
        .iter()
        .filter_map(|(_, wheel)| wheel.python_tags().last())
        .collect();
    tags.into_iter()
        .filter(|tag| {
            tag.starts_with(|c: char| c.is_ascii_lowercase())
                && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
        .map(|tag| {
            let program = program_of(tag);
            let found = program.filter(|name| find_program(name, search_path).is_some());
            (tag.clone(), found)
        })
        .collect()
}

/// Returns what the interpreter of a Python tag is called: `python3.11` of
/// `cp311`, `python3` of `py3`.
fn program_of(tag: &str) -> Option<String> {
    let digits = tag.strip_prefix("cp").or_else(|| tag.strip_prefix("py"))?;
    let (major, minor) = digits.split_at_checked(1)?;
    match minor {
        "" => Some(format!("python{major}")),
        _ => Some(format!("python{major}.{minor}")),
    }
}

/// Returns the time that all members of all wheels of a project carry, where
/// there is one.
fn epochs(tree: &Tree, wheels: &[(RelPath, WheelFilename)]) -> Vec<(ProjectName, i64)> {
    let mut times: BTreeMap<ProjectName, BTreeSet<Option<i64>>> = BTreeMap::new();
    for (path, wheel) in wheels.iter().take(MAX_WHEELS) {
        let known = times.entry(wheel.project().clone()).or_default();
        match tree
            .open(path)
            .ok()
            .and_then(|file| Archive::from_file(file, Limits::default()).ok())
        {
            Some(archive) => known.extend(archive.members().iter().map(|member| {
                let text = member.central().time.to_string().replace(' ', "T");
                let time: Option<UtcTime> = format!("{text}Z").parse().ok();
                time.map(UtcTime::unix_seconds)
            })),
            None => {
                known.insert(None);
            }
        }
    }
    times
        .into_iter()
        .filter_map(
            |(project, times)| match times.into_iter().collect::<Vec<_>>()[..] {
                [Some(only)] if only >= policy::EARLIEST_EPOCH => Some((project, only)),
                _ => None,
            },
        )
        .collect()
}
