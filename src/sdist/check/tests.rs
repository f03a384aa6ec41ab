use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::FaultKind as K;
use super::*;
use crate::archive::FaultKind as A;
use crate::archive::zip::build::{self, Entry};

const PKG_INFO: &[u8] = b"Name: x\nVersion: 1.0\n";

fn kinds_of(name: &str, bytes: &[u8]) -> Vec<FaultKind> {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("written");
    file.sync_all().expect("synced");
    std::io::Seek::rewind(&mut file).expect("rewound");
    let name = SdistFilename::parse(name).expect("an sdist name");
    let faults = check(file, &name, Limits::default(), &Cancel::new(), &|_| {});
    let faults = faults.expect("readable");
    faults.into_iter().map(|fault| fault.kind).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("compresses");
    encoder.finish().expect("compresses")
}

/// A tar archive with these files, not compressed.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, contents) in files {
        let mut header = ::tar::Header::new_ustar();
        header.set_path(name).expect("a name");
        header.set_size(contents.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *contents).expect("appends");
    }
    builder.into_inner().expect("finishes")
}

fn innocent() -> Vec<u8> {
    tar(&[("x-1.0/PKG-INFO", PKG_INFO), ("x-1.0/a.py", b"abc")])
}

fn innocent_zip() -> Vec<u8> {
    build::archive(&[
        Entry::stored("x-1.0/PKG-INFO", PKG_INFO),
        Entry::deflated("x-1.0/a.py", b"abc", 2).streamed(),
    ])
}

#[test]
fn both_formats_are_looked_into() {
    assert_eq!(kinds_of("x-1.0.tar.gz", &gzip(&innocent())), []);
    assert_eq!(kinds_of("x-1.0.zip", &innocent_zip()), []);
    assert_eq!(
        kinds_of("y-1.0.zip", &innocent_zip()),
        [K::DirectoryName, K::MetadataMismatch]
    );
}

#[test]
fn metadata_beside_the_one_directory_does_not_count() {
    let bytes = tar(&[
        ("x-1.0/PKG-INFO", PKG_INFO),
        ("y-1.0/PKG-INFO", b"Name: y\n"),
        ("x-1.0/deeper/PKG-INFO", b"Name: z\n"),
    ]);
    assert_eq!(kinds_of("x-1.0.tar.gz", &gzip(&bytes)), [K::Layout]);
}

#[test]
fn faults_of_several_members_are_told_in_one_run() {
    let mut raw = ::tar::Header::new_ustar();
    raw.as_mut_bytes()[..7].copy_from_slice(b"../evil");
    raw.set_size(0);
    raw.set_mode(0o644);
    raw.set_mtime(0);
    raw.set_cksum();
    let mut bytes = raw.as_bytes().to_vec();
    bytes.extend(tar(&[
        ("x-1.0/a.py", b"abc"),
        ("x-1.0/a.py", b"abc"),
        ("x-1.0/A.py", b"abc"),
        ("file", b""),
    ]));
    let mut found = kinds_of("x-1.0.tar.gz", &gzip(&bytes));
    found.sort();
    assert_eq!(
        found,
        [
            K::Archive(A::MemberUnsafe),
            K::Archive(A::MemberRepeated),
            K::Archive(A::MemberTwin),
            K::Layout,
            K::MetadataMissing,
        ]
    );
}

#[test]
fn names_that_need_memory_without_end_are_refused() {
    // Each member lies in a hundred directories of its own, whose names are as
    // long as a name of this format may be.
    let below = "d/".repeat(40);
    let names: Vec<String> = (0..20_000)
        .map(|number| format!("x/{number:05}{}/{below}f", "e".repeat(70)))
        .collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let found = kinds_of("x-1.0.tar.gz", &gzip(&tar(&files)));
    assert!(found.contains(&K::Archive(A::OverLimit)), "{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_mutated_sdist_makes_it_panic(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut bytes = innocent();
        let place = at.index(bytes.len());
        bytes[place] = value;
        let _ = kinds_of("x-1.0.tar.gz", &gzip(&bytes));
        let mut bytes = innocent_zip();
        let place = at.index(bytes.len());
        bytes[place] = value;
        let _ = kinds_of("x-1.0.zip", &bytes);
        let mut bytes = gzip(&innocent());
        let place = at.index(bytes.len());
        bytes[place] = value;
        let _ = kinds_of("x-1.0.tar.gz", &bytes);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(!kinds_of("x-1.0.zip", &bytes).is_empty());
        prop_assert!(!kinds_of("x-1.0.tar.gz", &bytes).is_empty());
        let _ = kinds_of("x-1.0.tar.gz", &gzip(&bytes));
    }
}
