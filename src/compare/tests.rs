use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::archive::zip::build::{self, Entry};

/// Compares files with these bytes.
fn compare(published: &[u8], rebuilt: &[u8]) -> Comparison {
    compare_within(published, rebuilt, Limits::default())
}

fn compare_within(published: &[u8], rebuilt: &[u8], limits: Limits) -> Comparison {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = ["published.whl", "rebuilt.whl"].map(|name| directory.path().join(name));
    std::fs::write(&paths[0], published).expect("written");
    std::fs::write(&paths[1], rebuilt).expect("written");
    wheels(&paths[0], &paths[1], limits, &Cancel::new()).expect("readable files")
}

fn differences(published: &[u8], rebuilt: &[u8]) -> Vec<Difference> {
    match compare(published, rebuilt) {
        Comparison::Identical(_) => panic!("identical"),
        Comparison::Different(different) => different.differences,
    }
}

fn lines_of(differences: &[Difference]) -> Vec<String> {
    let line = |difference: &Difference| difference.line().render(str::to_owned);
    differences.iter().map(line).collect()
}

fn lines(published: &[Entry], rebuilt: &[Entry]) -> Vec<String> {
    lines_of(&differences(
        &build::archive(published),
        &build::archive(rebuilt),
    ))
}

/// A member with one thing changed.
fn with(mut entry: Entry, change: impl FnOnce(&mut Entry)) -> Entry {
    change(&mut entry);
    entry
}

fn six() -> Entry {
    Entry::deflated("six.py", b"import sys\n", 100)
}

#[test]
fn equal_files_are_identical_whatever_they_are() {
    for bytes in [build::archive(&[six()]), b"no archive".to_vec(), Vec::new()] {
        let Comparison::Identical(digested) = compare(&bytes, &bytes) else {
            panic!("different")
        };
        assert_eq!(digested.size, bytes.len() as u64);
    }
}

/// One line more in METADATA and its row in RECORD: what setuptools 57 changed.
/// The rows are by Python's hashlib and base64.
fn license_file_pair() -> [Vec<u8>; 2] {
    let old = "Metadata-Version: 2.1\nName: six\nVersion: 1.0\n\nA library.\n";
    let new =
        "Metadata-Version: 2.1\nName: six\nVersion: 1.0\nLicense-File: LICENSE\n\nA library.\n";
    [
        (
            old,
            "six-1.0.dist-info/METADATA,sha256=aSILTuJpA_HmLQA4WKtInPz7VfLNlz3UMN56Ucu35r4,57",
        ),
        (
            new,
            "six-1.0.dist-info/METADATA,sha256=GkS3PqBYDYkcCemF5VSEAvjo4wuKmI5rz2X4yXwGxdQ,79",
        ),
    ]
    .map(|(metadata, row)| {
        let record = format!("six.py,sha256=abc,11\n{row}\nsix-1.0.dist-info/RECORD,,\n");
        build::archive(&[
            six(),
            Entry::stored("six-1.0.dist-info/METADATA", metadata.as_bytes()),
            Entry::stored("six-1.0.dist-info/RECORD", record.as_bytes()),
        ])
    })
}

#[test]
fn a_changed_metadata_line_is_shown_and_record_follows() {
    let [published, rebuilt] = license_file_pair();
    let differences = differences(&published, &rebuilt);
    assert_eq!(
        lines_of(&differences),
        [
            "six-1.0.dist-info/METADATA: contents differ (57 → 79 bytes)",
            "six-1.0.dist-info/RECORD: contents differ (129 bytes)",
        ]
    );
    assert_eq!(differences[0].consequence, None);
    assert_eq!(
        differences[1].consequence,
        Some(Consequence::RecordFollowsMembers)
    );
    let Kind::Contents {
        diff: ContentDiff::Text { hunks, .. },
        ..
    } = &differences[0].kind
    else {
        panic!("text")
    };
    let changed: Vec<_> = hunks[0]
        .lines
        .iter()
        .filter(|line| line.side != LineSide::Both)
        .map(|line| (line.side, line.text.as_str()))
        .collect();
    assert_eq!(changed, [(LineSide::Rebuilt, "License-File: LICENSE")]);
}

#[test]
fn a_record_that_says_more_is_no_consequence() {
    let [published, _] = license_file_pair();
    let record = b"six.py,sha256=other,11\n";
    let rebuilt = build::archive(&[
        six(),
        Entry::stored("six-1.0.dist-info/METADATA", b"other"),
        Entry::stored("six-1.0.dist-info/RECORD", record),
    ]);
    let differences = differences(&published, &rebuilt);
    assert_eq!(differences.len(), 2);
    assert!(differences.iter().all(|d| d.consequence.is_none()));
}

