//! What each signature is worth: one test a verdict, each beside the nearest
//! signature that is worth something else.
//!
//! The facts follow from how certificate and signature were made, not from what
//! another run of this program said.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::Path;

use sequoia::types::{HashAlgorithm, ReasonForRevocation, SignatureType};
use sequoia_openpgp as sequoia;

use crate::signing::{
    BEGIN, SIGNED, Signer, Subkey, TODAY, Use, Wish, armored, plan, subkey, wish,
};
use wheelproof::audit;
use wheelproof::cancel::Cancel;
use wheelproof::finding::{Finding, Severity};
use wheelproof::openpgp::{
    CertificateFault, Certificates, Cryptography, Judgement, KeyState, SignatureFile,
    SignatureVerdict, authenticate,
};
use wheelproof::policy::{KeyValidity, Tolerance, Trust};

const MANIFEST: &[u8] =
    b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a-1-py3-none-any.whl\n";

/// Everything a judgement depends on, with ordinary values.
struct Case<'a> {
    certificates: Vec<Vec<u8>>,
    signature: Vec<u8>,
    manifest: &'a [u8],
    trust: Trust,
    time: &'static str,
}

impl Case<'_> {
    fn new(signers: &[&Signer], signature: Vec<u8>) -> Self {
        Self {
            certificates: signers.iter().map(|signer| signer.certificate()).collect(),
            signature,
            manifest: MANIFEST,
            trust: Trust::default(),
            time: TODAY,
        }
    }

    fn at(mut self, time: &'static str) -> Self {
        self.time = time;
        self
    }

    fn threshold(mut self, number: u32) -> Self {
        self.trust.threshold = NonZeroU32::new(number).unwrap();
        self
    }

    fn key_validity(mut self, validity: KeyValidity) -> Self {
        self.trust.key_validity = validity;
        self
    }

    fn judge(&self) -> Judgement {
        self.judge_with_findings().0
    }

    fn judge_with_findings(&self) -> (Judgement, Vec<Finding>) {
        let certificates = load(&self.certificates);
        assert!(
            certificates.faults().is_empty(),
            "{:?}",
            certificates.faults()
        );
        let files = [SignatureFile::parse("manifest.asc", &self.signature)];
        let judgement = authenticate(
            self.manifest.to_vec(),
            &files,
            &certificates,
            &self.trust,
            self.time.parse().unwrap(),
            &Cancel::new(),
        )
        .unwrap();
        let findings = audit::signatures("manifest", &files, &judgement);
        (judgement, findings)
    }

    /// Returns the verdict and the reason of the only signature.
    fn only(&self) -> (SignatureVerdict, String) {
        let judgement = self.judge();
        assert_eq!(judgement.facts.len(), 1, "{:?}", judgement.facts);
        let fact = &judgement.facts[0];
        // Whoever is not good never counts, and who is good does.
        assert_eq!(
            fact.verdict == SignatureVerdict::Good,
            judgement.authenticated.is_some()
        );
        (fact.verdict, fact.reason.clone())
    }

    /// Returns the rules of severity "error", without those about the threshold.
    fn errors(&self) -> Vec<&'static str> {
        self.judge_with_findings()
            .1
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| finding.rule.name)
            .filter(|name| !["no-trusted-signature", "threshold-not-met"].contains(name))
            .collect()
    }
}

fn load(files: &[Vec<u8>]) -> Certificates {
    let directory = tempfile::tempdir().unwrap();
    for (number, bytes) in (0..).zip(files) {
        std::fs::write(directory.path().join(format!("{number}.asc")), bytes).unwrap();
    }
    Certificates::load(&[directory.path().to_owned()]).unwrap()
}

fn good(case: &Case<'_>) {
    let (verdict, reason) = case.only();
    assert_eq!(verdict, SignatureVerdict::Good, "{reason}");
}

fn is(case: &Case<'_>, expected: SignatureVerdict, says: &str) {
    let (verdict, reason) = case.only();
    assert_eq!(verdict, expected, "{reason}");
    assert!(reason.contains(says), "{reason}");
}

// Who signed what.

#[test]
fn a_signature_by_a_trusted_certificate_counts() {
    let signer = Signer::ordinary(1);
    let case = Case::new(&[&signer], signer.sign_plainly(MANIFEST));
    let judgement = case.judge();
    let fact = &judgement.facts[0];
    assert_eq!(fact.verdict, SignatureVerdict::Good);
    assert_eq!(fact.cryptography, Cryptography::Good);
    assert_eq!(
        (fact.at_signing, fact.now),
        (KeyState::Valid, KeyState::Valid)
    );
    assert_eq!(fact.signer, Some(signer.fingerprint()));
    assert_eq!(fact.key, Some(signer.fingerprint().to_string()));
    assert_eq!(fact.created.unwrap().to_string(), SIGNED);
    assert_eq!(fact.hash, "SHA512");
    assert_eq!(judgement.authenticated.unwrap().bytes(), MANIFEST);
}

#[test]
fn a_binary_signature_counts_as_well() {
    let signer = Signer::ordinary(1);
    good(&Case::new(&[&signer], signer.sign_binary(wish(), MANIFEST)));
}

#[test]
fn a_version_6_key_counts_as_well() {
    let signer = Signer::new(Signer6::plan());
    let case = Case::new(&[&signer], signer.sign_plainly(MANIFEST));
    good(&case);
    assert_eq!(signer.fingerprint().to_string().len(), 64);
}

