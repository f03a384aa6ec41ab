//! Sdists that try to get out, and their nearest innocent neighbours.

use std::fs;
use std::io::{Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::process::Command;

use flate2::{Compression, write::GzEncoder};
use tar::{EntryType, Header};
use wheelproof::archive::Limits;
use wheelproof::archive::tar::TarError;
use wheelproof::cancel::Cancel;
use wheelproof::filename::SdistFilename;
use wheelproof::sdist::{Modes, SdistError, Unpacked, unpack};

struct Archive(tar::Builder<Vec<u8>>);

impl Archive {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    /// Adds a member with any name; the library would refuse some.
    fn raw(mut self, kind: EntryType, name: &str, link: &str, mode: u32, data: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_mode(mode);
        header.set_mtime(1_309_379_017);
        header.set_size(data.len() as u64);
        header.set_cksum();
        self.0.append(&header, data).expect("appends");
        self
    }

    fn file(self, name: &str, data: &[u8]) -> Self {
        self.raw(EntryType::Regular, name, "", 0o644, data)
    }

    fn directory(self, name: &str) -> Self {
        self.raw(EntryType::Directory, name, "", 0o755, b"")
    }

    fn link(self, name: &str, target: &str) -> Self {
        self.raw(EntryType::Symlink, name, target, 0o777, b"")
    }

    fn pax(self, records: &[(&str, &str)]) -> Self {
        self.extension(EntryType::XHeader, records)
    }

    fn extension(self, kind: EntryType, records: &[(&str, &str)]) -> Self {
        let mut data = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let mut length = rest + 1;
            while length != rest + length.to_string().len() {
                length = rest + length.to_string().len();
            }
            data.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
        }
        self.raw(kind, "pax", "", 0o644, &data)
    }

    fn bytes(self) -> Vec<u8> {
        gzip(&self.0.into_inner().expect("finishes"))
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("compresses");
    encoder.finish().expect("compresses")
}

/// A directory with a neighbour that must stay as it is.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a directory"));
        fs::create_dir(place.0.path().join("into")).expect("creates");
        fs::create_dir(place.0.path().join("outside")).expect("creates");
        fs::write(place.0.path().join("outside/file"), "before").expect("writes");
        place
    }

    fn unpack(
        &self,
        archive: &[u8],
        modes: Modes,
        limits: &Limits,
    ) -> Result<Unpacked, SdistError> {
        let sdist = self.0.path().join("x-1.0.tar.gz");
        fs::write(&sdist, archive).expect("writes");
        let name = SdistFilename::parse("x-1.0.tar.gz").expect("a name");
        let into = self.0.path().join("into");
        let result = unpack(&sdist, &name, &into, modes, limits, &Cancel::new());
        let outside: Vec<_> = fs::read_dir(self.0.path().join("outside"))
            .expect("is there")
            .flatten()
            .collect();
        assert_eq!(outside.len(), 1, "something was written outside");
        assert_eq!(
            fs::read_to_string(self.0.path().join("outside/file")).expect("is there"),
            "before"
        );
        let mut beside: Vec<_> = fs::read_dir(self.0.path())
            .expect("is there")
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        beside.sort();
        assert_eq!(beside, ["into", "outside", "x-1.0.tar.gz"]);
        result
    }
}

fn unpacked(archive: Archive) -> Result<Unpacked, SdistError> {
    Place::new().unpack(
        &archive.bytes(),
        Modes::LessUmask(0o022),
        &Limits::default(),
    )
}

fn refused(archive: Archive) -> String {
    unpacked(archive).expect_err("refused").to_string()
}

