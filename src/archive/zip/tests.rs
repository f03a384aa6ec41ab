use proptest::prelude::*;

use super::build::{self, Entry};
use super::*;

/// Written by `zipfile` of CPython 3.11 on Linux; the facts below are what
/// `ZipFile.infolist()` and `ZipFile.start_dir` of the same say about it.
const PYTHON: &str = "504b03041400000008008f528e52a79a680610000000dc000000060000007369782e7079cbcc2dc82f2a5128ae2ce6ca\
    1c6e4c00504b03041400000800009d182248c2412435030000000300000004000900c3a92f7855540500010000000061\
    6263504b010214031400000008008f528e52a79a680610000000dc000000060000000000000000000000b48100000000\
    7369782e7079504b010214031400000800009d182248c24124350300000003000000040009000200000000001000ed41\
    34000000c3a92f785554050001000000006869504b0506000000000200020071000000620000000300627965";

/// The same, to a stream that cannot seek and with `force_zip64`.
const PYTHON_STREAM: &str = "504b03042d00080000000000210000000000ffffffffffffffff01001400610100100000000000000000000000000000\
    00000068656c6c6f504b070886a6103605000000000000000500000000000000504b01022d032d000800000000002100\
    86a61036050000000500000001000000000000000000000080010000000061504b050600000000010001002f00000050\
    0000000000";