struct Signer6;

impl Signer6 {
    fn plan() -> crate::signing::Plan {
        crate::signing::Plan {
            version: 6,
            ..plan(6)
        }
    }
}

#[test]
fn a_signature_by_an_unknown_key_counts_for_nothing() {
    let (signer, stranger) = (Signer::ordinary(1), Signer::ordinary(2));
    let case = Case::new(&[&signer], stranger.sign_plainly(MANIFEST));
    is(
        &case,
        SignatureVerdict::UnknownKey,
        "no trusted certificate",
    );
    let (judgement, findings) = case.judge_with_findings();
    assert_eq!(judgement.facts[0].signer, None);
    assert_eq!(
        judgement.facts[0].key,
        Some(stranger.fingerprint().to_string())
    );
    let rules: Vec<_> = findings.iter().map(|finding| finding.rule.name).collect();
    assert_eq!(rules, ["signature-unknown-key", "no-trusted-signature"]);
}

/// The user IDs are those of `Signer`, which gpg names by the address alone.
#[test]
fn a_signature_by_an_unknown_key_names_the_certificate_whose_user_id_it_claims() {
    let (signer, newer) = (Signer::ordinary(1), Signer::ordinary(2));
    let advice = |claimed: &str| {
        let case = Case::new(&[&signer], newer.sign_as(claimed, MANIFEST));
        let (judgement, findings) = case.judge_with_findings();
        assert_eq!(judgement.facts[0].verdict, SignatureVerdict::UnknownKey);
        assert_eq!(judgement.facts[0].signer, None);
        (judgement.facts[0].reason.clone(), findings[0].next.clone())
    };
    let fingerprint = signer.fingerprint().to_string();
    for claimed in [
        "test-only@wheelproof.invalid",
        "Signer 1 <test-only@wheelproof.invalid>",
    ] {
        let (reason, next) = advice(claimed);
        assert!(
            reason.contains(&fingerprint) && reason.contains(claimed),
            "{reason}"
        );
        assert!(next.contains("fetch the current certificate"), "{next}");
    }
    let (reason, next) = advice("other@wheelproof.invalid");
    assert!(!reason.contains("other@"), "{reason}");
    assert!(!next.contains("fetch the current"), "{next}");
}

#[test]
fn an_unknown_cosigner_is_told_and_does_no_harm() {
    let (signer, stranger) = (Signer::ordinary(1), Signer::ordinary(2));
    let both = [
        signer.sign_plainly(MANIFEST),
        stranger.sign_plainly(MANIFEST),
    ]
    .concat();
    let (judgement, findings) = Case::new(&[&signer], both).judge_with_findings();
    assert!(judgement.authenticated.is_some());
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].rule.name, "signature-unknown-key");
    assert_eq!(findings[0].severity, Severity::Note);
}

#[test]
fn a_signature_over_other_bytes_is_bad() {
    let signer = Signer::ordinary(1);
    let other = [MANIFEST, b"# one line more\n"].concat();
    let case = Case::new(&[&signer], signer.sign_plainly(&other));
    is(&case, SignatureVerdict::Bad, "did not make this signature");
    assert_eq!(case.judge().facts[0].cryptography, Cryptography::Bad);
    assert_eq!(case.errors(), ["signature-bad"]);
}

#[test]
fn a_bad_signature_beside_a_good_one_is_still_an_error() {
    let (one, two) = (Signer::ordinary(1), Signer::ordinary(2));
    let both = [one.sign_plainly(MANIFEST), two.sign_plainly(b"other")].concat();
    let case = Case::new(&[&one, &two], both);
    assert!(case.judge().authenticated.is_some());
    assert_eq!(case.errors(), ["signature-bad"]);
}

#[test]
fn the_policy_can_let_a_bad_signature_through_beside_enough_good_ones_only() {
    let (one, two) = (Signer::ordinary(1), Signer::ordinary(2));
    let both = [one.sign_plainly(MANIFEST), two.sign_plainly(b"other")].concat();
    let accepting = |signature: Vec<u8>| {
        let mut case = Case::new(&[&one, &two], signature);
        case.trust.bad_signatures = Tolerance::Accept;
        case
    };
    let case = accepting(both.clone());
    assert_eq!(case.errors(), Vec::<&str>::new());
    // It is told all the same, and counts for nothing.
    let (judgement, findings) = case.judge_with_findings();
    assert_eq!(findings[0].rule.name, "signature-bad");
    assert_eq!(findings[0].severity, Severity::Note);
    assert_eq!(judgement.threshold.met_by.len(), 1);
    assert_eq!(accepting(both).threshold(2).errors(), ["signature-bad"]);
    let alone = accepting(two.sign_plainly(b"other"));
    assert_eq!(alone.errors(), ["signature-bad"]);
    assert!(alone.judge().authenticated.is_none());
}

#[test]
fn a_signature_that_names_no_key_is_tried_with_every_key() {
    let (one, two) = (Signer::ordinary(1), Signer::ordinary(2));
    let nameless = Wish {
        names_its_key: false,
        ..wish()
    };
    let case = Case::new(&[&one, &two], two.sign(nameless, MANIFEST));
    assert_eq!(case.judge().facts[0].signer, Some(two.fingerprint()));
    good(&case);
}