#[test]
fn with_duplicates_record_is_no_consequence() {
    // RECORD has a true row for the last of two members with one name; which of
    // them it means nobody can tell.
    let archive = |contents: [&[u8]; 2], row: &str| {
        build::archive(&[
            Entry::stored("a", contents[0]),
            Entry::stored("a", contents[1]),
            Entry::stored("x-1.dist-info/RECORD", row.as_bytes()),
        ])
    };
    let abc = "a,sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3\n";
    let empty = "a,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n";
    let found = differences(&archive([b"1", b"abc"], abc), &archive([b"2", b""], empty));
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|d| d.consequence.is_none()));
    // Without the first two there is no doubt.
    let found = differences(&archive([b"1", b"abc"], abc), &archive([b"1", b""], empty));
    assert_eq!(
        found[1].consequence,
        Some(Consequence::RecordFollowsMembers)
    );
}

#[test]
fn the_report_has_this_shape() {
    let [published, rebuilt] = license_file_pair();
    let value = serde_json::to_value(compare(&published, &rebuilt)).expect("JSON");
    assert_eq!(value["outcome"], "different");
    assert_eq!(value["published"]["size"], published.len());
    assert_eq!(value["differences"][0]["layer"], "member");
    assert_eq!(value["differences"][0]["kind"], "contents");
    assert_eq!(
        value["differences"][0]["diff"],
        json!({
            "form": "text",
            "hunks": [{
                "published_start": 1, "published_lines": 5, "rebuilt_start": 1, "rebuilt_lines": 6,
                "lines": [
                    {"side": "both", "text": "Metadata-Version: 2.1"},
                    {"side": "both", "text": "Name: six"},
                    {"side": "both", "text": "Version: 1.0"},
                    {"side": "rebuilt", "text": "License-File: LICENSE"},
                    {"side": "both", "text": ""},
                    {"side": "both", "text": "A library."},
                ],
            }],
            "omitted_lines": 0,
        })
    );
    assert_eq!(
        value["differences"][1]["consequence"],
        "record-follows-members"
    );
    let late = with(six(), |e| e.time = 33);
    let value = differences(&build::archive(&[six()]), &build::archive(&[late]));
    assert_eq!(
        serde_json::to_value(value).expect("JSON"),
        json!([{
            "layer": "member", "member": "six.py", "kind": "time",
            "published": "1980-01-01 00:00:00", "rebuilt": "1980-01-01 00:01:02",
        }])
    );
}

#[test]
fn each_field_of_the_central_directory_has_its_line() {
    type Change = fn(&mut Entry);
    let cases: [(Change, &str); 13] = [
        (
            |e| e.time = 33,
            "time differs (1980-01-01 00:00:00 → 1980-01-01 00:01:02)",
        ),
        (
            |e| e.date = 0x5c21,
            "time differs (1980-01-01 00:00:00 → 2026-01-01 00:00:00)",
        ),
        (
            |e| e.external = 0o100_664 << 16,
            "mode differs (100644 → 100664)",
        ),
        (
            |e| e.external |= 0x10,
            "external attributes differ (0x0000 → 0x0010)",
        ),
        (
            |e| e.made_by = 0x0014,
            "creator system differs (Unix → MS-DOS)",
        ),
        (
            |e| e.made_by = 0x031e,
            "creator version differs (2.0 → 3.0)",
        ),
        (|e| e.needed = 45, "version needed differs (2.0 → 4.5)"),
        (|e| e.flags = 0x800, "flags differ (0x0000 → 0x0800)"),
        (
            |e| e.internal = 1,
            "internal attributes differ (0x0000 → 0x0001)",
        ),
        (
            |e| e.extra = b"UT\x01\0x".to_vec(),
            "extra fields differ (none → 5554010078)",
        ),
        (|e| e.comment = b"hi".to_vec(), "comment differs ( → hi)"),
        (
            |e| e.crc = 1,
            "declared CRC-32 differs (0x7187d904 → 0x00000001)",
        ),
        (|e| e.uncompressed = 7, "declared size differs (11 → 7)"),
    ];
    for (change, expected) in cases {
        let [published, rebuilt] = [vec![six()], vec![with(six(), change)]];
        assert_eq!(lines(&published, &rebuilt), [format!("six.py: {expected}")]);
    }
}