fn bytes(hexadecimal: &str) -> Vec<u8> {
    (0..hexadecimal.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

fn open(bytes: &[u8]) -> Archive<'_> {
    Archive::from_slice(bytes, Limits::default()).expect("an archive")
}

/// Reads everything there is; whatever happens, it ends.
fn read_everything(bytes: &[u8]) {
    let limits = Limits {
        members: 1000,
        member_bytes: 1 << 20,
        total_bytes: 1 << 22,
        ..Limits::default()
    };
    if let Ok(archive) = Archive::from_slice(bytes, limits) {
        let _ = (archive.prefix(), archive.gaps(), archive.trailing());
        for member in archive.members() {
            let _ = archive.contents(member, 1 << 20);
        }
    }
}

fn read(archive: &Archive<'_>, index: usize) -> Result<Vec<u8>, ZipError> {
    archive.contents(&archive.members()[index], 1 << 20)
}

#[test]
fn an_archive_by_python_is_read_field_by_field() {
    let bytes = bytes(PYTHON);
    let archive = open(&bytes);
    assert_eq!(archive.comment().as_str(), Some("bye"));
    assert_eq!(archive.directory(), 98..98 + 0x71);
    assert_eq!(archive.declared_members(), 2);
    assert_eq!((archive.prefix(), archive.trailing()), (0..0, 236..236));
    assert!(archive.gaps().is_empty() && !archive.is_zip64());
    let [six, x] = archive.members() else {
        panic!("two members")
    };
    let header = six.central();
    assert_eq!(six.name().as_bytes(), b"six.py");
    assert_eq!(header.time.to_string(), "2021-04-14 10:20:30");
    assert_eq!(header.method, Method::DEFLATE);
    assert_eq!((header.creator_system(), header.creator_version()), (3, 20));
    assert_eq!(
        (header.version_needed, header.flags, header.disk),
        (20, 0, 0)
    );
    assert_eq!(header.unix_mode(), Some(0o100_664));
    assert_eq!(header.crc32, 107_518_631);
    assert_eq!(
        (header.compressed_size, header.uncompressed_size),
        (16, 220)
    );
    assert_eq!(six.local().crc32, 107_518_631);
    assert_eq!(six.local().name, *six.name());
    assert_eq!(six.data(), 36..52);
    let header = x.central();
    assert_eq!(x.name().as_str(), Some("é/x"));
    assert_eq!(header.time.to_string(), "2016-01-02 03:04:58");
    assert_eq!((header.flags, header.is_declared_utf8()), (2048, true));
    assert_eq!(header.external_attributes, 1_106_051_088);
    assert_eq!(header.local_header_offset, 52);
    assert_eq!(header.comment.as_str(), Some("hi"));
    assert_eq!(&header.extra[..], b"UT\x05\x00\x01\0\0\0\0");
    assert_eq!(x.local().extra, header.extra);
    assert_eq!(
        extra_fields(&header.extra).collect::<Vec<_>>(),
        [(0x5455, &b"\x01\0\0\0\0"[..])]
    );
    assert_eq!(read(&archive, 0).expect("six"), b"import sys\n".repeat(20));
    assert_eq!(read(&archive, 1).expect("x"), b"abc");
}

#[test]
fn a_streamed_archive_by_python_shows_its_descriptor_and_zip64_field() {
    let bytes = bytes(PYTHON_STREAM);
    let archive = open(&bytes);
    let member = &archive.members()[0];
    assert_eq!(member.descriptor(), Some(DescriptorForm::Signed64));
    assert_eq!(member.local().crc32, 0);
    assert_eq!(
        (
            member.local().compressed_size,
            member.local().uncompressed_size
        ),
        (0, 0)
    );
    assert_eq!(
        (
            member.local().version_needed,
            member.central().version_needed
        ),
        (45, 45)
    );
    assert_eq!(member.extent(), 0..80);
    assert!(archive.gaps().is_empty());
    assert_eq!(read(&archive, 0).expect("contents"), b"hello");
}

#[test]
fn an_archive_is_the_same_from_a_file() {
    let bytes = bytes(PYTHON);
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.zip");
    std::fs::write(&path, &bytes).expect("written");
    let archive = Archive::open(&path, Limits::default()).expect("an archive");
    assert_eq!(format!("{archive:?}"), format!("{:?}", open(&bytes)));
    assert_eq!(read(&archive, 1).expect("x"), b"abc");
    let mut raw = Vec::new();
    archive.raw(0..236).read_to_end(&mut raw).expect("bytes");
    assert_eq!(raw, bytes);
}

#[test]
fn a_directory_and_a_fifo_are_not_archives_and_do_not_hang() {
    let directory = tempfile::tempdir().expect("a directory");
    let fifo = directory.path().join("fifo.whl");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .expect("a fifo");
    for path in [directory.path(), &fifo] {
        let error = Archive::open(path, Limits::default()).expect_err("refused");
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }
}

#[test]
fn every_truncation_is_an_error() {
    for hexadecimal in [PYTHON, PYTHON_STREAM] {
        let bytes = bytes(hexadecimal);
        for length in 0..bytes.len() {
            let error = Archive::from_slice(&bytes[..length], Limits::default())
                .expect_err("a part is no archive");
            assert!(!error.to_string().is_empty() && !error.advice().is_empty());
        }
    }
}

#[test]
fn no_changed_byte_makes_the_reader_panic() {
    for mut bytes in [
        bytes(PYTHON),
        bytes(PYTHON_STREAM),
        build::zip64_archive(&[Entry::deflated("a", b"hello", 2)]),
    ] {
        for at in 0..bytes.len() {
            let before = bytes[at];
            for value in [0, 1, 0x7f, 0x80, 0xff, before ^ 1, before.wrapping_add(1)] {
                bytes[at] = value;
                read_everything(&bytes);
            }
            bytes[at] = before;
        }
    }
}

#[test]
fn duplicate_names_are_both_there() {
    let bytes = build::archive(&[Entry::stored("a", b"one"), Entry::stored("a", b"two")]);
    let archive = open(&bytes);
    let names: Vec<_> = archive.members().iter().map(Member::name).collect();
    assert_eq!(names, [&RawText::new(b"a"), &RawText::new(b"a")]);
    assert_eq!(read(&archive, 0).expect("first"), b"one");
    assert_eq!(read(&archive, 1).expect("second"), b"two");
}

#[test]
fn a_name_that_is_not_utf8_is_kept_byte_by_byte() {
    let mut entry = Entry::stored("", b"");
    entry.name = b"a\xff\n".to_vec();
    let bytes = build::archive(&[entry]);
    let archive = open(&bytes);
    let name = archive.members()[0].name();
    assert_eq!((name.as_bytes(), name.as_str()), (&b"a\xff\n"[..], None));
    assert_eq!(name.to_string(), "a\\xff\n");
    assert_eq!(name.escaped(), "a\\xff\\n");
}

#[test]
fn a_local_header_that_disagrees_is_visible_and_does_not_count() {
    let mut entry = Entry::stored("good", b"contents");
    entry.local.name = Some(b"evil!".to_vec());
    entry.local.method = Some(8);
    entry.local.crc = Some(7);
    entry.local.uncompressed = Some(1);
    entry.local.time = Some(33);
    let bytes = build::archive(&[entry]);
    let archive = open(&bytes);
    let member = &archive.members()[0];
    assert_eq!(member.name().as_str(), Some("good"));
    assert_eq!(member.local().name.as_str(), Some("evil!"));
    assert_eq!(member.local().method, Method::DEFLATE);
    assert_eq!(
        (member.local().crc32, member.local().uncompressed_size),
        (7, 1)
    );
    assert_eq!(member.local().time.to_string(), "1980-01-01 00:01:02");
    assert_eq!(read(&archive, 0).expect("contents"), b"contents");
}

#[test]
fn a_wrong_crc_is_told_with_both_values() {
    let mut entry = Entry::deflated("a", b"123456789", 4);
    entry.crc = 1;
    let bytes = build::archive(&[entry]);
    // CRC-32 of "123456789", the check value in every catalogue of CRCs.
    assert_eq!(
        read(&open(&bytes), 0).expect_err("wrong").to_string(),
        "member 'a' has CRC-32 cbf43926, it declares 00000001"
    );
}

#[test]
fn sizes_that_lie_are_told() {
    for make in [Entry::deflated, |name: &str, contents: &[u8], _| {
        Entry::stored(name, contents)
    }] {
        for (declared, expected) in [
            (8, "member 'a' unpacks to more than the 8 bytes it declares"),
            (10, "member 'a' unpacks to 9 bytes, it declares 10"),
        ] {
            let mut entry = make("a", b"123456789", 4);
            entry.uncompressed = declared;
            let bytes = build::archive(&[entry]);
            let error = read(&open(&bytes), 0).expect_err("wrong");
            assert_eq!(error.to_string(), expected);
        }
    }
}

#[test]
fn a_damaged_deflate_stream_is_told() {
    for data in [
        &b""[..],
        b"\x07",
        b"\x01\x05\0\xfa\xffab",
        b"\0\x02\0\xfd\xffab",
    ] {
        let mut entry = Entry::stored("a", b"abcde");
        entry.method = 8;
        entry.data = data.to_vec();
        entry.compressed = u32::try_from(data.len()).expect("small");
        let bytes = build::archive(&[entry]);
        let error = read(&open(&bytes), 0).expect_err("damaged");
        assert!(
            matches!(error, ZipError::Damaged { .. }),
            "{data:?}: {error}"
        );
    }
}

#[test]
fn bytes_behind_the_deflate_stream_are_counted() {
    let mut entry = Entry::deflated("a", b"abc", 3);
    entry.data.extend(b"hidden");
    entry.compressed += 6;
    let bytes = build::archive(&[entry]);
    let archive = open(&bytes);
    let mut reader = archive.reader(&archive.members()[0]).expect("a reader");
    let mut contents = Vec::new();
    reader.read_to_end(&mut contents).expect("contents");
    assert_eq!((contents.as_slice(), reader.excess()), (&b"abc"[..], 6));
}

#[test]
fn encrypted_members_and_other_methods_have_their_own_errors() {
    let mut encrypted = Entry::stored("a", b"abc");
    encrypted.flags = 1;
    let mut lzma = Entry::stored("b", b"abc");
    lzma.method = 14;
    let mut unknown = Entry::stored("c", b"abc");
    unknown.method = 1234;
    let bytes = build::archive(&[encrypted, lzma, unknown]);
    let archive = open(&bytes);
    let errors: Vec<_> = (0..3)
        .map(|index| read(&archive, index).expect_err("refused").to_string())
        .collect();
    assert_eq!(
        errors,
        [
            "member 'a' is encrypted",
            "member 'b' uses compression lzma, only stored and deflate are read",
            "member 'c' uses compression method 1234, only stored and deflate are read",
        ]
    );
}

#[test]
fn bytes_outside_the_records_are_found_where_they_are() {
    let mut first = Entry::stored("a", b"abc");
    first.after = b"GAP".to_vec();
    let mut bytes = build::archive_with(&[first, Entry::stored("b", b"")], b"#!python\n", b"note");
    bytes.extend(b"tail");
    let size = bytes.len() as u64;
    let archive = open(&bytes);
    assert_eq!(archive.prefix(), 0..9);
    assert!(archive.gaps().into_iter().eq(std::iter::once(43..46)));
    assert_eq!(archive.trailing(), size - 4..size);
    assert_eq!(archive.comment().as_str(), Some("note"));
}

#[test]
fn a_prefix_that_the_offsets_do_not_count_is_found_too() {
    let mut bytes = b"#!python\n".to_vec();
    bytes.extend(build::archive(&[Entry::stored("a", b"abc")]));
    let archive = open(&bytes);
    assert_eq!(archive.prefix(), 0..9);
    assert_eq!(read(&archive, 0).expect("contents"), b"abc");
}

#[test]
fn the_end_records_of_zip64_are_read() {
    let bytes = build::zip64_archive(&[Entry::stored("a", b"abc")]);
    let archive = open(&bytes);
    assert!(archive.is_zip64() && archive.gaps().is_empty());
    assert_eq!(archive.declared_members(), 1);
    assert_eq!(read(&archive, 0).expect("contents"), b"abc");
}

#[test]
fn an_offset_beyond_every_file_is_a_fault_of_the_archive_and_not_of_the_disk() {
    let mut bytes = build::zip64_archive(&[Entry::stored("a", b"abc")]);
    let locator = bytes.len() - 42;
    bytes[locator + 8..locator + 16].fill(0xff);
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.zip");
    std::fs::write(&path, &bytes).expect("written");
    let error = Archive::open(&path, Limits::default()).expect_err("refused");
    assert!(!matches!(error, ZipError::Io(_)), "{error}");
}

#[test]
fn sizes_in_the_zip64_field_count_where_the_header_refers_to_it() {
    let mut entry = Entry::stored("a", b"abc");
    entry.extra = [
        &b"\x01\0\x10\0"[..],
        &3u64.to_le_bytes(),
        &3u64.to_le_bytes(),
    ]
    .concat();
    entry.compressed = u32::MAX;
    entry.uncompressed = u32::MAX;
    let bytes = build::archive(&[entry]);
    let archive = open(&bytes);
    let member = &archive.members()[0];
    assert_eq!(member.central().compressed_size, 3);
    assert_eq!(member.local().uncompressed_size, 3);
    assert_eq!(read(&archive, 0).expect("contents"), b"abc");
}

/// CPython's zipfile writes it for a stream with `force_zip64`.
#[test]
fn the_wide_descriptor_of_an_empty_member_is_not_cut_short() {
    for (signature, form) in [
        (&b"PK\x07\x08"[..], DescriptorForm::Signed64),
        (b"", DescriptorForm::Bare64),
    ] {
        let entry = Entry {
            after: [signature, &[0; 20]].concat(),
            ..Entry::stored("a", b"").streamed()
        };
        let bytes = build::archive(&[entry]);
        let archive = open(&bytes);
        assert_eq!(archive.members()[0].descriptor(), Some(form));
        assert!(archive.gaps().is_empty());
    }
}

#[test]
fn each_form_of_data_descriptor_is_told_apart() {
    let narrow = Entry::stored("a", b"abc").streamed();
    let wide = [
        &narrow.crc.to_le_bytes()[..],
        &3u64.to_le_bytes(),
        &3u64.to_le_bytes(),
    ]
    .concat();
    for (after, form) in [
        (narrow.after.clone(), DescriptorForm::Signed32),
        (narrow.after[4..].to_vec(), DescriptorForm::Bare32),
        (
            [b"PK\x07\x08", &wide[..]].concat(),
            DescriptorForm::Signed64,
        ),
        (wide, DescriptorForm::Bare64),
        (b"nothing".to_vec(), DescriptorForm::Unrecognised),
    ] {
        let entry = Entry {
            after,
            ..narrow.clone()
        };
        let bytes = build::archive(&[entry]);
        let archive = open(&bytes);
        assert_eq!(archive.members()[0].descriptor(), Some(form));
        assert_eq!(
            archive.gaps().is_empty(),
            form != DescriptorForm::Unrecognised
        );
    }
}

#[test]
fn two_central_directories_are_refused() {
    // The end record's offset leads to one directory, its size to another: a
    // reader that believes the offset sees "evil", zipfile sees "good".
    let evil = build::archive(&[Entry::stored("evil", b"")]);
    let good = build::archive(&[Entry::stored("good", b"")]);
    let (local, directory) = (34, 50);
    let mut bytes = evil[..local].to_vec();
    bytes.extend(&good[..local]);
    bytes.extend(&evil[local..local + directory]);
    bytes.extend(&good[local..]);
    let end = bytes.len() - 22;
    bytes[end + 16..end + 20].copy_from_slice(&68u32.to_le_bytes());
    let error = Archive::from_slice(&bytes, Limits::default()).expect_err("ambiguous");
    assert_eq!(
        error.to_string(),
        "the central directory is 100 bytes long at offset 68, the end record says 50 bytes"
    );
}

#[test]
fn a_member_without_local_header_or_with_data_outside_is_refused() {
    let mut bytes = build::archive(&[Entry::stored("a", b"abc")]);
    bytes[0] = b'X';
    let error = Archive::from_slice(&bytes, Limits::default()).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "member 'a' has no local header at offset 0"
    );
    let mut entry = Entry::stored("a", b"abc");
    entry.compressed = 10_000;
    let bytes = build::archive(&[entry]);
    let error = Archive::from_slice(&bytes, Limits::default()).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "the data of member 'a' reaches beyond the end of the archive"
    );
}