#[test]
fn modes_and_times_are_those_tar_gives() {
    let archive = Archive::new()
        .raw(EntryType::Directory, "x-1.0/", "", 0o775, b"")
        .raw(EntryType::Regular, "x-1.0/plain", "", 0o664, b"text")
        .raw(EntryType::Regular, "x-1.0/run", "", 0o4777, b"text")
        .raw(EntryType::Regular, "x-1.0/odd", "", 0o446, b"text")
        .file("x-1.0/deep/er/file", b"text")
        .bytes();
    // The oracle is GNU tar.
    for (modes, flag, umask) in [
        (Modes::LessUmask(0o022), "--no-same-permissions", "022"),
        (Modes::LessUmask(0o077), "--no-same-permissions", "077"),
        (Modes::AsArchived, "--same-permissions", "022"),
    ] {
        let place = Place::new();
        let ours = place
            .unpack(&archive, modes, &Limits::default())
            .expect("unpacks");
        let theirs = tempfile::tempdir().expect("a directory");
        let status = Command::new("sh")
            .args([
                "-c",
                "umask $1; tar -xzf $2 --no-same-owner $3 -C $4",
                "sh",
                umask,
            ])
            .arg(place.0.path().join("x-1.0.tar.gz"))
            .arg(flag)
            .arg(theirs.path())
            .status()
            .expect("tar runs");
        assert!(status.success());
        for name in ["", "plain", "run", "odd", "deep", "deep/er", "deep/er/file"] {
            let look = |root: &Path| {
                let data = fs::symlink_metadata(root.join(name)).expect("is there");
                // Directories that the archive does not list have the time of
                // unpacking.
                let time =
                    (!name.starts_with("deep") || name.ends_with("file")).then(|| data.mtime());
                (data.mode() & 0o777, time)
            };
            assert_eq!(
                look(&ours.source),
                look(&theirs.path().join("x-1.0")),
                "{modes:?} {name}"
            );
            let bits = fs::metadata(ours.source.join(name))
                .expect("is there")
                .mode();
            assert_eq!(bits & 0o7000, 0, "special bits of {name}");
        }
    }
}

#[test]
fn the_data_filter_is_pythons() {
    let modes = [
        0o664, 0o666, 0o600, 0o400, 0o4777, 0o711, 0o055, 0o011, 0o775,
    ];
    let archive = modes
        .iter()
        .fold(Archive::new().directory("x-1.0/"), |archive, mode| {
            archive.raw(
                EntryType::Regular,
                &format!("x-1.0/{mode:o}"),
                "",
                *mode,
                b"text",
            )
        })
        .bytes();
    let place = Place::new();
    let ours = place
        .unpack(&archive, Modes::DataFilter, &Limits::default())
        .expect("unpacks");
    let theirs = tempfile::tempdir().expect("a directory");
    let script = "import os, sys, tarfile
if not hasattr(tarfile, 'data_filter'):
    sys.exit(5)
os.umask(0o077)
tarfile.open(sys.argv[1]).extractall(sys.argv[2], filter='data')";
    let status = Command::new("python3")
        .args(["-c", script])
        .arg(place.0.path().join("x-1.0.tar.gz"))
        .arg(theirs.path())
        .status()
        .expect("python3 runs");
    if status.code() == Some(5) {
        crate::skipped!("python3 is too old for the filters of tarfile");
        return;
    }
    assert!(status.success());
    for mode in modes {
        let look = |root: &Path| {
            let data = fs::metadata(root.join(format!("{mode:o}"))).expect("is there");
            data.mode() & 0o7777
        };
        assert_eq!(
            look(&ours.source),
            look(&theirs.path().join("x-1.0")),
            "{mode:o}"
        );
    }
}

