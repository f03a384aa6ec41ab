//! Lock files and lists that may be anything, read by their names: what is asked for
//! stands in the file, and so does each of its hashes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelproof::requirements::read;
use wheelproof_fuzz::directory;

fuzz_target!(|bytes: &[u8]| {
    let directory = directory();
    // The first byte chooses the format; any other file is pip's.
    let (name, contents) = match bytes {
        [b'p', rest @ ..] => ("poetry.lock", rest),
        [b'u', rest @ ..] => ("uv.lock", rest),
        [b'y', rest @ ..] => ("pylock.toml", rest),
        _ => ("requirements.txt", bytes),
    };
    let path = directory.path().join(name);
    std::fs::write(&path, contents).expect("room in memory");
    let listing = read(&[path]).expect("a small file");
    assert!(!listing.pins.is_empty() || !listing.faults.is_empty());
    let text = String::from_utf8_lossy(contents);
    let lines = text.lines().count().max(1) as u64;
    let lower = text.to_ascii_lowercase();
    for pin in &listing.pins {
        assert!(
            pin.place.line >= 1 && pin.place.line <= lines,
            "{}",
            pin.place.line
        );
        for hash in &pin.requirement.hashes {
            // TOML can spell a digit as an escape.
            assert!(lower.contains(&hash.to_string()) || text.contains('\\'));
        }
    }
    for fault in &listing.faults {
        assert!(fault.place.line <= lines + 1, "{}", fault.place.line);
        assert!(!fault.kind.to_string().is_empty());
    }
});