#[test]
fn attributes_of_other_systems_are_not_called_a_mode() {
    let dos = with(six(), |e| e.made_by = 0x0014);
    let other = with(dos.clone(), |e| e.external = 0x20);
    assert_eq!(
        lines(&[dos], &[other]),
        ["six.py: external attributes differ (0x81a40000 → 0x00000020)"]
    );
}

#[test]
fn a_local_header_that_differs_alone_has_its_line() {
    type Change = fn(&mut Entry);
    let cases: [(Change, &str); 8] = [
        (
            |e| e.local.name = Some(b"evil.p".to_vec()),
            "name in the local header differs (six.py → evil.p)",
        ),
        (
            |e| e.local.flags = Some(2),
            "flags in the local header differ (0x0000 → 0x0002)",
        ),
        (
            |e| e.local.method = Some(0),
            "compression method in the local header differs (deflate → stored)",
        ),
        (
            |e| e.local.time = Some(33),
            "time in the local header differs (1980-01-01 00:00:00 → 1980-01-01 00:01:02)",
        ),
        (
            |e| e.local.crc = Some(1),
            "CRC-32 in the local header differs (0x7187d904 → 0x00000001)",
        ),
        (
            |e| e.local.compressed = Some(0),
            "compressed size in the local header differs (16 → 0)",
        ),
        (
            |e| e.local.uncompressed = Some(1),
            "size in the local header differs (11 → 1)",
        ),
        (
            |e| e.local.extra = Some(b"xx\0\0".to_vec()),
            "extra fields of the local header differ (none → 78780000)",
        ),
    ];
    for (change, expected) in cases {
        let [published, rebuilt] = [vec![six()], vec![with(six(), change)]];
        assert_eq!(lines(&published, &rebuilt), [format!("six.py: {expected}")]);
    }
}

#[test]
fn a_streaming_writer_is_two_lines_and_not_six() {
    assert_eq!(
        lines(&[six()], &[six().streamed()]),
        [
            "six.py: flags differ (0x0000 → 0x0008)",
            "six.py: data descriptor differs (none → with signature, 32-bit sizes)",
        ]
    );
}

#[test]
fn equal_contents_in_other_bytes_are_compressed_differently() {
    let contents = b"import sys\n";
    let other = Entry::deflated("six.py", contents, 4);
    assert_eq!(
        lines(&[six()], std::slice::from_ref(&other)),
        ["six.py: compressed differently, same contents (16 → 26 bytes)"]
    );
    // Blocks of 3+8 and of 8+3 bytes: the same size.
    let sized = |sizes: [usize; 2]| {
        let mut data = build::stored_blocks(&contents[..sizes[0]], 20);
        data[0] = 0;
        data.extend(build::stored_blocks(&contents[sizes[0]..], 20));
        with(six(), |e| {
            e.compressed = u32::try_from(data.len()).expect("small");
            e.data = data;
        })
    };
    assert_eq!(
        lines(&[sized([3, 8])], &[sized([8, 3])]),
        ["six.py: compressed differently, same contents (21 bytes)"]
    );
    let stored = Entry::stored("six.py", contents);
    assert_eq!(
        lines(&[stored], &[six()]),
        ["six.py: compression method differs (stored → deflate)"]
    );
}

#[test]
fn members_of_one_side_come_before_members_of_both() {
    let [a, b, c] = ["a", "b", "c"].map(|name| Entry::stored(name, b"x"));
    let changed = with(a.clone(), |e| e.time = 33);
    let published = build::archive(&[a, b]);
    let rebuilt = build::archive(&[c, changed]);
    let found = differences(&published, &rebuilt);
    assert_eq!(
        lines_of(&found),
        [
            "b: only in the published wheel (1 byte)",
            "c: only in the rebuilt wheel (1 byte)",
            "a: time differs (1980-01-01 00:00:00 → 1980-01-01 00:01:02)",
        ]
    );
    let many: Vec<_> = (0..50)
        .map(|n| Entry::stored(&n.to_string(), b"x"))
        .collect();
    let expected: Vec<_> = (0..50)
        .map(|n| format!("{n}: only in the rebuilt wheel (1 byte)"))
        .collect();
    assert_eq!(lines(&[], &many), expected);
    let layers: Vec<_> = found.iter().map(|d| d.layer).collect();
    assert_eq!(layers, [Layer::Members, Layer::Members, Layer::Member]);
}

#[test]
fn duplicates_are_compared_in_their_order() {
    let one = Entry::stored("a", b"one");
    let two = Entry::stored("a", b"two");
    assert_eq!(
        lines(&[one.clone(), two.clone()], &[one.clone(), one.clone()]),
        ["a (number 2 of this name): contents differ (3 bytes)"]
    );
    assert_eq!(
        lines(&[one.clone(), two], &[one]),
        ["a (number 2 of this name): only in the published wheel (3 bytes)"]
    );
}