#[test]
fn a_signature_that_names_no_key_and_fits_none_accuses_nobody() {
    let (one, stranger) = (Signer::ordinary(1), Signer::ordinary(2));
    let nameless = Wish {
        names_its_key: false,
        ..wish()
    };
    let case = Case::new(&[&one], stranger.sign(nameless, MANIFEST));
    let (judgement, findings) = case.judge_with_findings();
    let fact = &judgement.facts[0];
    assert_eq!(
        fact.verdict,
        SignatureVerdict::UnknownKey,
        "{}",
        fact.reason
    );
    assert_eq!(
        (&fact.signer, &fact.key, &fact.user_id),
        (&None, &None, &None)
    );
    assert!(judgement.authenticated.is_none());
    assert!(
        findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    );
}

#[test]
fn a_text_signature_is_made_over_crlf_line_ends() {
    let signer = Signer::ordinary(1);
    let as_text = Wish {
        kind: SignatureType::Text,
        ..wish()
    };
    let lines: &[u8] = b"one\ntwo\n";
    let over = |bytes: &[u8]| Case {
        manifest: lines,
        ..Case::new(&[&signer], signer.sign(as_text, bytes))
    };
    good(&over(b"one\r\ntwo\r\n"));
    is(&over(b"one\ntwo\nthree\n"), SignatureVerdict::Bad, "");
}

#[test]
fn a_self_signature_given_as_signature_over_data_is_refused() {
    let signer = Signer::ordinary(1);
    // Made over the certificate with the signer's own key, and public.
    let binding = signer.self_signature();
    is(
        &Case::new(&[&signer], binding),
        SignatureVerdict::NotOverData,
        "not a signature over data",
    );
}

// Pinning and thresholds.

#[test]
fn a_trusted_certificate_that_is_not_pinned_counts_for_nothing() {
    let (pinned, extra) = (Signer::ordinary(1), Signer::ordinary(2));
    let pin = |mut case: Case<'static>| {
        case.trust.signers = [pinned.fingerprint()].into();
        case
    };
    let by_extra = pin(Case::new(&[&pinned, &extra], extra.sign_plainly(MANIFEST)));
    is(
        &by_extra,
        SignatureVerdict::NotPinned,
        "names other signers",
    );
    good(&pin(Case::new(
        &[&pinned, &extra],
        pinned.sign_plainly(MANIFEST),
    )));
}

#[test]
fn the_same_signature_three_times_is_one_signer() {
    let signer = Signer::ordinary(1);
    let one = signer.sign_plainly(MANIFEST);
    let packet = signer.sign_binary(wish(), MANIFEST);
    for repeated in [
        [one.clone(), one.clone(), one.clone()].concat(),
        packet.repeat(3),
        armored(sequoia::armor::Kind::Signature, &packet.repeat(3)),
    ] {
        let case = Case::new(&[&signer], repeated).threshold(2);
        let judgement = case.judge();
        assert_eq!(judgement.facts.len(), 3);
        assert_eq!(judgement.threshold.met_by.len(), 1);
        assert!(judgement.authenticated.is_none());
    }
}

#[test]
fn signing_again_does_not_make_a_second_signer() {
    let signer = Signer::ordinary(1);
    let again = Wish {
        made: "2024-06-02T00:00:00Z",
        hash: HashAlgorithm::SHA256,
        ..wish()
    };
    let both = [signer.sign_plainly(MANIFEST), signer.sign(again, MANIFEST)].concat();
    let case = Case::new(&[&signer], both).threshold(2);
    assert!(case.judge().authenticated.is_none());
}

#[test]
fn two_subkeys_of_one_certificate_are_one_signer() {
    let signer = Signer::ordinary(1)
        .with_subkey(subkey(11))
        .with_subkey(subkey(12));
    let by = |place| {
        let with = Wish {
            with_subkey: Some(place),
            ..wish()
        };
        signer.sign(with, MANIFEST)
    };
    let case = Case::new(&[&signer], [by(0), by(1)].concat());
    let keys: Vec<_> = case
        .judge()
        .facts
        .into_iter()
        .map(|fact| fact.key)
        .collect();
    assert_eq!(
        keys,
        [0, 1].map(|place| Some(signer.subkey_fingerprint(place).to_string()))
    );
    assert!(case.judge().authenticated.is_some());
    let judgement = case.threshold(2).judge();
    assert!(judgement.authenticated.is_none());
    assert_eq!(judgement.threshold.met_by, [signer.fingerprint()].into());
}

#[test]
fn two_certificates_are_two_signers_and_not_three() {
    let (one, two) = (Signer::ordinary(1), Signer::ordinary(2));
    let both = || [one.sign_plainly(MANIFEST), two.sign_plainly(MANIFEST)].concat();
    let case = |threshold| Case::new(&[&one, &two], both()).threshold(threshold);
    assert!(case(2).judge().authenticated.is_some());
    assert!(case(3).judge().authenticated.is_none());
    let (_, findings) = case(3).judge_with_findings();
    assert_eq!(findings[0].rule.name, "threshold-not-met");
    assert_eq!(findings[0].expected.as_deref(), Some("3 distinct signers"));
}

// The signature's own times and algorithms.

#[test]
fn a_signature_dated_after_the_reference_time_is_refused_beyond_a_few_seconds() {
    let signer = Signer::ordinary(1);
    let case = |time| Case::new(&[&signer], signer.sign_plainly(MANIFEST)).at(time);
    good(&case("2024-06-01T00:00:00Z"));
    good(&case("2024-05-31T23:59:55Z"));
    is(
        &case("2024-05-31T23:59:54Z"),
        SignatureVerdict::Future,
        SIGNED,
    );
    is(
        &case("2024-02-01T00:00:00Z"),
        SignatureVerdict::Future,
        SIGNED,
    );
}