/// The magic decides for some readers whether a header is an extension: GNU tar and
/// Python read a name from one that the `tar` crate takes for a file.
#[test]
fn a_header_of_another_format_is_refused() {
    let with_magic = |magic: &[u8], kind: EntryType, data: &[u8]| {
        let mut header = Header::new_ustar();
        header.set_path("x-1.0/name").expect("a name");
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(data.len() as u64);
        header.as_mut_bytes()[257..257 + magic.len()].copy_from_slice(magic);
        header.set_cksum();
        let mut archive = Archive::new().directory("x-1.0/");
        archive.0.append(&header, data).expect("appends");
        let place = Place::new();
        let name = archive.file("x-1.0/other", b"").bytes();
        place.unpack(&name, Modes::LessUmask(0o022), &Limits::default())
    };
    let record = b"20 path=x-1.0/third\n";
    let (file, pax) = (EntryType::Regular, EntryType::XHeader);
    for (magic, kind, data, accepted) in [
        (&b"ustar\x0000"[..], file, &b"x"[..], true),
        (b"ustar  \0", file, b"x", true),
        // Before POSIX there was none.
        (&[0; 8], file, b"x", true),
        (b"ats0\0r0u", file, b"x", false),
        (b"ustar\x0000", pax, record, true),
        (&[0; 8], pax, record, false),
        (b"ats0\0r0u", pax, record, false),
    ] {
        let result = with_magic(magic, kind, data);
        assert_eq!(result.is_ok(), accepted, "{magic:?} {result:?}");
        if let Err(error) = result {
            assert!(error.to_string().contains("its magic"), "{error}");
        }
    }
}

#[test]
fn long_names_of_both_kinds_and_pax_times_are_read() {
    let long = format!("x-1.0/{}/file", "d".repeat(180));
    let pax = format!("x-1.0/{}/file", "p".repeat(180));
    let place = Place::new();
    let bytes = Archive::new()
        .extension(EntryType::XGlobalHeader, &[("comment", "0123456789abcdef")])
        .directory("x-1.0/")
        .raw(
            EntryType::GNULongName,
            "././@LongLink",
            "",
            0,
            format!("{long}\0").as_bytes(),
        )
        .file("x-1.0/short", b"gnu")
        .pax(&[("path", &pax), ("mtime", "1600000000.9")])
        .file("x-1.0/other", b"pax")
        .bytes();
    let unpacked = place
        .unpack(&bytes, Modes::LessUmask(0o022), &Limits::default())
        .expect("unpacks");
    let into = place.0.path().join("into");
    assert_eq!(
        fs::read_to_string(into.join(&long)).expect("is there"),
        "gnu"
    );
    assert_eq!(
        fs::read_to_string(into.join(&pax)).expect("is there"),
        "pax"
    );
    assert_eq!(
        fs::metadata(into.join(&pax)).expect("is there").mtime(),
        1_600_000_000
    );
    assert_eq!((unpacked.members, unpacked.bytes), (3, 6));
}

#[test]
fn a_leading_dot_is_the_same_name() {
    let place = Place::new();
    let bytes = Archive::new()
        .directory("./")
        .directory("./x-1.0/")
        .file("./x-1.0/file", b"")
        .bytes();
    let unpacked = place
        .unpack(&bytes, Modes::LessUmask(0o022), &Limits::default())
        .expect("unpacks");
    assert!(unpacked.source.join("file").is_file());
}

#[test]
fn names_that_lead_out_are_refused() {
    for name in [
        "../outside/file",
        "x-1.0/../../outside/new",
        "/tmp/wheelproof-absolute",
        "x-1.0/..",
        "x-1.0//file",
        "x-1.0/a\\b",
    ] {
        let said = refused(Archive::new().directory("x-1.0/").file(name, b"after"));
        assert!(said.contains(&name.escape_default().to_string()), "{said}");
        let said = refused(
            Archive::new()
                .directory("x-1.0/")
                .pax(&[("path", name)])
                .file("x-1.0/innocent", b"after"),
        );
        assert!(said.contains(&name.escape_default().to_string()), "{said}");
    }
    assert!(!Path::new("/tmp/wheelproof-absolute").exists());
}

