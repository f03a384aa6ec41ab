//! A requirements file that may be anything: what is read of it stands there, leads
//! nowhere else, and is read again when it is written as wheelproof writes it.

#![no_main]

use std::fmt::Write as _;

use libfuzzer_sys::fuzz_target;
use wheelproof::requirements::{parse, parse_hashed};

/// How a line begins that points pip elsewhere ("Requirements File Format").
const LEADS: &[&str] = &[
    "-i",
    "--index-url",
    "--extra-index-url",
    "-f",
    "--find-links",
    "-e",
    "--editable",
    "--trusted-host",
    "-r",
    "--requirement",
    "-c",
    "--constraint",
    "http:",
    "https:",
    "file:",
    "git+",
    "./",
    "/",
];

fuzz_target!(|bytes: &[u8]| {
    let hashed = parse_hashed(bytes);
    let Ok(requirements) = parse(bytes) else {
        assert!(hashed.is_err());
        return;
    };
    let text = std::str::from_utf8(bytes).expect("it was read");
    // Where pip sees a line begin (Python's str.splitlines, and a '\' joins the next one
    // unless the line is a comment), none leads elsewhere.
    let mut joined = String::new();
    for line in text.split_inclusive('\n') {
        let code = line.trim_end_matches(['\r', '\n']);
        match code.strip_suffix('\\') {
            Some(code) if !code.trim_start().starts_with('#') => joined.push_str(code),
            _ => joined.push_str(line),
        }
    }
    let ends = |c: char| "\n\r\u{b}\u{c}\u{1c}\u{1d}\u{1e}\u{85}\u{2028}\u{2029}".contains(c);
    for line in joined.split(ends) {
        let line = line.trim_start_matches(['\u{feff}', ' ', '\t']);
        assert!(
            !LEADS.iter().any(|option| line.starts_with(option)),
            "{line}"
        );
    }
    let lines = text.lines().count() as u64;
    let lower = joined.to_ascii_lowercase();
    let mut written = String::new();
    for requirement in &requirements {
        assert!(requirement.line >= 1 && requirement.line <= lines);
        for hash in &requirement.hashes {
            assert!(lower.contains(&hash.to_string()));
        }
        let _ = write!(written, "{}", requirement.project);
        if !requirement.extras.is_empty() {
            let _ = write!(written, "[{}]", requirement.extras.join(","));
        }
        let _ = write!(written, "=={}", requirement.version);
        if let Some(marker) = &requirement.marker {
            let _ = write!(written, " ; {marker}");
        }
        for hash in &requirement.hashes {
            let _ = write!(written, " \\\n    --hash=sha256:{hash}");
        }
        written.push('\n');
    }
    let again = parse(written.as_bytes()).expect("what is written is read");
    assert_eq!(again.len(), requirements.len());
    for (again, requirement) in again.iter().zip(&requirements) {
        let mut again = again.clone();
        again.line = requirement.line;
        assert_eq!(again, *requirement);
    }
    if let Ok(hashed) = hashed {
        assert!(
            hashed
                .iter()
                .all(|requirement| !requirement.hashes.is_empty())
        );
        assert_eq!(hashed, requirements);
    }
});