#[test]
fn a_signature_that_has_itself_expired_is_refused() {
    let signer = Signer::ordinary(1);
    let brief = Wish {
        expires: Some("2024-07-01T00:00:00Z"),
        ..wish()
    };
    let case = |time| Case::new(&[&signer], signer.sign(brief, MANIFEST)).at(time);
    good(&case("2024-06-30T23:59:59Z"));
    is(
        &case("2024-07-01T00:00:00Z"),
        SignatureVerdict::Expired,
        "good until 2024-07-01T00:00:00Z",
    );
    assert_eq!(case(TODAY).errors(), ["signature-expired"]);
}

#[test]
fn a_signature_older_than_the_policy_accepts_is_refused() {
    let signer = Signer::ordinary(1);
    let case = |not_before: &str| {
        let mut case = Case::new(&[&signer], signer.sign_plainly(MANIFEST));
        case.trust.not_before = Some(not_before.parse().unwrap());
        case
    };
    good(&case(SIGNED));
    is(
        &case("2024-06-01T00:00:01Z"),
        SignatureVerdict::TooOld,
        "none before 2024-06-01T00:00:01Z",
    );
}

#[test]
fn a_signature_over_sha1_or_md5_is_refused_as_such() {
    let signer = Signer::ordinary(1);
    let case = |hash| Case::new(&[&signer], signer.sign(Wish { hash, ..wish() }, MANIFEST));
    is(
        &case(HashAlgorithm::SHA1),
        SignatureVerdict::WeakHash,
        "SHA1",
    );
    is(&case(HashAlgorithm::MD5), SignatureVerdict::WeakHash, "MD5");
    for hash in [HashAlgorithm::SHA256, HashAlgorithm::SHA384] {
        good(&case(hash));
    }
    // The mathematics was right, and the report says so.
    let fact = &case(HashAlgorithm::SHA1).judge().facts[0];
    assert_eq!(fact.cryptography, Cryptography::Good);
    assert_eq!(fact.hash, "SHA1");
}

#[test]
fn going_back_in_time_makes_no_weak_hash_acceptable() {
    // In 2010 everybody used SHA-1; today anybody with a budget can forge it.
    let old = Signer::new(crate::signing::Plan {
        created: "2009-01-01T00:00:00Z",
        bound: "2009-01-01T00:00:00Z",
        ..plan(1)
    });
    let made = |hash| Wish {
        hash,
        made: "2010-01-01T00:00:00Z",
        ..wish()
    };
    let case = |hash| Case::new(&[&old], old.sign(made(hash), MANIFEST)).at("2010-01-02T00:00:00Z");
    is(
        &case(HashAlgorithm::SHA1),
        SignatureVerdict::WeakHash,
        "SHA1",
    );
    good(&case(HashAlgorithm::SHA256));
}

// The signer's key.

#[test]
fn a_certificate_bound_only_by_sha1_is_unbound_and_not_unknown() {
    let with = |hash| {
        Signer::new(crate::signing::Plan {
            self_signature_hash: hash,
            ..plan(1)
        })
    };
    let weak = with(HashAlgorithm::SHA1);
    let case = Case::new(&[&weak], weak.sign_plainly(MANIFEST));
    is(&case, SignatureVerdict::SignerUnbound, "SHA1");
    assert_eq!(case.judge().facts[0].signer, Some(weak.fingerprint()));
    assert_eq!(case.judge().facts[0].cryptography, Cryptography::Good);
    let strong = with(HashAlgorithm::SHA256);
    good(&Case::new(&[&strong], strong.sign_plainly(MANIFEST)));
}

#[test]
fn a_key_that_had_expired_when_it_signed_is_told_from_one_that_expired_since() {
    let expires = |day| {
        Signer::new(crate::signing::Plan {
            expires: Some(day),
            ..plan(1)
        })
    };
    let before = expires("2024-05-01T00:00:00Z");
    let case = Case::new(&[&before], before.sign_plainly(MANIFEST));
    is(
        &case,
        SignatureVerdict::SignerExpiredWhenSigned,
        "when it signed and now: expired, the certificate was good until 2024-05-01T00:00:00Z",
    );
    assert_eq!(case.errors(), ["signer-expired-when-signed"]);

    let since = expires("2024-07-01T00:00:00Z");
    let case = Case::new(&[&since], since.sign_plainly(MANIFEST));
    is(
        &case,
        SignatureVerdict::SignerExpiredSince,
        "when it signed: valid; now: expired, the certificate was good until 2024-07-01T00:00:00Z",
    );
    assert_eq!(case.errors(), ["signer-expired-since"]);

    let later = expires("2025-07-01T00:00:00Z");
    good(&Case::new(&[&later], later.sign_plainly(MANIFEST)));
}