#[test]
fn links_that_lead_out_are_refused() {
    for (name, target) in [
        ("x-1.0/link", "/etc/passwd"),
        ("x-1.0/link", ".."),
        ("x-1.0/link", "../outside/file"),
        ("x-1.0/a/link", "../.."),
        ("x-1.0/link", ""),
        // Up from wherever another link leads.
        ("x-1.0/a/b/link", "other/../.."),
    ] {
        let said = refused(Archive::new().directory("x-1.0/").link(name, target));
        assert!(said.contains(&format!("symbolic link '{name}'")), "{said}");
    }
}

#[test]
fn links_that_stay_inside_are_made() {
    let place = Place::new();
    let bytes = Archive::new()
        .directory("x-1.0/")
        .link("x-1.0/a/link", "../b/file")
        .link("x-1.0/same", "./b")
        .link("x-1.0/nowhere", "not/there")
        .file("x-1.0/b/file", b"text")
        .bytes();
    let unpacked = place
        .unpack(&bytes, Modes::LessUmask(0o022), &Limits::default())
        .expect("unpacks");
    let read = |name: &str| fs::read_to_string(unpacked.source.join(name)).expect("reads");
    assert_eq!(
        (read("a/link"), read("same/file")),
        ("text".into(), "text".into())
    );
    let data = fs::symlink_metadata(unpacked.source.join("same")).expect("is there");
    assert_eq!(data.mtime(), 1_309_379_017);
}

#[test]
fn nothing_is_written_through_a_link() {
    let said = refused(
        Archive::new()
            .directory("x-1.0/")
            .link("x-1.0/link", "b")
            .file("x-1.0/link/file", b"after"),
    );
    assert!(
        said.contains("'x-1.0/link', which is not a directory"),
        "{said}"
    );
    let said = refused(
        Archive::new()
            .directory("x-1.0/")
            .link("x-1.0/link", "b")
            .file("x-1.0/link", b"after"),
    );
    assert!(said.contains("appears twice"), "{said}");
    // A link that was there before, where the top directory would go.
    let place = Place::new();
    symlink("../outside", place.0.path().join("into/x-1.0")).expect("links");
    let bytes = Archive::new()
        .directory("x-1.0/")
        .file("x-1.0/new", b"after")
        .bytes();
    place
        .unpack(&bytes, Modes::LessUmask(0o022), &Limits::default())
        .expect_err("refused");
    let bytes = Archive::new().file("x-1.0/new", b"after").bytes();
    place
        .unpack(&bytes, Modes::LessUmask(0o022), &Limits::default())
        .expect_err("refused");
}

#[test]
fn special_members_are_refused_by_name() {
    for (kind, word) in [
        (EntryType::Link, "hard link"),
        (EntryType::Char, "character device"),
        (EntryType::Block, "block device"),
        (EntryType::Fifo, "named pipe"),
        (EntryType::GNUSparse, "sparse file"),
        (EntryType::new(b'Z'), "unknown type"),
    ] {
        let said = refused(Archive::new().file("x-1.0/file", b"text").raw(
            kind,
            "x-1.0/special",
            "x-1.0/file",
            0o644,
            b"",
        ));
        assert!(
            said.contains("'x-1.0/special'") && said.contains(word),
            "{said}"
        );
    }
}

#[test]
fn two_top_directories_are_refused_and_so_is_none() {
    let said = refused(Archive::new().directory("x-1.0/").file("y-1.0/file", b""));
    assert!(said.contains("'y-1.0/file' lies outside 'x-1.0'"), "{said}");
    let said = refused(Archive::new().file("x-1.0", b""));
    assert!(said.contains("not a directory"), "{said}");
    let said = refused(Archive::new());
    assert!(said.contains("holds nothing"), "{said}");
}

