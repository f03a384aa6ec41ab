//! From what was seen to what it means.
//!
//! In: the facts about certificates, signatures, manifest lines and files. Out:
//! [`Finding`]s. Pure: equal facts give equal findings, in the same order, and
//! nothing is read here.

mod certificates;
mod inside;
mod produce;
mod rebuilt;
mod records;
mod requirements;
mod sign;

use std::collections::BTreeMap;
use std::path::Path;

use crate::count::counted;
use crate::filename::{SdistFilename, WheelFilename};
use crate::finding::{Finding, Rule, Severity, Subject, rules};
use crate::manifest::{self, Fault, FaultKind};
use crate::openpgp::{
    CertificateFault, Certificates, ClearsignedFault, ClearsignedFaultKind, Judgement, KeyState,
    SignatureFact, SignatureFile, SignatureFileFault, SignatureVerdict,
};
use crate::policy::{Tolerance, Trust, WheelhouseName};
use crate::relpath::{RelPath, spelled_out};
use crate::replace::finished_name;
use crate::state::Accepted;
use crate::tree::Kind;
use crate::wheelhouse::{FileStatus, Lookalike, Status};

pub use certificates::{certificate_states, lapsing_signers, revocations};
pub use inside::inside;
pub use produce::{currency, survey};
pub use rebuilt::not_rebuilt;
pub use records::{record, record_fault};
pub use requirements::{
    Build, Use, Wheelhouse, requirement_builds, requirement_faults, requirements,
};
pub use sign::{signer_of, standing_signatures};

/// What to do about lines that end in CR LF.
const CRLF_ADVICE: &str = "fetch the file again in binary mode, or let the policy accept CR LF \
                           with crlf = \"accept\" (--crlf accept)";

/// What to do about a page of links.
const PAGE_ADVICE: &str = "remove it; pip reads such a page and follows its links to other places";

/// Returns what is wrong with the certificates.
pub fn certificates(certificates: &Certificates, trust: &Trust) -> Vec<Finding> {
    let mut findings: Vec<Finding> = certificates
        .faults()
        .iter()
        .map(|fault| match fault {
            CertificateFault::Malformed { path, reason } => Finding::new(
                &rules::CERTIFICATE_MALFORMED,
                Subject::path(path.display().to_string()),
            )
            .found(reason),
            CertificateFault::Keybox { path } => Finding::new(
                &rules::CERTIFICATE_MALFORMED,
                Subject::path(path.display().to_string()),
            )
            .found("it is a GnuPG keybox, a store that only GnuPG reads")
            .next("write the certificates out of it: gpg --export FINGERPRINT > keys/signer.gpg"),
            CertificateFault::Version { path, version } => Finding::new(
                &rules::CERTIFICATE_VERSION_UNREAD,
                Subject::path(path.display().to_string()),
            )
            .found(format!("a certificate of {version}")),
            CertificateFault::SecretKey { path, fingerprint } => Finding::new(
                &rules::CERTIFICATE_SECRET_KEY,
                Subject::path(path.display().to_string()),
            )
            .found(fingerprint),
        })
        .collect();
    for signer in &trust.signers {
        if certificates.fingerprints().any(|known| known == signer) {
            continue;
        }
        let missing =
            Finding::new(&rules::CERTIFICATE_MISSING, Subject::default()).expected(signer);
        findings.push(match certificates.owner_of_subkey(signer) {
            Some(owner) => missing
                .found(format!("{signer} is a subkey of {owner}"))
                .next("name the certificate by the fingerprint of its primary key"),
            None => missing,
        });
    }
    findings
}

/// Returns what the signatures mean under the policy.
///
/// A signature that does not count weighs as an error when signers are missing,
/// and as a note when enough others count. Forged and unreadable ones are errors
/// in any case, but for forged ones where the policy lets them through beside enough
/// others.
pub fn signatures(manifest: &str, files: &[SignatureFile], judgement: &Judgement) -> Vec<Finding> {
    let is_met = judgement.threshold.is_met();
    let mut findings: Vec<Finding> = files
        .iter()
        .flat_map(|file| {
            file.faults().iter().map(|fault| {
                let finding = Finding::new(&rules::SIGNATURE_MALFORMED, Subject::path(file.path()))
                    .found(fault);
                match fault {
                    SignatureFileFault::Clearsigned => {
                        finding.next("name this file itself with --manifest")
                    }
                    _ => finding,
                }
            })
        })
        .collect();
    findings.extend(
        judgement
            .facts
            .iter()
            .filter_map(|fact| signature(fact, is_met, judgement.bad_signatures)),
    );
    // Where no signature file could be read, that is told already.
    if !is_met && !files.is_empty() {
        let rule = if judgement.threshold.met_by.is_empty() {
            &rules::NO_TRUSTED_SIGNATURE
        } else {
            &rules::THRESHOLD_NOT_MET
        };
        let (met, required) = (
            judgement.threshold.met_by.len(),
            judgement.threshold.required,
        );
        findings.push(
            Finding::new(rule, Subject::path(manifest))
                .expected(counted(u64::from(required), "signer", "distinct signers"))
                .found(format!(
                    "{} in {}",
                    counted(met as u64, "signer that counts", "signers that count"),
                    counted(judgement.facts.len() as u64, "signature", "signatures")
                )),
        );
    }
    findings
}