#[test]
fn the_policy_says_whether_validity_is_asked_at_signing_or_now() {
    use KeyValidity::{AtSigning, Both, Now};
    // Expired between signature and today; and expired before it signed, then
    // extended by a later self-signature.
    let since = Signer::new(crate::signing::Plan {
        expires: Some("2024-07-01T00:00:00Z"),
        ..plan(1)
    });
    let mut extended = Signer::new(crate::signing::Plan {
        expires: Some("2024-05-01T00:00:00Z"),
        ..plan(2)
    });
    extended.bind_user_id("2024-08-01T00:00:00Z", None, HashAlgorithm::SHA512);
    for (signer, validity, counts) in [
        (&since, AtSigning, true),
        (&since, Now, false),
        (&since, Both, false),
        (&extended, AtSigning, false),
        (&extended, Now, true),
        (&extended, Both, false),
    ] {
        let case = Case::new(&[signer], signer.sign_plainly(MANIFEST)).key_validity(validity);
        let judgement = case.judge();
        assert_eq!(
            judgement.authenticated.is_some(),
            counts,
            "{validity:?}: {}",
            judgement.facts[0].reason
        );
    }
}

#[test]
fn an_expired_subkey_is_refused_although_the_certificate_is_not_expired() {
    let with_subkey = |expires| {
        Signer::ordinary(1).with_subkey(Subkey {
            expires,
            ..subkey(11)
        })
    };
    let by_subkey = Wish {
        with_subkey: Some(0),
        ..wish()
    };
    let brief = with_subkey(Some("2024-07-01T00:00:00Z"));
    is(
        &Case::new(&[&brief], brief.sign(by_subkey, MANIFEST)),
        SignatureVerdict::SignerExpiredSince,
        "the subkey was good until 2024-07-01T00:00:00Z",
    );
    let lasting = with_subkey(None);
    good(&Case::new(&[&lasting], lasting.sign(by_subkey, MANIFEST)));
}

#[test]
fn a_compromised_certificate_never_signed_anything() {
    // A hard revocation counts from the beginning, whenever it was made.
    for why in [
        ReasonForRevocation::KeyCompromised,
        ReasonForRevocation::Unspecified,
    ] {
        let signer = Signer::ordinary(1).revoked("2024-07-01T00:00:00Z", why);
        for validity in [KeyValidity::AtSigning, KeyValidity::Now, KeyValidity::Both] {
            let case = Case::new(&[&signer], signer.sign_plainly(MANIFEST)).key_validity(validity);
            is(
                &case,
                SignatureVerdict::SignerRevoked,
                "revoked, the certificate is",
            );
            // Nor can one go back to before the revocation.
            let case = case.at("2024-06-02T00:00:00Z");
            is(&case, SignatureVerdict::SignerRevoked, "");
        }
    }
}

#[test]
fn a_retired_certificate_signed_before_its_retirement_and_not_after() {
    let retired = |when| Signer::ordinary(1).revoked(when, ReasonForRevocation::KeyRetired);
    let before = retired("2024-05-01T00:00:00Z");
    for validity in [KeyValidity::AtSigning, KeyValidity::Now, KeyValidity::Both] {
        let case = Case::new(&[&before], before.sign_plainly(MANIFEST)).key_validity(validity);
        is(&case, SignatureVerdict::SignerRevoked, "retired");
        assert_eq!(case.errors(), ["signer-revoked"]);
    }
    // Retired after it signed: fine for who asks about then, or goes back to then.
    let after = retired("2024-07-01T00:00:00Z");
    let case = || Case::new(&[&after], after.sign_plainly(MANIFEST));
    good(&case().key_validity(KeyValidity::AtSigning));
    good(&case().at("2024-06-02T00:00:00Z"));
    is(
        &case(),
        SignatureVerdict::SignerRevoked,
        "when it signed: valid; now: revoked",
    );
}

#[test]
fn a_revoked_subkey_is_refused_and_its_sibling_is_not() {
    let signer = Signer::ordinary(1)
        .with_subkey(subkey(11))
        .with_subkey(subkey(12))
        .subkey_revoked(
            0,
            "2024-07-01T00:00:00Z",
            ReasonForRevocation::KeyCompromised,
        );
    let by = |place| {
        let with = Wish {
            with_subkey: place,
            ..wish()
        };
        Case::new(&[&signer], signer.sign(with, MANIFEST))
    };
    is(
        &by(Some(0)),
        SignatureVerdict::SignerRevoked,
        "revoked, the key is",
    );
    good(&by(Some(1)));
    good(&by(None));
}

#[test]
fn a_subkey_of_a_revoked_certificate_is_refused() {
    let signer = Signer::ordinary(1)
        .with_subkey(subkey(11))
        .revoked("2024-07-01T00:00:00Z", ReasonForRevocation::KeyCompromised);
    let by_subkey = Wish {
        with_subkey: Some(0),
        ..wish()
    };
    let case = Case::new(&[&signer], signer.sign(by_subkey, MANIFEST));
    is(&case, SignatureVerdict::SignerRevoked, "the certificate is");
}

#[test]
fn a_signature_older_than_its_key_is_refused() {
    let young = Signer::new(crate::signing::Plan {
        created: "2024-06-02T00:00:00Z",
        bound: "2024-06-02T00:00:00Z",
        ..plan(1)
    });
    is(
        &Case::new(&[&young], young.sign_plainly(MANIFEST)),
        SignatureVerdict::SignerNotYetValid,
        "when it signed: not made before 2024-06-02T00:00:00Z",
    );
    let later = Wish {
        made: "2024-06-02T00:00:00Z",
        ..wish()
    };
    good(&Case::new(&[&young], young.sign(later, MANIFEST)));
}

