//! Directory, manifest, the signatures that are there, one more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::manifest::{clearsigned, survey};
use super::trouble;
use super::verify::{locate, read_signatures};
use super::{Progress, Request};
use crate::audit;
use crate::cancel::Cancel;
use crate::digest::Sha256Digest;
use crate::finding::{Finding, Severity, Subject, rules};
use crate::fingerprint::Fingerprint;
use crate::gnupg::{self, Gnupg, SigningKey};
use crate::input::{self, InputError};
use crate::manifest::{self, Unsigned};
use crate::openpgp::{
    self, Certificates, Clearsigned, Cryptography, KeyState, SecretKey, SignatureFact,
    SignatureFile, SignatureMode,
};
use crate::policy::{Locations, Trust};
use crate::replace;
use crate::report::{Change, ManifestSummary, Report, Trouble, WrittenFile};
use crate::time::UtcTime;

/// The most bytes a key file or a password file may have.
const MAX_KEY_FILE: u64 = 1 << 20;

/// The most bytes a signature made elsewhere may have.
const MAX_ADDED: u64 = 16 << 20;

/// Who makes the signature.
#[derive(Debug)]
pub enum SigningWay {
    /// GnuPG, with a key that it holds.
    Gnupg(Gnupg),
    /// This program, with a key from a file.
    KeyFile {
        /// The key file.
        path: PathBuf,
        /// The file with the password.
        password: Option<PathBuf>,
    },
    /// Somebody elsewhere, who made this file.
    Made(PathBuf),
}

/// What is wanted of the signature.
pub struct SignWish<'a> {
    /// Who makes it.
    pub way: SigningWay,
    /// Whose it is: a certificate, or one key of it.
    pub signer: Option<Fingerprint>,
    /// The signature file, when not where verification looks for it.
    pub output: Option<PathBuf>,
    /// Whether to drop the signatures that are in the file.
    pub replace: bool,
    /// The time now; asking for a PIN takes a while.
    pub clock: &'a dyn Fn() -> UtcTime,
}

/// Takes the signatures of somebody out of the signature file, and signs nothing.
///
/// A signature that somebody else made stays as it was, byte for byte.
pub fn drop_signatures(
    request: &Request,
    leaving: &[Fingerprint],
    wish: &SignWish<'_>,
    cancel: &Cancel,
) -> Report {
    let mut report = request.report("sign");
    if let Err(trouble) = drop_steps(request, leaving, wish, &mut report, cancel) {
        report.errors.push(trouble);
    }
    report
}

