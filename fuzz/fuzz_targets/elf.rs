//! A shared object that may be anything: it is read in bounded time and memory, twice
//! the same, and the names that it gives stand in the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelproof::elf::Facts;

fuzz_target!(|bytes: &[u8]| {
    let Ok(facts) = Facts::read(bytes) else {
        return;
    };
    assert_eq!(Facts::read(bytes).as_ref(), Ok(&facts));
    let stands_there = |text: &String| {
        let text = text.as_bytes();
        // What is no text was replaced.
        !text.is_ascii()
            || text.is_empty()
            || bytes.windows(text.len()).any(|window| window == text)
    };
    assert!(facts.imports.iter().all(stands_there));
    assert!(facts.exports.iter().all(stands_there));
    assert!(facts.comments.iter().all(stands_there));
    for name in ["NEEDED", "SONAME", "RPATH", "RUNPATH"] {
        let entries = facts.dynamic.get(name);
        assert!(entries.into_iter().flatten().all(stands_there), "{name}");
    }
    // A table of sections has forty bytes for each at least.
    assert!(facts.sections.len() <= bytes.len() / 40);
});
