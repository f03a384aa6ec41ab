//! What OpenPGP files hold, whoever made them.

use std::path::{Path, PathBuf};

use super::trouble;
use crate::cancel::Cancel;
use crate::input;
use crate::openpgp::{
    self, CertificateFault, Certificates, Clearsigned, SignatureFact, SignatureFile,
};
use crate::policy::{Tolerance, Trust};
use crate::report::{InspectedFile, Inspection, Trouble};
use crate::time::UtcTime;

/// The most bytes a file may have.
const MAX_BYTES: u64 = 64 << 20;

/// Returns what each file holds.
///
/// # Errors
///
/// A file that cannot be read. One that holds something else is in the inspection.
pub fn inspect(paths: &[PathBuf], time: UtcTime) -> Result<Inspection, Trouble> {
    let mut files = Vec::new();
    for path in paths {
        let bytes = input::read(path, MAX_BYTES)
            .map_err(|error| trouble(&error, "name a file with certificates or signatures"))?;
        files.push(file(path, bytes, time));
    }
    Ok(Inspection::new(time, files))
}

fn file(path: &Path, bytes: Vec<u8>, time: UtcTime) -> InspectedFile {
    let name = path.display().to_string();
    let mut inspected = InspectedFile {
        path: name.clone(),
        ..InspectedFile::default()
    };
    if Clearsigned::begins(&bytes) {
        match Clearsigned::parse(name, &bytes, Tolerance::Accept) {
            Ok(clearsigned) => {
                let (text, signatures) = clearsigned.into_parts();
                inspected.text_lines =
                    Some(text.iter().filter(|byte| **byte == b'\n').count() as u64);
                inspected.faults = said(signatures.faults());
                inspected.signatures = facts(text, signatures, time);
            }
            Err(fault) => inspected.faults.push(fault.to_string()),
        }
        return inspected;
    }
    let signatures = SignatureFile::parse(name, &bytes);
    if signatures.faults().is_empty() {
        inspected.signatures = facts(Vec::new(), signatures, time);
        return inspected;
    }
    let certificates = Certificates::parse(path, &bytes);
    inspected.certificates = certificates.summaries(&Default::default(), time);
    inspected.faults = certificates
        .faults()
        .iter()
        .map(|fault| match fault {
            CertificateFault::Malformed { reason, .. } => reason.clone(),
            CertificateFault::Keybox { .. } => {
                "a GnuPG keybox, a store that only GnuPG reads".to_owned()
            }
            CertificateFault::Version { version, .. } => format!("a certificate of {version}"),
            CertificateFault::SecretKey { fingerprint, .. } => {
                format!("a secret key of {fingerprint}: this file is not for handing out")
            }
        })
        .collect();
    // What is neither is best described by what a signature file would have been, unless
    // it says that it is a certificate.
    if certificates.is_empty() && !signatures.is_empty() {
        inspected.faults = said(signatures.faults());
        inspected.signatures = facts(Vec::new(), signatures, time);
    }
    inspected
}

fn said(faults: &[impl ToString]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// Returns what signatures say of themselves: with no certificate, nothing is checked.
fn facts(text: Vec<u8>, file: SignatureFile, time: UtcTime) -> Vec<SignatureFact> {
    let nobody = Certificates::default();
    let trust = Trust::default();
    // Without a certificate nothing is hashed, so there is nothing to break off.
    openpgp::authenticate(text, &[file], &nobody, &trust, time, &Cancel::new())
        .map_or_else(Vec::new, |judgement| judgement.facts)
}