#[test]
fn a_name_twice_is_refused_but_for_directories() {
    let said = refused(
        Archive::new()
            .file("x-1.0/file", b"1")
            .file("x-1.0/file", b"2"),
    );
    assert!(said.contains("'x-1.0/file' appears twice"), "{said}");
    refused(Archive::new().file("x-1.0/a", b"1").directory("x-1.0/a/"));
    refused(Archive::new().file("x-1.0/a", b"1").file("x-1.0/a/b", b"2"));
    unpacked(
        Archive::new()
            .directory("x-1.0/")
            .directory("x-1.0/")
            .file("x-1.0/f", b""),
    )
    .expect("a directory listed again");
    unpacked(
        Archive::new()
            .file("x-1.0/Name", b"")
            .file("x-1.0/name", b""),
    )
    .expect("two names");
}

#[test]
fn what_readers_of_tar_disagree_about_is_refused() {
    let cases = [
        Archive::new()
            .pax(&[("size", "1")])
            .file("x-1.0/file", b"text"),
        Archive::new()
            .extension(EntryType::XGlobalHeader, &[("path", "x-1.0/elsewhere")])
            .file("x-1.0/file", b"text"),
        Archive::new()
            .pax(&[("path", "x-1.0/a"), ("path", "x-1.0/b")])
            .file("x-1.0/file", b"text"),
        Archive::new()
            .pax(&[("path", "x-1.0/a")])
            .raw(EntryType::GNULongName, "long", "", 0, b"x-1.0/b\0")
            .file("x-1.0/file", b"text"),
        Archive::new()
            .pax(&[("GNU.sparse.major", "1")])
            .file("x-1.0/file", b"text"),
        Archive::new()
            .raw(EntryType::XHeader, "pax", "", 0o644, b"99 path=x\n")
            .file("x-1.0/file", b"text"),
        Archive::new()
            .file("x-1.0/file", b"text")
            .pax(&[("path", "x-1.0/a")]),
        Archive::new().raw(EntryType::Directory, "x-1.0/", "", 0o755, b"contents"),
    ];
    for (number, archive) in cases.into_iter().enumerate() {
        let error = unpacked(archive).err();
        assert!(
            matches!(error, Some(SdistError::Archive(_))),
            "case {number}: {error:?}"
        );
    }
    unpacked(
        Archive::new()
            .pax(&[("size", "4")])
            .file("x-1.0/file", b"text"),
    )
    .expect("the same size twice");
}

#[test]
fn data_behind_the_end_is_refused() {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&Archive::new().file("x-1.0/file", b"text").bytes()[..])
        .read_to_end(&mut plain)
        .expect("decompresses");
    let place = Place::new();
    let try_it = |bytes: &[u8]| {
        let place = Place::new();
        place.unpack(&gzip(bytes), Modes::LessUmask(0o022), &Limits::default())
    };
    try_it(&plain).expect("as it is");
    let mut padded = plain.clone();
    padded.extend([0; 9000]);
    try_it(&padded).expect("zeros are padding");
    let mut hidden = padded.clone();
    hidden.extend_from_slice(&plain);
    assert!(matches!(
        try_it(&hidden),
        Err(SdistError::Archive(TarError::TrailingData))
    ));
    let mut garbage = gzip(&plain);
    garbage.extend_from_slice(b"garbage");
    place
        .unpack(&garbage, Modes::LessUmask(0o022), &Limits::default())
        .expect_err("garbage after the compressed data");
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = Archive::new()
        .directory("x-1.0/")
        .file("x-1.0/file", &[7; 3000])
        .file("x-1.0/other", b"text")
        .bytes();
    for length in 0..bytes.len() {
        let result = Place::new().unpack(
            &bytes[..length],
            Modes::LessUmask(0o022),
            &Limits::default(),
        );
        assert!(
            matches!(result, Err(SdistError::Archive(_) | SdistError::Empty)),
            "{length} of {}: {result:?}",
            bytes.len()
        );
    }
}

#[test]
fn every_flipped_byte_is_an_error_or_changes_nothing() {
    let bytes = Archive::new()
        .directory("x-1.0/")
        .file("x-1.0/file", b"text")
        .bytes();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 0x55;
        let place = Place::new();
        if let Ok(unpacked) = place.unpack(&changed, Modes::LessUmask(0o022), &Limits::default()) {
            // Flags and time of the gzip header.
            assert!(position < 10, "byte {position}");
            assert_eq!(
                fs::read(unpacked.source.join("file")).expect("reads"),
                b"text"
            );
        }
    }
}