#[test]
fn each_limit_has_its_own_error() {
    let bytes = build::archive(&[Entry::stored("a", b"abc"), Entry::stored("b", b"abcd")]);
    let limits = |members, member_bytes, total_bytes| Limits {
        members,
        member_bytes,
        total_bytes,
        ..Limits::default()
    };
    assert!(Archive::from_slice(&bytes, limits(2, 4, 7)).is_ok());
    for (limits, sentence) in [
        (limits(1, 4, 7), "the archive has more than 1 members"),
        (
            limits(2, 3, 7),
            "member 'b' unpacks to 4 bytes, the limit is 3",
        ),
        (limits(2, 4, 6), "the members unpack to more than 6 bytes"),
    ] {
        let error = Archive::from_slice(&bytes, limits).expect_err("too much");
        assert_eq!(error.to_string(), sentence);
    }
    let archive = open(&bytes);
    assert!(matches!(
        archive.contents(&archive.members()[1], 3),
        Err(ZipError::LargerThanAsked {
            size: 4,
            limit: 3,
            ..
        })
    ));
}

/// A deflate stream of 1 GiB of zeros: one compressed MiB that refers to nothing
/// before it (flushed fully), 1024 times, and an empty last block.
fn gibibyte_of_zeros() -> Vec<u8> {
    use flate2::{Compress, Compression, FlushCompress};
    let mut compress = Compress::new(Compression::best(), false);
    let mut piece = Vec::with_capacity(1 << 16);
    compress
        .compress_vec(&vec![0; 1 << 20], &mut piece, FlushCompress::Full)
        .expect("compresses");
    let mut stream = piece.repeat(1024);
    stream.extend([0x03, 0x00]);
    stream
}

