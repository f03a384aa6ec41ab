//! A manifest that may be anything: what is listed stands there, what is written is
//! read again, and every line is either an entry, nothing, or a fault.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use wheelproof::digest::Sha256Digest;
use wheelproof::manifest::{Unsigned, canonical, comments, twins};
use wheelproof::policy::{Lines, Tolerance};
use wheelproof::relpath::RelPath;

fuzz_target!(|bytes: &[u8]| {
    let lenient = Lines {
        crlf: Tolerance::Accept,
        repeated_names: Tolerance::Accept,
    };
    let strict = Unsigned::parse(bytes, Lines::default());
    let read = Unsigned::parse(bytes, lenient);
    assert!(read.faults().len() <= strict.faults().len());
    if strict.faults().is_empty() {
        assert_eq!(strict.listed(), read.listed());
    }

    // The plainest lines, read in the plainest way, are listed or at fault.
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some((digest, name)) = line.split_at_checked(64) else {
            continue;
        };
        let Some(name) = name.strip_prefix(b"  ") else {
            continue;
        };
        let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let ordinary = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        if !digest.iter().all(digit) || !name.iter().all(ordinary) {
            continue;
        }
        let Ok(name) = RelPath::parse(std::str::from_utf8(name).expect("ASCII")) else {
            continue;
        };
        let listed = read.listed().get(&name).map(Sha256Digest::to_string);
        let is_listed = listed.as_deref().map(str::as_bytes) == Some(digest);
        assert!(is_listed || !read.faults().is_empty());
    }
    assert!(read.listed().len() <= bytes.split(|byte| *byte == b'\n').count());

    // Nothing is listed that does not stand there.
    let lower = bytes.to_ascii_lowercase();
    for digest in read.listed().values() {
        let digest = digest.to_string();
        assert!(lower.windows(64).any(|window| window == digest.as_bytes()));
    }

    // Names that stand for one file elsewhere are listed once.
    assert_eq!(twins(read.listed().keys()), []);
    let written = canonical(&comments(read.comments(), read.project()), read.listed());
    let again = Unsigned::parse(&written, Lines::default());
    assert_eq!(again.faults(), []);
    assert_eq!(again.listed(), read.listed());
    assert_eq!(again.project(), read.project());
    let files: BTreeMap<_, _> = again.listed().clone();
    assert_eq!(canonical(again.comments(), &files), written);
});