fn drop_steps(
    request: &Request,
    leaving: &[Fingerprint],
    wish: &SignWish<'_>,
    report: &mut Report,
    cancel: &Cancel,
) -> Result<(), Trouble> {
    let next = "name the signature file with --output";
    let Some(locations) = locate(request, report) else {
        return Ok(());
    };
    let manifest = locations.manifest.clone().ok_or_else(|| Trouble {
        message: format!("there is no manifest in {}", request.root.display()),
        next: "name it with --manifest".to_owned(),
    })?;
    let bytes = manifest::read(&manifest).map_err(|error| trouble(&error, next))?;
    let Some(target) = target(wish, &manifest, &locations, report) else {
        return Ok(());
    };
    let old = input::read(&target, MAX_ADDED).map_err(|error| trouble(&error, next))?;
    let trusted = Certificates::load(&request.policy.trust.certificates).unwrap_or_default();
    let file = SignatureFile::parse(target.display().to_string(), &old);
    if let Some(fault) = file.faults().first() {
        return Err(Trouble {
            message: format!("{}: {fault}", target.display()),
            next: "put the file right, or start anew with 'wheelproof sign --replace'".to_owned(),
        });
    }
    let files = std::slice::from_ref(&file);
    let trust = Trust::default();
    let facts = openpgp::authenticate(
        bytes.clone(),
        files,
        &trusted,
        &trust,
        request.reference_time,
        cancel,
    );
    let Some(facts) = facts.map(|judgement| judgement.facts) else {
        return Ok(());
    };
    let Some(packets) = packets_of(&file, report) else {
        return Ok(());
    };
    let owners: BTreeSet<Fingerprint> = leaving
        .iter()
        .map(|named| owner(&trusted, named).unwrap_or_else(|| named.clone()))
        .collect();
    let goes = |fact: &SignatureFact| {
        fact.signer
            .as_ref()
            .is_some_and(|signer| owners.contains(signer))
            || leaving.iter().any(|named| is_key(fact, named))
    };
    let (go, stay): (Vec<_>, Vec<_>) = facts.iter().zip(packets).partition(|(fact, _)| goes(fact));
    let whose: Vec<&str> = leaving.iter().map(Fingerprint::as_str).collect();
    if go.is_empty() {
        return Err(Trouble {
            message: format!(
                "{} holds no signature by {}",
                target.display(),
                whose.join(" or ")
            ),
            next: format!(
                "'wheelproof inspect {}' says whose it holds",
                target.display()
            ),
        });
    }
    if stay.is_empty() {
        return Err(Trouble {
            message: format!("{} holds no other signature", target.display()),
            next: "let another signer sign first, with 'wheelproof sign --signer FINGERPRINT'"
                .to_owned(),
        });
    }
    let gone: Vec<&SignatureFact> = go.iter().map(|(fact, _)| *fact).collect();
    report.findings.extend(dropped(&gone));
    let packets: Vec<Vec<u8>> = stay.into_iter().map(|(_, packet)| packet).collect();
    let Some(new) = assembled(&packets, !openpgp::is_binary(&old), report) else {
        return Ok(());
    };
    replace::file(&target, &new).map_err(|error| {
        trouble(
            &error,
            "make room or the directory writable; the signatures are as they were",
        )
    })?;
    report.written.push(WrittenFile {
        path: target.display().to_string(),
        sha256: Sha256Digest::of(&new),
        change: Change::Replaced,
    });
    if !trusted.is_empty() {
        outlook(request, (&target, &bytes), &trusted, report, cancel);
    }
    Ok(())
}

/// Returns whether a signature names a key, by its fingerprint or by the end of it, which
/// is what older signatures have.
fn is_key(fact: &SignatureFact, named: &Fingerprint) -> bool {
    fact.key
        .as_ref()
        .is_some_and(|key| key.len() >= 16 && named.as_str().ends_with(key.as_str()))
}

/// Signs the manifest of a directory.
pub fn sign(
    request: &Request,
    wish: &SignWish<'_>,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Report {
    let mut report = request.judging_report("sign");
    report.depth = Some(request.policy.wheelhouse.depth);
    if let Some(ready) = prepare(request, wish, &mut report, cancel, progress)
        && !cancel.is_requested()
    {
        add(request, wish, ready, &mut report, (cancel, progress));
    }
    report
}

/// Returns the commands that make the signature on another machine, when the
/// manifest may be signed.
pub fn signing_commands(
    request: &Request,
    wish: &SignWish<'_>,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> (Report, Option<String>) {
    let mut report = request.judging_report("sign");
    report.depth = Some(request.policy.wheelhouse.depth);
    let commands = prepare(request, wish, &mut report, cancel, progress)
        .and_then(|ready| commands(request, wish, &ready, &mut report));
    (report, commands)
}

/// Everything that a signature needs, when nothing speaks against it.
struct Ready {
    manifest_path: PathBuf,
    manifest: Vec<u8>,
    target: PathBuf,
    trusted: Certificates,
    /// What is in the target, and stays.
    kept: Option<SignatureFile>,
    /// What is to be said of the signatures in the target that go, once they are gone.
    replaced: Vec<Finding>,
    /// How the target is written.
    is_armored: bool,
    /// Whether there is a target.
    is_there: bool,
}