#[test]
fn a_bomb_is_stopped_by_the_limit_or_by_what_it_declares() {
    let data = gibibyte_of_zeros();
    assert!(data.len() < 4 << 20, "{}", data.len());
    let bomb = |declared| {
        let mut entry = Entry::stored("bomb", b"");
        entry.method = 8;
        entry.compressed = u32::try_from(data.len()).expect("small");
        entry.data = data.clone();
        entry.uncompressed = declared;
        build::archive(&[entry])
    };
    let limits = Limits {
        member_bytes: 1 << 20,
        ..Limits::default()
    };
    let honest = bomb(1 << 30);
    assert!(matches!(
        Archive::from_slice(&honest, limits),
        Err(ZipError::MemberTooLarge {
            declared: 0x4000_0000,
            limit: 0x10_0000,
            ..
        })
    ));
    // One that hides its size is stopped when it passes it, not at its end.
    let liar = bomb(1 << 20);
    let archive = Archive::from_slice(&liar, limits).expect("within the limits");
    let mut reader = archive.reader(&archive.members()[0]).expect("a reader");
    let mut taken = 0;
    let mut buffer = [0; 4096];
    let error = loop {
        match reader.read_piece(&mut buffer) {
            Ok(0) => panic!("the bomb passed"),
            Ok(count) => taken += count,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ZipError::LongerThanDeclared { .. }));
    assert_eq!(taken, 1 << 20);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), tail in any::<bool>()) {
        if tail {
            bytes.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x2e\0\0\0\0\0\0\0\0\0");
        }
        read_everything(&bytes);
    }

    #[test]
    fn contents_come_back_as_they_were_written(
        contents in prop::collection::vec(any::<u8>(), 0..5000),
        block in 1usize..6000,
        name in "[a-z/]{1,20}",
    ) {
        let bytes = build::archive(&[Entry::deflated(&name, &contents, block).streamed(), Entry::stored("s", &contents)]);
        let archive = open(&bytes);
        prop_assert_eq!(read(&archive, 0).expect("deflated"), contents.clone());
        prop_assert_eq!(read(&archive, 1).expect("stored"), contents);
        prop_assert!(archive.gaps().is_empty());
    }
}