#[test]
fn another_order_names_the_first_members_that_part() {
    let [a, b, c] = ["a", "b", "c"].map(|name| Entry::stored(name, b"x"));
    let found = differences(
        &build::archive(&[a.clone(), b.clone(), c.clone()]),
        &build::archive(&[a.clone(), c, b]),
    );
    assert_eq!(lines_of(&found), ["members are in another order (b → c)"]);
    assert!(matches!(
        found[0].kind,
        Kind::MemberOrder {
            order: Order::Directory,
            position: 1,
            ..
        }
    ));
    assert_eq!(found[0].layer, Layer::Container);
    // A member that one side lacks moves nothing.
    assert_eq!(
        lines(&[Entry::stored("new", b""), a.clone()], &[a]),
        ["new: only in the published wheel (0 bytes)"]
    );
}

#[test]
fn data_in_another_order_under_the_same_directory_is_told() {
    let [a, b] = ["a", "b"].map(|name| Entry::stored(name, b"x"));
    let published = build::archive(&[a.clone(), b.clone()]);
    // The same two local records swapped, and the offsets with them.
    let mut rebuilt = published.clone();
    rebuilt[..32].copy_from_slice(&published[32..64]);
    rebuilt[32..64].copy_from_slice(&published[..32]);
    rebuilt[64 + 42] = 32;
    rebuilt[64 + 47 + 42] = 0;
    assert_eq!(
        lines_of(&differences(&published, &rebuilt)),
        ["the data of the members is in another order (a → b)"]
    );
}

#[test]
fn bytes_outside_the_members_are_told_by_their_place() {
    let plain = build::archive(&[six()]);
    let mut trailing = plain.clone();
    trailing.push(0);
    for (rebuilt, expected) in [
        (
            build::archive_with(&[six()], b"", b"bye"),
            "archive comment differs ( → bye)",
        ),
        (
            build::archive_with(&[six()], b"#!", b""),
            "bytes before the first record differ (0 → 2 bytes)",
        ),
        (
            build::archive(&[with(six(), |e| e.after = b"pad".to_vec())]),
            "bytes between the records differ (0 → 3 bytes)",
        ),
        (
            trailing,
            "bytes behind the last record differ (0 → 1 bytes)",
        ),
    ] {
        assert_eq!(lines_of(&differences(&plain, &rebuilt)), [expected]);
    }
    let [one, two] = [b"#!a", b"#!b"].map(|prefix| build::archive_with(&[six()], prefix, b""));
    assert_eq!(
        lines_of(&differences(&one, &two)),
        ["bytes before the first record differ (3 bytes)"]
    );
}

#[test]
fn a_byte_that_nothing_explains_is_still_a_difference() {
    let published = build::archive(&[six()]);
    let mut rebuilt = published.clone();
    // The number of members in the end record, which readers ignore.
    let at = published.len() - 12;
    rebuilt[at] = 9;
    assert_eq!(
        lines_of(&differences(&published, &rebuilt)),
        [format!(
            "the files differ outside everything that is compared (first at offset {at})"
        )]
    );
}

#[test]
fn contents_that_cannot_be_read_are_told_with_the_reason() {
    let wrong = with(Entry::deflated("six.py", b"import os\n", 100), |e| {
        e.crc = 1
    });
    let found = lines(&[six()], std::slice::from_ref(&wrong));
    assert_eq!(
        found[0],
        "six.py: data differs and cannot be unpacked \
         (11 bytes → member 'six.py' has CRC-32 ff3c866e, it declares 00000001)"
    );
    let mut locked = six();
    locked.flags = 1;
    locked.data[5] = b'X';
    assert_eq!(
        lines(&[six()], std::slice::from_ref(&locked))[0],
        "six.py: data differs and cannot be unpacked (11 bytes → member 'six.py' is encrypted)"
    );
    assert_eq!(
        lines(&[], &[locked]),
        ["six.py: only in the rebuilt wheel (member 'six.py' is encrypted)"]
    );
}

#[test]
fn every_truncation_is_a_difference_that_says_which_file_is_cut() {
    let whole = build::archive(&[six(), six().streamed()]);
    for length in 0..whole.len() {
        let found = differences(&whole, &whole[..length]);
        let [
            Difference {
                kind: Kind::UnreadableArchive(sides),
                ..
            },
        ] = found.as_slice()
        else {
            panic!("{length}: {found:?}")
        };
        assert!(sides.published.is_none() && sides.rebuilt.is_some());
        assert!(lines_of(&found)[0].starts_with("the rebuilt file cannot be looked into ("));
    }
    assert_eq!(
        lines_of(&differences(b"a", b"b")),
        ["neither file can be looked into \
          (this is not a ZIP archive: it has no end of central directory record)"]
    );
}