fn prepare(
    request: &Request,
    wish: &SignWish<'_>,
    report: &mut Report,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Option<Ready> {
    let locations = locate(request, report)?;
    let (manifest_path, manifest) = current(request, &locations, report, cancel, progress)?;
    let trusted = match Certificates::load(&request.policy.trust.certificates) {
        Ok(certificates) => certificates,
        Err(error) => {
            let next = "name the signers' certificates with --certs or in the policy";
            report.errors.push(trouble(&error, next));
            return None;
        }
    };
    let target = target(wish, &manifest_path, &locations, report)?;
    let mut paths = locations.signatures.clone();
    if !paths.contains(&target) {
        paths.push(target.clone());
    }
    paths.retain(|path| path.symlink_metadata().is_ok());
    let manifest_name = manifest_path.display().to_string();
    let files = match paths.is_empty() {
        true => Vec::new(),
        false => read_signatures(report, &manifest_name, &paths)?,
    };
    let target_name = target.display().to_string();
    let judgement = openpgp::authenticate(
        manifest.clone(),
        &files,
        &trusted,
        &request.policy.trust,
        request.reference_time,
        cancel,
    )?;
    let mut kept = None;
    let mut replaced = Vec::new();
    for file in files {
        let facts: Vec<&SignatureFact> = judgement
            .facts
            .iter()
            .filter(|fact| fact.path == file.path())
            .collect();
        let is_target = file.path() == target_name;
        if is_target && wish.replace {
            replaced = dropped(&facts);
        } else {
            report
                .findings
                .extend(audit::standing_signatures(&file, &facts, &manifest));
            if is_target {
                kept = Some(file);
            }
        }
    }
    if report.count(Severity::Error) > 0 || !report.errors.is_empty() {
        return None;
    }
    let is_there = target.symlink_metadata().is_ok();
    let is_armored = match input::read(&target, MAX_ADDED) {
        Ok(bytes) => !openpgp::is_binary(&bytes),
        Err(_) => !target
            .extension()
            .is_some_and(|ending| ending == "sig" || ending == "gpg"),
    };
    Some(Ready {
        manifest_path,
        manifest,
        target,
        trusted,
        kept,
        replaced,
        is_armored,
        is_there,
    })
}

/// Reads the manifest and makes sure that it is current.
fn current(
    request: &Request,
    locations: &Locations,
    report: &mut Report,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Option<(PathBuf, Vec<u8>)> {
    let missing = |path: &Path| {
        Finding::new(
            &rules::MANIFEST_MISSING,
            Subject::path(path.display().to_string()),
        )
        .next("write it with 'wheelproof manifest', read it, then sign it")
    };
    let Some(path) = locations.manifest.clone() else {
        report.findings.push(missing(&request.root));
        return None;
    };
    // Read first: what is signed is what was compared.
    let bytes = match manifest::read(&path) {
        Ok(bytes) if Clearsigned::is_in(&bytes) => {
            report.errors.push(clearsigned(&path));
            return None;
        }
        Ok(bytes) => bytes,
        Err(InputError::NotFound { .. }) => {
            report.findings.push(missing(&path));
            return None;
        }
        Err(error) => {
            let next = "a manifest is a text file that lists digests and names";
            report.errors.push(trouble(&error, next));
            return None;
        }
    };
    let digests = survey(request, locations, &path, report, cancel, progress)?;
    let unsigned = Unsigned::parse(&bytes, request.policy.wheelhouse.lines);
    let name = path.display().to_string();
    report.manifest = Some(ManifestSummary {
        path: name.clone(),
        sha256: Sha256Digest::of(&bytes),
        entries: Some(unsigned.listed().len() as u64),
        project: unsigned.project().cloned(),
    });
    report
        .findings
        .extend(audit::currency(&name, &unsigned, &digests));
    report.findings.extend(audit::project(
        &name,
        request.policy.wheelhouse.project.as_ref(),
        unsigned.project(),
    ));
    report.is_empty &= unsigned.listed().is_empty();
    let speaks_against =
        report.is_empty || report.count(Severity::Error) > 0 || !report.errors.is_empty();
    (!speaks_against).then_some((path, bytes))
}

/// Returns the signature file to write.
fn target(
    wish: &SignWish<'_>,
    manifest: &Path,
    locations: &Locations,
    report: &mut Report,
) -> Option<PathBuf> {
    match (&wish.output, locations.signatures.as_slice()) {
        (Some(path), _) => Some(path.clone()),
        (None, [only]) => Some(only.clone()),
        (None, []) => {
            let mut path = manifest.as_os_str().to_owned();
            path.push(".asc");
            Some(path.into())
        }
        (None, several) => {
            let names: Vec<String> = several
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            report.errors.push(Trouble {
                message: format!("there are several signature files: {}", names.join(", ")),
                next: "say with --output which one is to hold the signature".to_owned(),
            });
            None
        }
    }
}

/// Says whose signatures go.
fn dropped(facts: &[&SignatureFact]) -> Vec<Finding> {
    facts
        .iter()
        .map(|fact| {
            Finding::new(&rules::SIGNATURE_DROPPED, Subject::path(&fact.path)).found(format!(
                "signature {} by {}",
                fact.number,
                audit::signer_of(fact)
            ))
        })
        .collect()
}

/// A signature in the making: its packets, and whose certificate tells whether it
/// is good.
struct Made {
    packets: Vec<Vec<u8>>,
    certificates: Certificates,
    /// The certificates that may have made it; any when empty.
    signers: BTreeSet<Fingerprint>,
}

fn add(
    request: &Request,
    wish: &SignWish<'_>,
    ready: Ready,
    report: &mut Report,
    (cancel, progress): (&Cancel, &dyn Progress),
) -> Option<()> {
    let made = make(request, wish, &ready, report, (cancel, progress))?;
    let now = (wish.clock)();
    report.time = now;

    // The new signature on its own, held against its signer's certificate.
    let alone = assembled(&made.packets, true, report)?;
    let file = SignatureFile::parse(ready.target.display().to_string(), &alone);
    let trust = Trust {
        signers: made.signers.clone(),
        ..Trust::default()
    };
    let judgement = openpgp::authenticate(
        ready.manifest.clone(),
        std::slice::from_ref(&file),
        &made.certificates,
        &trust,
        now,
        cancel,
    )?;
    let manifest_name = ready.manifest_path.display().to_string();
    let is_good = judgement.authenticated.is_some()
        && file.faults().is_empty()
        && judgement
            .facts
            .iter()
            .all(|fact| fact.verdict == openpgp::SignatureVerdict::Good);
    if !is_good {
        let files = std::slice::from_ref(&file);
        report
            .findings
            .extend(audit::signatures(&manifest_name, files, &judgement));
        report.findings.push(
            Finding::new(&rules::SIGNATURE_NOT_ADDED, Subject::path(file.path()))
                .found("the new signature does not verify with its signer's certificate"),
        );
        report.signatures = judgement.facts;
        report.threshold = Some(judgement.threshold);
        return None;
    }
    let signers: BTreeSet<Fingerprint> = judgement
        .facts
        .iter()
        .filter_map(|fact| fact.signer.clone())
        .collect();
    let modes = file.modes();

    // All that was there, less what the signer had signed before.
    let everybody = ready.trusted.clone().and(made.certificates);
    let judge = |bytes: &[u8]| {
        let file = SignatureFile::parse(ready.target.display().to_string(), bytes);
        let judgement = openpgp::authenticate(
            ready.manifest.clone(),
            std::slice::from_ref(&file),
            &everybody,
            &Trust::default(),
            now,
            cancel,
        )?;
        Some((file, judgement.facts))
    };
    let mut packets = Vec::new();
    let mut stay = Vec::new();
    let mut gone = ready.replaced.clone();
    if let Some(kept) = &ready.kept {
        let (_, facts) = judge(&assembled(&packets_of(kept, report)?, true, report)?)?;
        for (packet, fact) in packets_of(kept, report)?.into_iter().zip(facts) {
            let is_own = fact.cryptography == Cryptography::Good
                && fact
                    .signer
                    .as_ref()
                    .is_some_and(|signer| signers.contains(signer));
            if is_own {
                gone.extend(dropped(&[&fact]));
            } else {
                packets.push(packet);
                stay.push(facts_to_keep(&fact));
            }
        }
        let standing: BTreeSet<SignatureMode> = kept.modes();
        if !packets.is_empty() && !standing.is_superset(&modes) {
            report.findings.push(
                Finding::new(&rules::SIGNATURE_NOT_ADDED, Subject::path(kept.path()))
                    .expected(
                        "a signature of the same mode as those that are there, binary or text",
                    )
                    .found("gpg and gpgv check only the first signature of a file that has both")
                    .next("make the signature again, with --textmode or without"),
            );
            return None;
        }
    }
    packets.extend(made.packets);
    let bytes = assembled(&packets, ready.is_armored, report)?;

    // What is about to be written, read as anybody will read it.
    let (written, facts) = judge(&bytes)?;
    let are_kept = facts
        .iter()
        .take(stay.len())
        .map(facts_to_keep)
        .eq(stay.iter().cloned());
    let is_whole = written.faults().is_empty() && written.len() == packets.len();
    if !is_whole || !are_kept {
        report.errors.push(Trouble {
            message: format!(
                "the signatures in {} cannot be written again as they are",
                ready.target.display()
            ),
            next: "sign into another file with --output, and report this".to_owned(),
        });
        return None;
    }
    if cancel.is_requested() {
        return None;
    }
    if let Err(error) = replace::file(&ready.target, &bytes) {
        let next = "make room or the directory writable; the signatures are as they were";
        report.errors.push(trouble(&error, next));
        return None;
    }
    // Only now: a signature that nobody took out is not dropped.
    report.findings.extend(gone);
    report.written.push(WrittenFile {
        path: ready.target.display().to_string(),
        sha256: Sha256Digest::of(&bytes),
        change: match ready.is_there {
            true => Change::Replaced,
            false => Change::Created,
        },
    });
    if request.policy.trust.certificates.is_empty() {
        publish(request, &everybody, &signers, report);
    }
    // Whoever verifies has the trusted certificates and no others.
    let theirs = match ready.trusted.is_empty() {
        true => &everybody,
        false => &ready.trusted,
    };
    outlook(
        request,
        (&ready.target, &ready.manifest),
        theirs,
        report,
        cancel,
    );
    next(request, report);
    Some(())
}

/// Writes the public certificates of the signers where verification can be told to look:
/// into `keys/` beside the directory with the files, or, where the files lie in the
/// directory itself, beside them. Only where nobody is trusted yet: whom a policy trusts is
/// not for a signer to change.
fn publish(
    request: &Request,
    certificates: &Certificates,
    signers: &BTreeSet<Fingerprint>,
    report: &mut Report,
) {
    let Some(locations) = locate(request, report) else {
        return;
    };
    let is_flat = locations.directory == request.root;
    for signer in signers {
        let Some(bytes) = certificates.armored(signer) else {
            continue;
        };
        let name = format!("{signer}.asc");
        let place = match is_flat {
            true => request.root.clone(),
            false => request.root.join(PUBLISHED),
        };
        let path = place.join(name);
        let is_there = path.symlink_metadata().is_ok();
        let written = std::fs::create_dir_all(&place)
            .map_err(|error| error.to_string())
            .and_then(|()| replace::file(&path, &bytes).map_err(|error| error.to_string()));
        match written {
            Ok(()) => report.written.push(WrittenFile {
                path: path.display().to_string(),
                sha256: Sha256Digest::of(&bytes),
                change: match is_there {
                    true => Change::Replaced,
                    false => Change::Created,
                },
            }),
            Err(error) => report.errors.push(Trouble {
                message: format!(
                    "cannot write the certificate to {}: {error}",
                    path.display()
                ),
                next: "the manifest is signed; export the certificate with 'gpg --export'"
                    .to_owned(),
            }),
        }
    }
}

/// Says what to type next: who else has to sign, or how to verify.
fn next(request: &Request, report: &mut Report) {
    let open = report
        .threshold
        .as_ref()
        .filter(|threshold| !threshold.is_met());
    report.next = Some(match open {
        Some(_) => request.line("sign", "--signer FINGERPRINT (of another signer)"),
        None => {
            // Where the policy names nobody, the certificate that was just written.
            let published = report
                .written
                .iter()
                .skip(1)
                .map(|file| format!("--certs {}", gnupg::quoted(&file.path)));
            request.line("verify", &published.collect::<Vec<_>>().join(" "))
        }
    });
}

/// Where a certificate is published.
const PUBLISHED: &str = "keys";

/// Returns what must be the same of a signature before and after.
fn facts_to_keep(
    fact: &SignatureFact,
) -> (
    Option<Fingerprint>,
    Option<String>,
    Option<UtcTime>,
    Cryptography,
) {
    (
        fact.signer.clone(),
        fact.key.clone(),
        fact.created,
        fact.cryptography,
    )
}

fn packets_of(file: &SignatureFile, report: &mut Report) -> Option<Vec<Vec<u8>>> {
    file.packets()
        .map_err(|reason| {
            report.errors.push(Trouble {
                message: format!(
                    "cannot write a signature of {} again: {reason}",
                    file.path()
                ),
                next: "sign into another file with --output, and report this".to_owned(),
            });
        })
        .ok()
}

fn assembled(packets: &[Vec<u8>], is_armored: bool, report: &mut Report) -> Option<Vec<u8>> {
    openpgp::signature_file(packets, is_armored)
        .map_err(|error| {
            report.errors.push(trouble(&error, "report this"));
        })
        .ok()
}

/// Says what verification will make of the signatures now. Missing signers are no
/// fault of whoever has just signed.
fn outlook(
    request: &Request,
    (target, manifest): (&Path, &[u8]),
    certificates: &Certificates,
    report: &mut Report,
    cancel: &Cancel,
) {
    let Some(locations) = locate(request, report) else {
        return;
    };
    let mut paths = locations.signatures;
    if !paths.iter().any(|path| path == target) {
        paths.push(target.to_owned());
    }
    let name = locations
        .manifest
        .map_or_else(String::new, |path| path.display().to_string());
    let Some(files) = read_signatures(report, &name, &paths) else {
        return;
    };
    let judgement = openpgp::authenticate(
        manifest.to_vec(),
        &files,
        certificates,
        &request.policy.trust,
        report.time,
        cancel,
    );
    let Some(judgement) = judgement else { return };
    let findings = audit::signatures(&name, &files, &judgement);
    report.findings.extend(findings.into_iter().map(|finding| {
        let severity = finding.severity.min(Severity::Note);
        finding.severity(severity)
    }));
    report.signatures = judgement.facts;
    report.threshold = Some(judgement.threshold);
}

/// Makes the signature.
fn make(
    request: &Request,
    wish: &SignWish<'_>,
    ready: &Ready,
    report: &mut Report,
    (cancel, progress): (&Cancel, &dyn Progress),
) -> Option<Made> {
    let mode = mode(ready);
    match &wish.way {
        SigningWay::Gnupg(gnupg) => {
            let signer = signer(request, wish, report)?;
            let mut certificates = Certificates::default();
            if owner(&ready.trusted, &signer).is_none() {
                let exported = gnupg
                    .certificate(&signer, cancel)
                    .map_err(|error| report.errors.push(trouble(&error, error.next())))
                    .ok()?;
                certificates = Certificates::parse(Path::new("gpg"), &exported);
            }
            // Nobody types a passphrase for a signature that cannot count.
            let known = ready.trusted.clone().and(certificates.clone());
            if let Some(finding) = unusable(&known, &signer, (wish.clock)()) {
                report.findings.push(finding);
                return None;
            }
            let mut say = |error: gnupg::GnupgError| {
                report.errors.push(trouble(&error, error.next()));
            };
            progress.making_room();
            let key = signing_key(&ready.trusted, &certificates, &signer);
            let signed = gnupg
                .sign(&key, mode == SignatureMode::Text, &ready.manifest, cancel)
                .map_err(&mut say)
                .ok()?;
            let certificates = Certificates::default()
                .and(ready.trusted.clone())
                .and(certificates);
            let signers = owner(&certificates, &signer).into_iter().collect();
            let file = SignatureFile::parse("gpg", &signed);
            Some(Made {
                packets: packets_of(&file, report)?,
                certificates,
                signers,
            })
        }
        SigningWay::KeyFile { path, password } => {
            let mut key = read_key(wish, path, password.as_deref(), report)?;
            let mut say = |error: openpgp::SecretKeyError| {
                report.errors.push(trouble(&error, error.next()));
            };
            let packet = key
                .sign(&ready.manifest, mode, (wish.clock)())
                .map_err(&mut say)
                .ok()?;
            Some(Made {
                packets: vec![packet],
                certificates: ready.trusted.clone().and(key.certificate()),
                signers: BTreeSet::from([key.signer().clone()]),
            })
        }
        SigningWay::Made(path) => {
            let bytes = match input::read(path, MAX_ADDED) {
                Ok(bytes) => bytes,
                Err(error) => {
                    let next = "name the signature file that the signer sent";
                    report.errors.push(trouble(&error, next));
                    return None;
                }
            };
            let file = SignatureFile::parse(path.display().to_string(), &bytes);
            if !file.faults().is_empty() {
                report.findings.extend(file.faults().iter().map(|fault| {
                    Finding::new(&rules::SIGNATURE_MALFORMED, Subject::path(file.path()))
                        .found(fault)
                }));
                return None;
            }
            Some(Made {
                packets: packets_of(&file, report)?,
                certificates: ready.trusted.clone(),
                signers: wish
                    .signer
                    .iter()
                    .map(|signer| owner(&ready.trusted, signer).unwrap_or_else(|| signer.clone()))
                    .collect(),
            })
        }
    }
}

/// Says so when a signer's certificate, as it is at hand, cannot sign now.
fn unusable(known: &Certificates, signer: &Fingerprint, now: UtcTime) -> Option<Finding> {
    let whose = owner(known, signer)?;
    let summary = known
        .summaries_of(&BTreeSet::from([whose.clone()]), now)
        .pop()?;
    // A key that is named has to be good itself.
    let key = summary.keys.iter().find(|key| key.fingerprint == *signer);
    let (state, reason) = match key {
        Some(key) if *signer != whose => (key.state, key.reason.clone()),
        _ => {
            let best = summary.keys.iter().find(|key| key.state == summary.state);
            (
                summary.state,
                best.map_or_else(String::new, |key| key.reason.clone()),
            )
        }
    };
    if state == KeyState::Valid {
        return None;
    }
    Some(
        Finding::new(&rules::CERTIFICATE_UNUSABLE, Subject::default())
            .expected("a signer whose certificate is valid now")
            .found(format!("{signer}: {reason}"))
            .next(match state {
                KeyState::Expired => {
                    "extend the key, put the new public certificate in the place of the old one, \
                     and sign again; nothing was asked of gpg"
                }
                KeyState::Revoked => {
                    "sign with another key; nothing was asked of gpg. To take the old signature \
                     out, 'wheelproof sign --drop FINGERPRINT'"
                }
                _ => "sign with a key that is for signing; nothing was asked of gpg",
            }),
    )
}

/// Returns the mode to sign in: that of the signatures which are there.
fn mode(ready: &Ready) -> SignatureMode {
    match &ready.kept {
        Some(kept) if kept.modes() == BTreeSet::from([SignatureMode::Text]) => SignatureMode::Text,
        _ => SignatureMode::Binary,
    }
}

/// Returns whose key is to sign: as the user says, else the only signer that the
/// policy names.
fn signer(request: &Request, wish: &SignWish<'_>, report: &mut Report) -> Option<Fingerprint> {
    let pinned = &request.policy.trust.signers;
    match (&wish.signer, pinned.len()) {
        (Some(signer), _) => Some(signer.clone()),
        (None, 1) => pinned.first().cloned(),
        (None, _) => {
            report.errors.push(Trouble {
                message: "it is not said who signs".to_owned(),
                next: "name the signer's fingerprint with --signer, or sign with --key-file"
                    .to_owned(),
            });
            None
        }
    }
}

/// Returns the certificate that a fingerprint names, or that holds the key it
/// names.
fn owner(certificates: &Certificates, named: &Fingerprint) -> Option<Fingerprint> {
    certificates
        .fingerprints()
        .find(|known| *known == named)
        .or_else(|| certificates.owner_of_subkey(named))
        .cloned()
}

fn signing_key(trusted: &Certificates, others: &Certificates, named: &Fingerprint) -> SigningKey {
    let is_subkey = [trusted, others]
        .iter()
        .any(|certificates| certificates.owner_of_subkey(named).is_some());
    SigningKey {
        fingerprint: named.clone(),
        is_exact: is_subkey,
    }
}

fn read_key(
    wish: &SignWish<'_>,
    path: &Path,
    password: Option<&Path>,
    report: &mut Report,
) -> Option<SecretKey> {
    let mut read = |path: &Path| {
        input::read(path, MAX_KEY_FILE)
            .map_err(|error| {
                let next = "name a readable file with the secret key, and one with its password";
                report.errors.push(trouble(&error, next));
            })
            .ok()
    };
    let bytes = read(path)?;
    let password = match password {
        Some(path) => {
            let mut password = read(path)?;
            // Editors and echo write it; nobody means it.
            if password.last() == Some(&b'\n') {
                password.pop();
            }
            Some(password)
        }
        None => None,
    };
    let now = (wish.clock)();
    SecretKey::read(bytes, wish.signer.as_ref(), password.as_deref(), now)
        .map_err(|error| report.errors.push(trouble(&error, error.next())))
        .ok()
}

fn commands(
    request: &Request,
    wish: &SignWish<'_>,
    ready: &Ready,
    report: &mut Report,
) -> Option<String> {
    let signer = signer(request, wish, report)?;
    let key = signing_key(&ready.trusted, &Certificates::default(), &signer);
    let is_text = mode(ready) == SignatureMode::Text;
    let name = ready.manifest_path.file_name()?.to_string_lossy();
    let output = format!("{name}.{signer}.asc");
    Some(format!(
        "# On the machine with the key, beside a copy of {name}, whose sha256 is\n\
         # {}\n\
         {}\n\
         # or, with sq 1.0 or newer:\n\
         {}\n\
         # then here, with the file it made:\n\
         wheelproof sign {} --add {}\n",
        Sha256Digest::of(&ready.manifest),
        gnupg::command(&key, is_text, &name, &output),
        gnupg::sq_command(&key, is_text, &name, &output),
        gnupg::quoted(&request.root.to_string_lossy()),
        gnupg::quoted(&output),
    ))
}