fn signature(fact: &SignatureFact, is_met: bool, bad: Tolerance) -> Option<Finding> {
    use SignatureVerdict as V;
    let rule: &'static Rule = match fact.verdict {
        V::Good => return None,
        V::NotPinned => &rules::SIGNER_NOT_PINNED,
        V::UnknownKey => &rules::SIGNATURE_UNKNOWN_KEY,
        V::Unsupported => &rules::SIGNATURE_UNSUPPORTED,
        V::UnreadVersion => &rules::SIGNATURE_VERSION_UNREAD,
        V::Malformed => &rules::SIGNATURE_PACKET_MALFORMED,
        V::Undated => &rules::SIGNATURE_UNDATED,
        V::NotOverData => &rules::SIGNATURE_NOT_OVER_DATA,
        V::Bad => &rules::SIGNATURE_BAD,
        V::WeakHash => &rules::SIGNATURE_WEAK_HASH,
        V::CriticalUnknown => &rules::SIGNATURE_CRITICAL_UNKNOWN,
        V::Future => &rules::SIGNATURE_FUTURE,
        V::Expired => &rules::SIGNATURE_EXPIRED,
        V::TooOld => &rules::SIGNATURE_TOO_OLD,
        V::SignerRevoked => &rules::SIGNER_REVOKED,
        V::SignerExpiredWhenSigned => &rules::SIGNER_EXPIRED_WHEN_SIGNED,
        V::SignerExpiredSince => &rules::SIGNER_EXPIRED_SINCE,
        V::SignerNotYetValid => &rules::SIGNER_NOT_YET_VALID,
        V::SignerUnbound => &rules::SIGNER_UNBOUND,
        V::SignerNotForSigning => &rules::SIGNER_NOT_FOR_SIGNING,
        V::SignerTooWeak => &rules::SIGNER_KEY_TOO_WEAK,
        V::SignerUnsupported => &rules::SIGNER_UNSUPPORTED,
    };
    let severity = match fact.verdict {
        // Somebody changed the manifest, or passes off a signature as another's.
        V::Bad if bad == Tolerance::Refuse => Severity::Error,
        _ if is_met => rule.severity.min(Severity::Note),
        _ => rule.severity,
    };
    let signer = signer_of(fact);
    let finding = Finding::new(rule, Subject::path(&fact.path))
        .severity(severity)
        .found(format!(
            "signature {} by {signer}: {}",
            fact.number, fact.reason
        ));
    // Bound today, so the certificate was renewed and lost its old bindings.
    let was_renewed = fact.verdict == V::SignerUnbound && fact.now == KeyState::Valid;
    // Advice that suits a failure is no advice beside a pass.
    let is_harmless = severity == Severity::Note && rule.severity > Severity::Note;
    Some(match (&fact.advice, was_renewed) {
        (_, true) => finding.next(
            "use a copy of the certificate that still has its old self-signatures, or key-validity = \"now\"",
        ),
        (Some(advice), false) => finding.next(advice),
        (None, false) if is_harmless => finding.next(
            "enough others have signed, so the files may be used; whoever keeps them takes this \
             signature out with 'wheelproof sign --drop FINGERPRINT'",
        ),
        (None, false) => finding,
    })
}

/// Returns what a broken frame of a clearsigned manifest means.
pub fn clearsigned(path: &str, fault: &ClearsignedFault) -> Finding {
    let finding = Finding::new(
        &rules::CLEARSIGNED_MALFORMED,
        Subject::path(path).line(fault.line),
    )
    .found(fault);
    match fault.kind {
        ClearsignedFaultKind::Detached { .. } => finding
            .next("name the plain manifest and its signature, or take the signature files away"),
        ClearsignedFaultKind::CarriageReturn => finding.next(CRLF_ADVICE),
        _ => finding,
    }
}