#[test]
fn an_archive_beyond_the_limits_is_different_and_not_looked_into() {
    let limits = Limits {
        member_bytes: 10,
        ..Limits::default()
    };
    let small = Entry::stored("six.py", b"");
    let bytes = [&small, &six()].map(|entry| build::archive(std::slice::from_ref(entry)));
    let Comparison::Different(different) = compare_within(&bytes[0], &bytes[1], limits) else {
        panic!("identical")
    };
    assert_eq!(
        lines_of(&different.differences),
        ["the rebuilt file cannot be looked into \
          (member 'six.py' unpacks to 11 bytes, the limit is 10)"]
    );
}

#[test]
fn large_or_binary_contents_have_no_lines() {
    let large = |letter: &str| Entry::stored("a", letter.repeat(300_000).as_bytes());
    for (published, rebuilt, expected) in [
        (large("a"), large("b"), ContentDiff::TooLarge),
        (
            Entry::stored("a", b"\0"),
            Entry::stored("a", b"text"),
            ContentDiff::Binary,
        ),
    ] {
        let found = differences(&build::archive(&[published]), &build::archive(&[rebuilt]));
        assert!(matches!(&found[0].kind, Kind::Contents { diff, .. } if *diff == expected));
    }
}

#[test]
fn names_that_are_not_utf8_are_compared_as_bytes() {
    let entry = |name: &[u8]| with(Entry::stored("", b""), |e| e.name = name.to_vec());
    assert_eq!(
        lines(&[entry(b"\xff")], &[entry(b"\xfe")]),
        [
            "\\xff: only in the published wheel (0 bytes)",
            "\\xfe: only in the rebuilt wheel (0 bytes)",
        ]
    );
}

#[test]
fn thousands_of_members_that_all_differ_are_all_listed() {
    let members = |time, contents: &[u8]| -> Vec<Entry> {
        (0..20_000)
            .map(|n| {
                with(Entry::stored(&format!("{n}.py"), contents), |e| {
                    e.time = time
                })
            })
            .collect()
    };
    let published = build::archive(&members(0, b"a\n"));
    let rebuilt = build::archive(&members(33, b"b\n"));
    let found = differences(&published, &rebuilt);
    assert_eq!(found.len(), 40_000);
    // The texts shown end where the budget does.
    let json = serde_json::to_string(&found).expect("JSON");
    assert!(json.len() < 20_000_000, "{}", json.len());
}

#[test]
fn what_is_not_a_file_is_an_error_and_so_is_an_interruption() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("a.whl");
    std::fs::write(&file, build::archive(&[six()])).expect("written");
    let compare = |published: &Path, cancel: &Cancel| {
        wheels(published, &file, Limits::default(), cancel).expect_err("an error")
    };
    let cancel = Cancel::new();
    let missing = directory.path().join("missing.whl");
    for path in [&missing, directory.path()] {
        let error = compare(path, &cancel);
        assert!(
            matches!(&error, CompareError::Open { path: p, .. } if p == path),
            "{error}"
        );
        assert!(!error.advice().is_empty());
    }
    cancel.request();
    assert!(matches!(compare(&file, &cancel), CompareError::Interrupted));
}

proptest! {
    // Whatever is changed, the list says something, names nothing else than the
    // two files can hold, and is as long from the other side.
    #[test]
    fn any_change_of_any_byte_is_a_difference(at in any::<prop::sample::Index>(), value in 1u8..) {
        let [published, _] = license_file_pair();
        let mut rebuilt = published.clone();
        let at = at.index(rebuilt.len());
        rebuilt[at] ^= value;
        let forth = differences(&published, &rebuilt);
        let back = differences(&rebuilt, &published);
        prop_assert!(!forth.is_empty());
        prop_assert_eq!(forth.len(), back.len());
        prop_assert!(serde_json::to_string(&forth).is_ok());
        prop_assert!(forth.is_sorted_by_key(|difference| difference.layer));
    }

    #[test]
    fn no_bytes_make_the_comparison_panic(
        published in prop::collection::vec(any::<u8>(), 0..100),
        rebuilt in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        prop_assert_eq!(
            matches!(compare(&published, &rebuilt), Comparison::Identical(_)),
            published == rebuilt
        );
    }
}
