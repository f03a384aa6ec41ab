//! An sdist that may be anything: what the check finds nothing wrong with is
//! unpacked, as the `tar` crate reads it; and whatever it is, nothing is written
//! outside and no more than the limits allow. Bytes that are neither gzip nor ZIP are
//! taken as a tar archive and compressed first.

#![no_main]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use wheelproof::archive::Limits;
use wheelproof::cancel::Cancel;
use wheelproof::filename::SdistFilename;
use wheelproof::sdist::{self, Modes, SdistError};
use wheelproof_fuzz::{directory, file_of};

const LIMITS: Limits = Limits {
    members: 64,
    member_bytes: 1 << 16,
    total_bytes: 1 << 18,
    ratio: 200,
};

/// What stands at a path: a directory, the contents of a file, where a link leads.
#[derive(Debug, PartialEq, Eq)]
enum Thing {
    Directory,
    File(Vec<u8>),
    Link(Vec<u8>),
}

fuzz_target!(|bytes: &[u8]| {
    let (name, archive) = match bytes {
        [b'P', b'K', ..] => ("six-1.0.zip", bytes.to_vec()),
        [0x1f, 0x8b, ..] => ("six-1.0.tar.gz", bytes.to_vec()),
        tar => {
            let level = flate2::Compression::none();
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
            gzip.write_all(tar).expect("room in memory");
            ("six-1.0.tar.gz", gzip.finish().expect("room in memory"))
        }
    };
    let filename = SdistFilename::parse(name).expect("the name of an sdist");
    let cancel = Cancel::new();
    let faults = sdist::check(file_of(&archive), &filename, LIMITS, &cancel, &|_| {})
        .expect("a file in memory can be read");

    let directory = directory();
    let (into, path) = (directory.path().join("into"), directory.path().join(name));
    std::fs::create_dir(&into).expect("an empty directory");
    std::fs::write(&path, &archive).expect("room for the sdist");
    let unpacked = sdist::unpack(&path, &filename, &into, Modes::AsArchived, &LIMITS, &cancel);
    std::fs::remove_file(&path).expect("it is still there");
    let beside: Vec<_> = std::fs::read_dir(directory.path())
        .expect("it is there")
        .collect();
    assert_eq!(beside.len(), 1, "something was written outside");

    let mut things = BTreeMap::new();
    let mut bytes_written = 0;
    look(&into, &into, &mut things, &mut bytes_written);
    assert!(bytes_written <= LIMITS.total_bytes);
    let unpacked = match unpacked {
        Ok(unpacked) => unpacked,
        // The names of a file system are shorter than those of an archive.
        Err(SdistError::Io { .. }) => return,
        Err(error) => {
            assert!(
                !faults.is_empty(),
                "the check found nothing, and then: {error}"
            );
            return;
        }
    };
    assert!(unpacked.members <= LIMITS.members);
    assert!(unpacked.source.starts_with(&into));
    assert_eq!(std::fs::read_dir(&into).expect("it is there").count(), 1);
    if !faults.is_empty() || name.ends_with(".zip") {
        return;
    }

    let mut tar = tar::Archive::new(flate2::read::MultiGzDecoder::new(archive.as_slice()));
    let mut seen = 0;
    for entry in tar.entries().expect("a tar archive") {
        let mut entry = entry.expect("another reader reads it");
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        let path = String::from_utf8(entry.path_bytes().into_owned()).expect("UTF-8");
        let path = path
            .trim_end_matches('/')
            .trim_start_matches("./")
            .to_owned();
        let thing = if kind.is_dir() {
            Thing::Directory
        } else if kind.is_symlink() {
            Thing::Link(entry.link_name_bytes().expect("a link").into_owned())
        } else {
            let mut contents = Vec::new();
            entry
                .read_to_end(&mut contents)
                .expect("it was read before");
            Thing::File(contents)
        };
        seen += 1;
        assert_eq!(things.get(&path), Some(&thing), "{path}");
    }
    assert_eq!(seen, unpacked.members);
});

/// Collects what was written, and fails on what must never be.
fn look(top: &Path, directory: &Path, things: &mut BTreeMap<String, Thing>, bytes: &mut u64) {
    for entry in std::fs::read_dir(directory).expect("its owner may read it") {
        let path = entry.expect("an entry").path();
        let metadata = path.symlink_metadata().expect("it is there");
        assert_eq!(metadata.mode() & 0o7000, 0, "{}", path.display());
        let thing = if metadata.is_dir() {
            look(top, &path, things, bytes);
            Thing::Directory
        } else if metadata.is_symlink() {
            if let Ok(leads_to) = path.canonicalize() {
                assert!(leads_to.starts_with(top), "{} leads out", path.display());
            }
            let target = std::fs::read_link(&path).expect("a link");
            Thing::Link(std::os::unix::ffi::OsStringExt::into_vec(
                target.into_os_string(),
            ))
        } else {
            assert!(metadata.is_file(), "{}", path.display());
            *bytes += metadata.len();
            Thing::File(std::fs::read(&path).expect("its owner may read it"))
        };
        let name = path.strip_prefix(top).expect("below the top");
        things.insert(name.to_str().expect("UTF-8").to_owned(), thing);
    }
}
