//! What the signatures that are there mean to whoever adds one.

use crate::finding::{Finding, Subject, rules};
use crate::openpgp::{Cryptography, SignatureFact, SignatureFile};

/// Returns what speaks against adding a signature to a file: a fault in it, or a
/// signature that is not over this manifest.
pub fn standing_signatures(
    file: &SignatureFile,
    facts: &[&SignatureFact],
    manifest: &[u8],
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = file
        .faults()
        .iter()
        .map(|fault| {
            Finding::new(&rules::SIGNATURE_MALFORMED, Subject::path(file.path()))
                .found(fault)
                .next("put the file right, or start anew with --replace")
        })
        .collect();
    let contradicted = file.contradicted_by(manifest);
    findings.extend(
        facts
            .iter()
            .filter(|fact| {
                fact.cryptography == Cryptography::Bad || contradicted.contains(&fact.number)
            })
            .map(|fact| {
                Finding::new(&rules::SIGNATURE_BAD, Subject::path(file.path()))
                    .expected("a signature over this manifest")
                    .found(format!(
                        "signature {} by {} is over another one",
                        fact.number,
                        signer_of(fact)
                    ))
                    .next(
                        "if the manifest was meant to change, start anew with --replace and ask \
                         the others to sign again",
                    )
            }),
    );
    findings
}

/// Returns who made a signature, as well as one can tell.
pub fn signer_of(fact: &SignatureFact) -> String {
    match (&fact.signer, &fact.key) {
        (Some(signer), _) => signer.to_string(),
        (None, Some(key)) => format!("key {key}"),
        (None, None) => "a signer it does not name".to_owned(),
    }
}
