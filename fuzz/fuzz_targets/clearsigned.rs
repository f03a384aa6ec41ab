//! A clearsigned document that may be anything: a signature counts for the text that
//! was signed and for no other, and a text that is taken out goes in again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelproof::openpgp::{Clearsigned, signature_file};
use wheelproof::policy::Tolerance;
use wheelproof_fuzz::{MANIFEST, WORLD, counts, framed};

fuzz_target!(|bytes: &[u8]| {
    let strict = Clearsigned::parse("fuzz.asc", bytes, Tolerance::Refuse);
    let lenient = Clearsigned::parse("fuzz.asc", bytes, Tolerance::Accept);
    // Who accepts CRLF accepts no less.
    assert!(lenient.is_ok() || strict.is_err());
    let Ok(document) = lenient else { return };
    assert!(Clearsigned::begins(bytes) && Clearsigned::is_in(bytes));
    let (text, file) = document.into_parts();
    if let Ok(strict) = strict {
        assert_eq!(strict.into_parts().0, text);
    }
    assert!(!text.contains(&b'\r'));
    assert!(text.is_empty() || text.ends_with(b"\n"));

    let (packets, faults) = (file.packets(), file.faults().len());
    let judgement = WORLD.judge(&text, file);
    if counts(&judgement) {
        // The other signed text of the seeds has lines that are escaped and lines
        // that end in blanks; without those blanks it is this one.
        assert!(
            [MANIFEST, "-\n- -\n\nx\n"]
                .map(str::as_bytes)
                .contains(&text.as_slice())
        );
        assert!(judgement.threshold.met_by.is_subset(&WORLD.may_count()));
    }

    let Ok(packets) = packets else { return };
    if faults > 0 || packets.is_empty() {
        return;
    }
    let armor = signature_file(&packets, true).expect("packets are written");
    let headers: String = bytes
        .split(|byte| *byte == b'\n')
        .skip(1)
        .map_while(|line| std::str::from_utf8(line).ok())
        .map(|line| line.trim_end_matches('\r'))
        .take_while(|line| !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    let again = framed(&headers, &text, &armor);
    let again = Clearsigned::parse("fuzz.asc", &again, Tolerance::Refuse).expect("it was read");
    assert_eq!(again.into_parts().0, text);
});