#[test]
fn bombs_end_at_the_limits() {
    let limits = Limits {
        members: 10,
        member_bytes: 1000,
        total_bytes: 40_000,
        ..Limits::default()
    };
    let place = Place::new();
    let attempt = |archive: Archive| {
        Place::new()
            .unpack(&archive.bytes(), Modes::LessUmask(0o022), &limits)
            .map(|_| ())
    };
    attempt(Archive::new().file("x-1.0/file", &[0; 1000])).expect("at the limit");
    assert!(matches!(
        attempt(Archive::new().file("x-1.0/file", &[0; 1001])),
        Err(SdistError::Archive(TarError::MemberTooLarge {
            size: 1001,
            ..
        }))
    ));
    let many = (0..11).fold(Archive::new(), |archive, n| {
        archive.file(&format!("x-1.0/{n}"), b"")
    });
    assert!(matches!(
        attempt(many),
        Err(SdistError::Archive(TarError::TooManyMembers(10)))
    ));
    // Behind the end of the archive, where nothing is unpacked any more.
    let mut padded = vec![0; 60_000];
    padded.splice(..0, {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&Archive::new().file("x-1.0/f", b"").bytes()[..])
            .read_to_end(&mut plain)
            .expect("decompresses");
        plain
    });
    assert!(matches!(
        place.unpack(&gzip(&padded), Modes::LessUmask(0o022), &limits),
        Err(SdistError::Archive(TarError::TooLarge(40_000)))
    ));
    // A member whose header promises what is not there.
    let mut header = Header::new_ustar();
    header.set_path("x-1.0/file").expect("a name");
    header.set_size(4 << 40);
    header.set_mode(0o644);
    header.set_cksum();
    assert!(matches!(
        Place::new().unpack(
            &gzip(header.as_bytes()),
            Modes::LessUmask(0o022),
            &Limits::default()
        ),
        Err(SdistError::Archive(TarError::MemberTooLarge { .. }))
    ));
}

#[test]
fn the_ratio_of_a_bomb_is_refused_within_the_other_limits() {
    // 200 MB of zeros in 200 kB.
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    let mut header = Header::new_ustar();
    header.set_path("x-1.0/zeros").expect("a name");
    header.set_size(200 << 20);
    header.set_mode(0o644);
    header.set_cksum();
    builder
        .append(&header, std::io::repeat(0).take(200 << 20))
        .expect("appends");
    let bytes = builder
        .into_inner()
        .and_then(GzEncoder::finish)
        .expect("finishes");
    let place = Place::new();
    let result = place.unpack(&bytes, Modes::LessUmask(0o022), &Limits::default());
    assert!(
        matches!(result, Err(SdistError::Archive(TarError::Ratio(200)))),
        "{result:?}"
    );
    let written =
        fs::metadata(place.0.path().join("into/x-1.0/zeros")).map_or(0, |data| data.len());
    assert!(written < 80 << 20, "{written} bytes were written");
}

#[test]
fn a_huge_extension_header_is_not_read_into_memory() {
    let mut header = Header::new_ustar();
    header.set_path("pax").expect("a name");
    header.set_entry_type(EntryType::XHeader);
    header.set_size(3 << 30);
    header.set_cksum();
    let attempt = |bytes: &[u8]| {
        Place::new().unpack(&gzip(bytes), Modes::LessUmask(0o022), &Limits::default())
    };
    let error = attempt(header.as_bytes()).expect_err("too large");
    assert!(
        error
            .to_string()
            .contains("an extension header of 3221225472 bytes"),
        "{error}"
    );
    // The neighbour: small, and not all there.
    header.set_size(700);
    header.set_cksum();
    let mut cut = header.as_bytes().to_vec();
    cut.extend_from_slice(&[b'x'; 512]);
    let result = attempt(&cut);
    assert!(
        matches!(result, Err(SdistError::Archive(TarError::Read(_)))),
        "{result:?}"
    );
}