/// Returns what the faulty lines of a manifest mean.
pub fn manifest(path: &str, faults: &[Fault], is_empty: bool) -> Vec<Finding> {
    let mut findings: Vec<Finding> = faults
        .iter()
        .map(|fault| {
            let rule = rule_of(&fault.kind);
            let finding = Finding::new(rule, Subject::path(path).line(fault.line));
            let finding = finding.found(&fault.kind);
            match fault.kind {
                FaultKind::CarriageReturn => finding.next(CRLF_ADVICE),
                FaultKind::DotSlash { .. } => finding.next(
                    "write the names without './', as in 'sha256sum -- *', and sign the manifest again",
                ),
                _ => finding,
            }
        })
        .collect();
    if is_empty {
        findings.push(Finding::new(&rules::MANIFEST_EMPTY, Subject::path(path)));
    }
    findings
}

/// Returns the rule that a faulty line breaks.
fn rule_of(kind: &FaultKind) -> &'static Rule {
    match kind {
        FaultKind::Name { .. } | FaultKind::DotSlash { .. } => &rules::MANIFEST_NAME_UNSAFE,
        FaultKind::Repeated { .. } => &rules::MANIFEST_NAME_REPEATED,
        FaultKind::Twin { .. } => &rules::MANIFEST_NAME_TWIN,
        FaultKind::NotUtf8
        | FaultKind::ByteOrderMark
        | FaultKind::Nul
        | FaultKind::CarriageReturn
        | FaultKind::Digest(_)
        | FaultKind::Algorithm { .. }
        | FaultKind::Tagged
        | FaultKind::Escape { .. }
        | FaultKind::Separator
        | FaultKind::Form(_)
        | FaultKind::ProjectName { .. }
        | FaultKind::ProjectRepeated { .. }
        | FaultKind::More => &rules::MANIFEST_LINE_MALFORMED,
    }
}

/// Returns what the project that a manifest states means, when the policy pins one.
pub fn project(
    path: &str,
    pinned: Option<&WheelhouseName>,
    stated: Option<&WheelhouseName>,
) -> Option<Finding> {
    let pinned = pinned?;
    let (rule, found) = match stated {
        Some(stated) if stated == pinned => return None,
        Some(stated) => (&rules::MANIFEST_PROJECT_DIFFERS, stated.to_string()),
        None => (
            &rules::MANIFEST_PROJECT_MISSING,
            "no statement of a project".to_owned(),
        ),
    };
    let finding = Finding::new(rule, Subject::path(path));
    Some(finding.expected(pinned).found(found))
}

/// Returns what it means that a manifest is behind one accepted before.
pub fn going_back(path: &str, seen: &Accepted, now: &Accepted) -> Finding {
    Finding::new(&rules::MANIFEST_OLDER_THAN_SEEN, Subject::path(path))
        .expected(format!(
            "{}, signed {}, or one signed later",
            seen.manifest_sha256, seen.signed
        ))
        .found(format!("{}, signed {}", now.manifest_sha256, now.signed))
}

/// Returns what the statuses of the files mean.
///
/// `refused` are the lines of the manifest that were not read: a file that one of them
/// names is unlisted because of that.
pub fn files(
    directory: &Path,
    manifest: &str,
    files: &[FileStatus],
    refused: &[Fault],
) -> Vec<Finding> {
    let listed = listed_spellings(files);
    let meant: BTreeMap<&str, &Fault> = refused
        .iter()
        .filter_map(|fault| Some((fault.meant.as_ref()?.as_str(), fault)))
        .collect();
    // Where lines were left unread, each unlisted file may stand on one of them.
    let unread = refused.iter().find(|fault| fault.kind == FaultKind::More);
    files
        .iter()
        .filter_map(|file| {
            let finding = self::file(directory, manifest, file, &listed)?;
            let line = meant.get(&*file.name).copied().or(unread);
            Some(match (&file.status, line) {
                (Status::Unlisted, Some(fault)) => {
                    let may = match fault.kind {
                        FaultKind::More => "it may stand on a line from",
                        _ => "it stands on line",
                    };
                    let says = format!("{may} {} of {manifest}, which was not read", fault.line);
                    // That it is another spelling of a listed name says more.
                    let found = finding.found.clone().unwrap_or(says);
                    finding.found(found).follows(rule_of(&fault.kind))
                }
                _ => finding,
            })
        })
        .collect()
}

/// Returns the listed names by what they have in common with their twins; none when
/// every name in the directory is listed.
fn listed_spellings(files: &[FileStatus]) -> BTreeMap<String, &str> {
    if files.iter().all(|file| file.status != Status::Unlisted) {
        return BTreeMap::new();
    }
    files
        .iter()
        .filter(|file| file.line.is_some())
        .filter_map(|file| Some((twin_key_of(&file.name)?, &*file.name)))
        .collect()
}