#[test]
fn a_key_bound_only_later_says_so() {
    let late = Signer::new(crate::signing::Plan {
        bound: "2024-08-01T00:00:00Z",
        ..plan(1)
    });
    let case = || Case::new(&[&late], late.sign_plainly(MANIFEST));
    is(
        &case(),
        SignatureVerdict::SignerUnbound,
        "bound only by self-signatures made later, the first on 2024-08-01T00:00:00Z",
    );
    good(&case().key_validity(KeyValidity::Now));
}

#[test]
fn a_key_without_the_signing_capability_is_refused() {
    let certifies_only = |for_use| {
        Signer::new(crate::signing::Plan {
            primary_signs: false,
            ..plan(1)
        })
        .with_subkey(Subkey {
            for_use,
            ..subkey(11)
        })
    };
    let by = |signer: &Signer, with_subkey| {
        let with = Wish {
            with_subkey,
            ..wish()
        };
        Case::new(&[signer], signer.sign(with, MANIFEST))
    };
    let signer = certifies_only(Use::Sign);
    is(
        &by(&signer, None),
        SignatureVerdict::SignerNotForSigning,
        "not one for signing",
    );
    good(&by(&signer, Some(0)));
    let other = certifies_only(Use::Authenticate);
    is(
        &by(&other, Some(0)),
        SignatureVerdict::SignerNotForSigning,
        "",
    );
}

#[test]
fn an_encryption_subkey_beside_the_signing_key_changes_nothing() {
    let signer = Signer::ordinary(1).with_subkey(Subkey {
        for_use: Use::Encrypt,
        ..subkey(11)
    });
    good(&Case::new(&[&signer], signer.sign_plainly(MANIFEST)));
}

#[test]
fn a_signer_who_does_not_count_is_an_error_only_while_signers_are_missing() {
    let good_one = Signer::ordinary(1);
    let expired = Signer::new(crate::signing::Plan {
        expires: Some("2024-07-01T00:00:00Z"),
        ..plan(2)
    });
    let both = || {
        [
            good_one.sign_plainly(MANIFEST),
            expired.sign_plainly(MANIFEST),
        ]
        .concat()
    };
    let enough = Case::new(&[&good_one, &expired], both());
    assert_eq!(enough.errors(), Vec::<&str>::new());
    let (_, findings) = enough.judge_with_findings();
    assert_eq!(findings[0].rule.name, "signer-expired-since");
    assert_eq!(enough.threshold(2).errors(), ["signer-expired-since"]);
}

// The signature file.