/// Has CPython's zipfile write a `.zip` sdist and unpacks it.
fn unpacked_zip(script: &str) -> (Place, Result<Unpacked, SdistError>) {
    let place = Place::new();
    let sdist = place.0.path().join("x-1.0.zip");
    let script = format!(
        "import sys, zipfile, warnings; warnings.simplefilter('ignore')\n\
         z = zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED)\n\
         def add(name, data=b'', mode=0, date=(2021, 4, 14, 10, 20, 30)):\n\
         \x20   info = zipfile.ZipInfo(name, date)\n\
         \x20   info.external_attr = mode << 16\n\
         \x20   z.writestr(info, data)\n\
         {script}\nz.close()\n"
    );
    let status = Command::new("python3")
        .args(["-c", &script])
        .arg(&sdist)
        .status()
        .expect("python3 runs");
    assert!(status.success());
    let name = SdistFilename::parse("x-1.0.zip").expect("a name");
    let into = place.0.path().join("into");
    let modes = Modes::LessUmask(0o022);
    let result = unpack(
        &sdist,
        &name,
        &into,
        modes,
        &Limits::default(),
        &Cancel::new(),
    );
    (place, result)
}

#[test]
fn a_zip_is_unpacked_by_the_same_rules() {
    let (place, result) = unpacked_zip(
        "add('x-1.0/'); add('x-1.0/a/b.py', b'text' * 1000, 0o100755); add('x-1.0/c', b'')",
    );
    let unpacked = result.expect("unpacks");
    assert_eq!((unpacked.members, unpacked.bytes), (3, 4000));
    let into = place.0.path().join("into");
    let b = into.join("x-1.0/a/b.py");
    assert_eq!(fs::read(&b).expect("is there"), b"text".repeat(1000));
    let metadata = fs::metadata(&b).expect("is there");
    assert_eq!(metadata.mode() & 0o7777, 0o755);
    // date -u -d '2021-04-14 10:20:30' +%s
    assert_eq!(metadata.mtime(), 1_618_395_630);
    // zipfile gives a member without a mode this one.
    let metadata = fs::metadata(into.join("x-1.0/c")).expect("is there");
    assert_eq!(metadata.mode() & 0o7777, 0o600);
}

#[test]
fn a_zip_that_leads_out_or_is_read_in_two_ways_is_refused() {
    for script in [
        "add('../outside/file', b'x')",
        "add('x-1.0/../../outside/file', b'x')",
        "add('/x-1.0/file', b'x')",
        "add('x-1.0/file', b'one'); add('x-1.0/file', b'two')",
        "add('x-1.0/link', b'../../outside', 0o120777); add('x-1.0/link/file', b'x')",
        "add('x-1.0/link', b'../outside', 0o120777)",
        "add('x-1.0/a', b''); add('y-1.0/b', b'')",
        "add('file', b'')",
        "",
    ] {
        let (_place, result) = unpacked_zip(script);
        assert!(result.is_err(), "{script}");
    }
}

#[test]
fn a_request_to_stop_ends_unpacking() {
    let place = Place::new();
    let sdist = place.0.path().join("x.tar.gz");
    fs::write(&sdist, Archive::new().file("x-1.0/f", b"").bytes()).expect("writes");
    let cancel = Cancel::new();
    cancel.request();
    let name = SdistFilename::parse("x-1.0.tar.gz").expect("a name");
    let error = unpack(
        &sdist,
        &name,
        &place.0.path().join("into"),
        Modes::AsArchived,
        &Limits::default(),
        &cancel,
    )
    .expect_err("interrupted");
    assert!(matches!(error, SdistError::Interrupted));
}