fn twin_key_of(name: &str) -> Option<String> {
    Some(manifest::twin_key(&RelPath::parse(name).ok()?))
}

/// Returns what it means that the listed digests are by another algorithm.
pub fn lookalike(manifest: &str, algorithm: Option<Lookalike>) -> Option<Finding> {
    let finding = Finding::new(&rules::MANIFEST_OTHER_DIGEST, Subject::path(manifest));
    Some(finding.expected("SHA-256").found(algorithm?.as_str()))
}

/// Returns findings about files as they are when the listed digests are by another
/// algorithm: that the SHA-256 is another one says nothing then.
pub fn mismatches_follow(findings: Vec<Finding>) -> Vec<Finding> {
    let follow = |finding: Finding| match finding.rule.name == rules::HASH_MISMATCH.name {
        true => finding.follows(&rules::MANIFEST_OTHER_DIGEST),
        false => finding,
    };
    findings.into_iter().map(follow).collect()
}

fn file(
    directory: &Path,
    manifest: &str,
    file: &FileStatus,
    listed: &BTreeMap<String, &str>,
) -> Option<Finding> {
    let subject = Subject::path(directory.join(&*file.name).display().to_string());
    let finding = |rule| Finding::new(rule, subject.clone());
    let signed = || {
        file.expected.map_or_else(
            || format!("a file that {manifest} lists"),
            |digest| digest.to_string(),
        )
    };
    let finding = match &file.status {
        Status::Ok | Status::Allowed => return None,
        // Not being able to read is an error, not a finding about the file.
        Status::Unreadable(_) => return None,
        Status::Missing => finding(&rules::FILE_MISSING).expected(signed()),
        Status::Mismatch { found } => finding(&rules::HASH_MISMATCH)
            .expected(signed())
            .found(found),
        Status::LfsPointer { oid } => {
            let pointer = finding(&rules::LFS_POINTER).expected(signed());
            match oid {
                Some(oid) if Some(*oid) == file.expected => {
                    pointer.found("a pointer to the contents that were signed")
                }
                Some(oid) => pointer.found(format!("a pointer to other contents: {oid}")).next(
                    "the pointer does not name what was signed; fetch the file from its source again",
                ),
                None => pointer.found("a pointer that cannot be read"),
            }
        }
        Status::Changed => finding(&rules::FILE_CHANGED).expected(signed()),
        Status::Unlisted => {
            let unlisted = finding(&rules::FILE_UNLISTED);
            let twin = twin_key_of(&file.name).and_then(|key| listed.get(&key));
            let unlisted = match twin {
                Some(name) => unlisted.found(format!(
                    "'{}', another spelling of '{}', which is listed",
                    spelled_out(&file.name),
                    spelled_out(name)
                )),
                None => unlisted,
            };
            if is_left_by_us(&file.name, manifest) {
                unlisted
                    .found(
                        "what 'wheelproof sign' or 'wheelproof manifest' leaves when it is killed",
                    )
                    .next("run that command again, which takes it away, or remove the file")
            } else if is_page(&file.name) {
                unlisted.next(PAGE_ADVICE)
            } else {
                unlisted
            }
        }
        Status::NotAFile(kind) => match kind {
            Kind::Symlink => finding(&rules::SYMLINK),
            Kind::Directory => finding(&rules::UNEXPECTED_DIRECTORY),
            Kind::File | Kind::Fifo | Kind::Socket | Kind::Device => {
                finding(&rules::SPECIAL_FILE).found(kind.as_str())
            }
        },
        Status::NotUtf8 => finding(&rules::NAME_NOT_UTF8),
        Status::Unnameable => finding(&rules::FILE_UNLISTED)
            .found("a name with a control character or a backslash, which no manifest can list"),
    };
    Some(match file.line {
        Some(line) => finding.listed(manifest, line),
        None => finding,
    })
}

/// Returns whether an installer that is pointed at a directory takes a file of this name
/// for a package or for a page of links, whatever else it is.
pub fn is_for_installers(name: &str) -> bool {
    WheelFilename::parse(name).is_ok() || SdistFilename::parse(name).is_ok() || is_page(name)
}

/// Returns whether a run of this program that was killed while it wrote a manifest or a
/// signature can have left a file of this name.
fn is_left_by_us(name: &str, manifest: &str) -> bool {
    let manifest = manifest.rsplit('/').next().unwrap_or(manifest);
    finished_name(name).is_some_and(|finished| {
        finished == manifest || [".asc", ".sig"].iter().any(|end| finished.ends_with(end))
    })
}

/// Returns whether pip would read a file of this name as a page of links.
fn is_page(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".html", ".htm", ".html.gz"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests;
