//! Certificates that may be anything, beside signatures that are right: nobody
//! becomes a signer who did not sign, and an expiry that is signed stays one.

#![no_main]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wheelproof::fingerprint::Fingerprint;
use wheelproof::openpgp::{Certificates, SignatureFile};
use wheelproof_fuzz::{MANIFEST, WORLD, counts, judge};

/// Everybody's signature, and who of them may count. The revoked signer may, for
/// whoever leaves the revocation out; the expired one may not, for the expiry
/// stands in the signature without which nothing binds the key.
static SIGNED: LazyLock<(Vec<u8>, BTreeSet<Fingerprint>)> = LazyLock::new(|| {
    let mut signers = WORLD.fingerprints();
    signers.remove(&WORLD.expired());
    (WORLD.signatures(MANIFEST.as_bytes()), signers)
});

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("fuzz.asc");
    let certificates = Certificates::parse(path, bytes);
    let known: BTreeSet<Fingerprint> = certificates.fingerprints().cloned().collect();
    assert_eq!(certificates.is_empty(), known.is_empty());
    assert!(!known.is_empty() || !certificates.faults().is_empty());

    let (signatures, may_count) = &*SIGNED;
    let file = || SignatureFile::parse("fuzz.sig", signatures);
    let judgement = judge(MANIFEST.as_bytes(), file(), &certificates);
    counts(&judgement);
    assert!(judgement.threshold.met_by.is_subset(may_count));
    assert!(judgement.threshold.met_by.is_subset(&known));
    let changed = [MANIFEST.as_bytes(), b"# more\n"].concat();
    assert!(!counts(&judge(&changed, file(), &certificates)));

    let summaries = certificates.summaries(&BTreeSet::new(), WORLD.today);
    assert!(
        summaries
            .iter()
            .map(|summary| &summary.fingerprint)
            .eq(&known)
    );
    // Twice the same file is the same certificates.
    let twice = Certificates::parse(path, bytes).and(certificates);
    assert!(twice.fingerprints().eq(&known));
});
