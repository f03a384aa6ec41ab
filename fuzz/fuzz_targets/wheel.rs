//! A wheel that may be anything: where nothing is found wrong with it, other ways of
//! reading it see the same members with the contents that RECORD states. The other
//! ways are the `zip` crate, once by the central directory and once from the front.

#![no_main]

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use libfuzzer_sys::fuzz_target;
use wheelproof::archive::Limits;
use wheelproof::archive::zip::Archive;
use wheelproof::cancel::Cancel;
use wheelproof::digest::{Sha256Digest, base64};
use wheelproof::filename::WheelFilename;
use wheelproof::wheel;
use wheelproof_fuzz::file_of;

const NAME: &str = "six-1.0-py3-none-any.whl";
const RECORD: &str = "six-1.0.dist-info/RECORD";
const LIMITS: Limits = Limits {
    members: 64,
    member_bytes: 1 << 16,
    total_bytes: 1 << 18,
    ratio: 200,
};

fuzz_target!(|bytes: &[u8]| {
    let name = WheelFilename::parse(NAME).expect("the name of a wheel");
    let read = std::sync::atomic::AtomicU64::new(0);
    let count = |bytes| {
        read.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    };
    let faults = wheel::check(file_of(bytes), &name, LIMITS, &Cancel::new(), &count)
        .expect("a file in memory can be read");
    // Each member is read once, and a few of the descriptions once more.
    assert!(read.into_inner() <= LIMITS.total_bytes * 2);
    if !faults.is_empty() {
        return;
    }

    let ours = Archive::from_slice(bytes, LIMITS).expect("nothing is wrong with it");
    let ours: BTreeMap<String, Vec<u8>> = ours
        .members()
        .iter()
        .map(|member| {
            let contents = ours
                .contents(member, LIMITS.member_bytes)
                .expect("it was read before");
            (member.name().as_str().expect("UTF-8").to_owned(), contents)
        })
        .collect();

    // It may be stricter than we are. Where it reads anything, it reads the same.
    let Ok(mut central) = zip::ZipArchive::new(Cursor::new(bytes)) else {
        return;
    };
    assert_eq!(central.len(), ours.len());
    for index in 0..central.len() {
        let mut member = central.by_index(index).expect("another reader finds it");
        let mut contents = Vec::new();
        member
            .read_to_end(&mut contents)
            .expect("another reader unpacks it");
        assert_eq!(
            ours.get(member.name()),
            Some(&contents),
            "{}",
            member.name()
        );
        assert!(member.enclosed_name().is_some());
        assert!(!member.is_symlink());
    }

    // From the front, sizes that stand behind the data are not known in time.
    let mut stream = Cursor::new(bytes);
    let mut seen = 0;
    let is_complete = loop {
        match zip::read::read_zipfile_from_stream(&mut stream) {
            Ok(Some(mut member)) => {
                let mut contents = Vec::new();
                member
                    .read_to_end(&mut contents)
                    .expect("the same data unpacks");
                assert_eq!(
                    ours.get(member.name()),
                    Some(&contents),
                    "{}",
                    member.name()
                );
                seen += 1;
            }
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    assert!(!is_complete || seen == ours.len());

    let record = String::from_utf8(ours[RECORD].clone()).expect("RECORD is text");
    if record.contains('"') {
        return;
    }
    let mut listed = 0;
    for line in record.lines().filter(|line| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split(',').collect();
        let [path, digest, _] = fields[..] else {
            panic!("three fields: {line:?}")
        };
        listed += 1;
        if path.ends_with("/RECORD") {
            continue;
        }
        let sha256 = base64(Sha256Digest::of(&ours[path]).as_bytes());
        if let Some(stated) = digest.strip_prefix("sha256=") {
            // In the URL's alphabet, without the fill.
            let sha256 = sha256.replace('+', "-").replace('/', "_");
            assert_eq!(stated.trim_end_matches('='), sha256.trim_end_matches('='));
        }
    }
    let files = ours.keys().filter(|name| !name.ends_with('/')).count();
    assert!(listed >= files);
});