#[test]
fn every_armored_block_of_a_file_is_read() {
    let signers: Vec<Signer> = (1..=5).map(Signer::ordinary).collect();
    let all: Vec<u8> = signers
        .iter()
        .flat_map(|signer| [signer.sign_plainly(MANIFEST), b"\n".to_vec()].concat())
        .collect();
    let signers: Vec<&Signer> = signers.iter().collect();
    let judgement = Case::new(&signers, all).threshold(5).judge();
    assert!(judgement.authenticated.is_some());
    let numbers: Vec<_> = judgement.facts.iter().map(|fact| fact.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

#[test]
fn a_malformed_block_before_a_good_one_is_told() {
    let signer = Signer::ordinary(1);
    let good_block = signer.sign_plainly(MANIFEST);
    let broken = b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n".to_vec();
    let case = Case::new(&[&signer], [broken, good_block.clone()].concat());
    assert_eq!(case.errors(), ["signature-malformed"]);
    let case = Case::new(&[&signer], [good_block.clone(), good_block].concat());
    assert_eq!(case.errors(), Vec::<&str>::new());
}

#[test]
fn text_outside_the_blocks_and_blocks_of_another_kind_are_told() {
    let signer = Signer::ordinary(1);
    let block = signer.sign_plainly(MANIFEST);
    let truncated = [&block[..block.len() - 10], b"\n"].concat();
    for (file, says) in [
        (
            [b"hello\n".as_slice(), &block].concat(),
            "line 1 is outside",
        ),
        ([block.as_slice(), b"hello\n"].concat(), "is outside"),
        (
            [block.as_slice(), &signer.certificate()].concat(),
            "PUBLIC KEY BLOCK",
        ),
        ([block.as_slice(), &truncated].concat(), "has no end"),
        ([truncated, block].concat(), "line 1 has no end"),
    ] {
        let (_, findings) = Case::new(&[&signer], file).judge_with_findings();
        let malformed: Vec<_> = findings
            .iter()
            .filter(|finding| finding.rule.name == "signature-malformed")
            .collect();
        assert_eq!(malformed.len(), 1, "{says}: {findings:?}");
        let found = malformed[0].found.as_deref().unwrap();
        assert!(found.contains(says), "{says}: {found}");
        assert_eq!(malformed[0].severity, Severity::Error);
    }
}

#[test]
fn a_whole_signed_message_is_not_a_detached_signature() {
    use sequoia::serialize::SerializeInto;
    let signer = Signer::ordinary(1);
    let mut signature = signer.signature(wish(), MANIFEST);
    let mut literal = sequoia::packet::Literal::new(sequoia::types::DataFormat::Binary);
    literal.set_body(MANIFEST.to_vec());
    let mut one_pass = sequoia::packet::one_pass_sig::OnePassSig3::try_from(&signature).unwrap();
    one_pass.set_last(true);
    signature.unhashed_area_mut().clear();
    let message = [
        sequoia::Packet::from(sequoia::packet::OnePassSig::from(one_pass)),
        literal.into(),
        signature.into(),
    ]
    .iter()
    .flat_map(|packet| packet.to_vec().unwrap())
    .collect::<Vec<u8>>();
    for file in [
        message.clone(),
        armored(sequoia::armor::Kind::Message, &message),
        armored(sequoia::armor::Kind::Signature, &message),
    ] {
        let case = Case::new(&[&signer], file);
        assert!(case.judge().authenticated.is_none());
        assert_eq!(case.errors(), ["signature-malformed"]);
    }
}

#[test]
fn a_signature_cut_short_anywhere_never_counts_without_a_fault() {
    let signer = Signer::ordinary(1);
    let armor = signer.sign_plainly(MANIFEST);
    let binary = signer.sign_binary(wish(), MANIFEST);
    let without_line_end = armor.len() - 1;
    for whole in [&armor, &binary] {
        for length in 0..whole.len() {
            let case = Case::new(&[&signer], whole[..length].to_vec());
            if whole == &armor && length == without_line_end {
                good(&case);
            } else {
                let errors = case.errors();
                assert_eq!(
                    errors,
                    ["signature-malformed"],
                    "{length} of {}",
                    whole.len()
                );
            }
        }
    }
}

#[test]
fn no_changed_bit_of_a_signature_counts_unless_it_is_outside_what_is_signed() {
    let signer = Signer::ordinary(1);
    let mut signature = signer.signature(wish(), MANIFEST);
    // What is not signed may be changed by anybody, so leave nothing there.
    signature.unhashed_area_mut().clear();
    let whole = {
        use sequoia::serialize::SerializeInto;
        sequoia::Packet::from(signature).to_vec().unwrap()
    };
    good(&Case::new(&[&signer], whole.clone()));
    let certificates = load(&[signer.certificate()]);
    let mut counted = Vec::new();
    for position in 0..whole.len() {
        for bit in 0..8 {
            let mut changed = whole.clone();
            changed[position] ^= 1 << bit;
            let judgement = authenticate(
                MANIFEST.to_vec(),
                &[SignatureFile::parse("a.sig", &changed)],
                &certificates,
                &Trust::default(),
                TODAY.parse().unwrap(),
                &Cancel::new(),
            )
            .unwrap();
            if judgement.authenticated.is_some() {
                counted.push((position, bit));
            }
        }
    }
    // Only the first two bytes of the digest, which stand in the packet for a
    // quick look and are not signed (RFC 9580, section 5.2.3).
    let positions: BTreeSet<usize> = counted.iter().map(|(position, _)| *position).collect();
    assert!(positions.len() <= 2, "{counted:?}");
}

#[test]
fn empty_and_meaningless_signature_files_are_told_apart() {
    let signer = Signer::ordinary(1);
    for (file, says) in [
        (b"".to_vec(), "the file is empty"),
        (b" \n\t\n".to_vec(), "the file is empty"),
        (b"hello world\n".to_vec(), "no OpenPGP data"),
        (
            b"-----BEGIN PGP SIGNATURE-----\n".to_vec(),
            "line 1 has no end",
        ),
        (vec![0u8; 4096], "no OpenPGP data"),
        (vec![0xff; 4096], "cannot be read"),
        (MANIFEST.to_vec(), "no OpenPGP data"),
        (signer.binary_certificate(), "Public-Key Packet"),
    ] {
        let (judgement, findings) = Case::new(&[&signer], file).judge_with_findings();
        assert!(judgement.authenticated.is_none());
        assert_eq!(findings[0].rule.name, "signature-malformed");
        let found = findings[0].found.as_deref().unwrap();
        assert!(found.contains(says), "{says}: {found}");
    }
}

#[test]
fn a_file_with_too_many_signatures_is_refused_and_bounded() {
    let signer = Signer::ordinary(1);
    let packet = signer.sign_binary(wish(), MANIFEST);
    let file = SignatureFile::parse("many.sig", &packet.repeat(20_000));
    assert_eq!(file.faults().len(), 1);
    assert!(file.faults()[0].to_string().contains("more than 10000"));
}

// Certificate files.

fn faults(bytes: &[u8]) -> (usize, Vec<CertificateFault>) {
    let certificates = load(&[bytes.to_vec()]);
    (
        certificates.fingerprints().count(),
        certificates.faults().to_vec(),
    )
}

#[test]
fn junk_among_the_certificates_is_named() {
    let signer = Signer::ordinary(1);
    let block = signer.certificate();
    for (file, certificates, says) in [
        (b"# Keys\n\nRead me.\n".to_vec(), 0, "no OpenPGP armor"),
        (b"".to_vec(), 0, "no OpenPGP armor"),
        (vec![0xff; 100], 0, ""),
        (block[..block.len() - 20].to_vec(), 0, "line 1 has no end"),
        (
            [block.as_slice(), &signer.sign_plainly(MANIFEST)].concat(),
            1,
            "SIGNATURE",
        ),
        (
            [block.as_slice(), &block[..block.len() - 20]].concat(),
            1,
            "has no end",
        ),
    ] {
        let (found, faults) = faults(&file);
        assert_eq!(found, certificates, "{says}");
        assert_eq!(faults.len(), 1, "{says}: {faults:?}");
        let CertificateFault::Malformed { reason, .. } = &faults[0] else {
            panic!("{faults:?}");
        };
        assert!(reason.contains(says), "{says}: {reason}");
    }
}

#[test]
fn a_certificate_cut_short_anywhere_is_never_silently_another() {
    // A cut between two packets leaves a shorter certificate that is well
    // formed: nobody can tell. It may not be taken for more than it is.
    let signer = Signer::ordinary(1).with_subkey(subkey(11));
    let whole = signer.binary_certificate();
    for length in 1..whole.len() {
        let (found, faults) = faults(&whole[..length]);
        assert!(found == 1 || !faults.is_empty(), "{length}");
    }
    let armor = signer.certificate();
    for length in 0..armor.len() - 1 {
        let (found, faults) = faults(&armor[..length]);
        assert_eq!(found, 0, "{length}");
        assert_eq!(faults.len(), 1, "{length}");
    }
}

#[test]
fn words_around_an_armored_certificate_do_no_harm() {
    let signer = Signer::ordinary(1);
    let file = [
        b"Release key of 2024:\n".as_slice(),
        &signer.certificate(),
        b"bye\n",
    ]
    .concat();
    assert_eq!(faults(&file), (1, vec![]));
}

#[test]
fn a_secret_key_among_the_certificates_is_told_and_its_public_part_used() {
    let signer = Signer::ordinary(1);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mine.asc");
    std::fs::write(&path, signer.secret_certificate()).unwrap();
    let certificates = Certificates::load(std::slice::from_ref(&path)).unwrap();
    assert_eq!(
        certificates.faults(),
        [CertificateFault::SecretKey {
            path: path.clone(),
            fingerprint: signer.fingerprint()
        }]
    );
    let findings = audit::certificates(&certificates, &Trust::default());
    assert_eq!(findings[0].rule.name, "certificate-secret-key");
    assert_eq!(findings[0].severity, Severity::Warning);
    let file = SignatureFile::parse("a", &signer.sign_plainly(MANIFEST));
    let judgement = authenticate(
        MANIFEST.to_vec(),
        &[file],
        &certificates,
        &Trust::default(),
        TODAY.parse().unwrap(),
        &Cancel::new(),
    )
    .unwrap();
    assert!(judgement.authenticated.is_some());
    // The public certificate alone raises nothing.
    std::fs::write(&path, signer.certificate()).unwrap();
    let certificates = Certificates::load(&[path]).unwrap();
    assert!(certificates.faults().is_empty());
}

#[test]
fn several_certificates_in_a_file_are_all_read_armored_or_not() {
    let (one, two) = (Signer::ordinary(1), Signer::ordinary(2));
    for file in [
        [one.certificate(), two.certificate()].concat(),
        [one.binary_certificate(), two.binary_certificate()].concat(),
        armored(
            sequoia::armor::Kind::PublicKey,
            &[one.binary_certificate(), two.binary_certificate()].concat(),
        ),
    ] {
        assert_eq!(faults(&file), (2, vec![]));
    }
}

#[test]
fn files_about_one_certificate_are_put_together() {
    // One file knows the subkey, the other the revocation.
    let bare = Signer::ordinary(1);
    let with_subkey = bare.clone().with_subkey(subkey(11));
    let revoked = bare
        .clone()
        .revoked("2024-05-01T00:00:00Z", ReasonForRevocation::KeyCompromised);
    let by_subkey = Wish {
        with_subkey: Some(0),
        ..wish()
    };
    let signature = || with_subkey.sign(by_subkey, MANIFEST);
    is(
        &Case::new(&[&bare], signature()),
        SignatureVerdict::UnknownKey,
        "",
    );
    for order in [[&bare, &with_subkey], [&with_subkey, &bare]] {
        good(&Case::new(&order, signature()));
    }
    for order in [[&revoked, &with_subkey], [&with_subkey, &revoked]] {
        is(
            &Case::new(&order, signature()),
            SignatureVerdict::SignerRevoked,
            "",
        );
    }
}

#[test]
fn old_self_signatures_in_a_file_still_speak_for_old_signatures() {
    // GnuPG's import-clean would keep the last self-signature alone, and the
    // signature of June would be by a key bound only in August.
    let mut signer = Signer::ordinary(1);
    signer.bind_user_id("2024-08-01T00:00:00Z", None, HashAlgorithm::SHA512);
    good(&Case::new(&[&signer], signer.sign_plainly(MANIFEST)));
}

#[test]
fn a_pinned_subkey_is_told_with_its_certificate() {
    let signer = Signer::ordinary(1).with_subkey(subkey(11));
    let certificates = load(&[signer.certificate()]);
    let pinned = |fingerprint| Trust {
        signers: [fingerprint].into(),
        ..Trust::default()
    };
    let findings = audit::certificates(&certificates, &pinned(signer.subkey_fingerprint(0)));
    assert_eq!(findings[0].rule.name, "certificate-missing");
    assert!(
        findings[0]
            .found
            .as_deref()
            .unwrap()
            .contains(&signer.fingerprint().to_string())
    );
    assert!(audit::certificates(&certificates, &pinned(signer.fingerprint())).is_empty());
    let stranger = Signer::ordinary(2);
    let findings = audit::certificates(&certificates, &pinned(stranger.fingerprint()));
    assert_eq!(findings[0].rule.name, "certificate-missing");
    assert_eq!(findings[0].found, None);
}

#[test]
fn a_certificate_path_that_is_not_there_is_an_error() {
    let error = Certificates::load(&[Path::new("/nowhere/keys").to_owned()]).unwrap_err();
    assert!(error.to_string().contains("/nowhere/keys"), "{error}");
    assert_eq!(
        BEGIN
            .parse::<wheelproof::time::UtcTime>()
            .unwrap()
            .to_string(),
        BEGIN
    );
}
