//! A signature file that may be anything: only the world's signers count, only for
//! the manifest that they signed, and what is read is written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelproof::openpgp::{SignatureFile, SignatureFileFault, signature_file};
use wheelproof_fuzz::{MANIFEST, WORLD, counts};

fuzz_target!(|bytes: &[u8]| {
    let read = || SignatureFile::parse("fuzz.asc", bytes);
    let judgement = WORLD.judge(MANIFEST.as_bytes(), read());
    counts(&judgement);
    assert!(judgement.threshold.met_by.is_subset(&WORLD.may_count()));

    let file = read();
    assert_eq!(file.len(), judgement.facts.len());
    // Two bytes of the digest stand beside the signature, and nobody signs them. Where
    // they are as they were made, they speak for the manifest that was signed.
    let contradicted = file.contradicted_by(MANIFEST.as_bytes());
    assert!(
        contradicted
            .iter()
            .all(|number| *number <= file.len() as u64)
    );

    // The changed manifest is longer by an entry, which nobody signed.
    let changed = [MANIFEST.as_bytes(), &[b'0'; 64], b"  more.whl\n"].concat();
    assert!(!counts(&WORLD.judge(&changed, read())));

    if file.is_empty() || file.faults().contains(&SignatureFileFault::TooMany) {
        return;
    }
    // What the library reads and cannot write, `sign` refuses to touch.
    let Ok(packets) = file.packets() else { return };
    for is_armored in [true, false] {
        let written = signature_file(&packets, is_armored).expect("packets are written");
        let again = SignatureFile::parse("fuzz.asc", &written);
        assert_eq!(again.faults(), []);
        assert_eq!(again.packets().expect("written before"), packets);
        let again = WORLD.judge(MANIFEST.as_bytes(), again);
        assert_eq!(again.facts, judgement.facts);
    }
});
