//! Real signed manifests: the facts about each signature, against figures that
//! others measured (gpgv's status lines, and the counts in the data's notes).

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use crate::common;
use wheelproof::cancel::Cancel;
use wheelproof::openpgp::{
    Certificates, Cryptography, Judgement, KeyState, SignatureFile, SignatureVerdict, authenticate,
};
use wheelproof::policy::{KeyValidity, Trust};

fn judge(threshold: u32, key_validity: KeyValidity) -> Option<Judgement> {
    let data = common::shared_data("bitcoin-25.0")?;
    let mut signers: Vec<_> = std::fs::read_dir(data.join("signers"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    signers.sort();
    let manifest = std::fs::read(signers[0].join("all.SHA256SUMS")).unwrap();
    let together: Vec<u8> = signers
        .iter()
        .flat_map(|signer| std::fs::read(signer.join("all.SHA256SUMS.asc")).unwrap())
        .collect();
    let certificates = Certificates::load(&[data.join("builder-keys")]).unwrap();
    assert!(certificates.faults().is_empty());
    let file = SignatureFile::parse("all.asc", &together);
    assert!(file.faults().is_empty(), "{:?}", file.faults());
    let trust = Trust {
        threshold: NonZeroU32::new(threshold).unwrap(),
        key_validity,
        ..Trust::default()
    };
    authenticate(
        manifest,
        &[file],
        &certificates,
        &trust,
        "2026-11-23T00:00:00Z".parse().unwrap(),
        &Cancel::new(),
    )
}

#[test]
fn all_nineteen_signatures_are_right_and_by_distinct_certificates() {
    let Some(judgement) = judge(1, KeyValidity::Both) else {
        return;
    };
    assert_eq!(judgement.facts.len(), 19);
    assert!(
        judgement
            .facts
            .iter()
            .all(|fact| fact.cryptography == Cryptography::Good)
    );
    let signers: BTreeSet<_> = judgement
        .facts
        .iter()
        .map(|fact| fact.signer.clone())
        .collect();
    assert_eq!(signers.len(), 19);
}

#[test]
fn validity_at_signing_and_now_are_counted_as_the_notes_of_the_data_say() {
    let Some(judgement) = judge(1, KeyValidity::Both) else {
        return;
    };
    let count = |of: &dyn Fn(&wheelproof::openpgp::SignatureFact) -> bool| {
        judgement.facts.iter().filter(|fact| of(fact)).count()
    };
    assert_eq!(count(&|fact| fact.at_signing == KeyState::Valid), 12);
    assert_eq!(count(&|fact| fact.now == KeyState::Valid), 12);
    assert_eq!(count(&|fact| fact.verdict == SignatureVerdict::Good), 7);
}

#[test]
fn thresholds_pass_and_fail_where_the_counts_say() {
    for (validity, passes) in [
        (KeyValidity::Both, 7),
        (KeyValidity::AtSigning, 12),
        (KeyValidity::Now, 12),
    ] {
        let Some(met) = judge(passes, validity) else {
            return;
        };
        assert!(met.authenticated.is_some(), "{validity:?}");
        let missed = judge(passes + 1, validity).unwrap();
        assert!(missed.authenticated.is_none(), "{validity:?}");
    }
}
