use std::path::PathBuf;

use super::*;
use crate::archive::zip::build::{Entry, archive, archive_with};

/// A wheel in a file of its own.
struct Wheel {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Wheel {
    fn new(bytes: &[u8]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.whl");
        std::fs::write(&path, bytes).expect("writes");
        Self {
            _directory: directory,
            path,
        }
    }
}

fn search(published: &[u8], rebuilt: &[u8]) -> Search {
    let (published, rebuilt) = (Wheel::new(published), Wheel::new(rebuilt));
    find(
        &published.path,
        &rebuilt.path,
        Limits::default(),
        &Cancel::new(),
    )
    .expect("both can be read")
}

#[track_caller]
fn found(published: &[u8], rebuilt: &[u8]) -> Witness {
    match search(published, rebuilt) {
        Search::Found(witness) => *witness,
        Search::None(reason) => panic!("{reason}"),
    }
}

#[track_caller]
fn none(published: &[u8], rebuilt: &[u8]) -> String {
    match search(published, rebuilt) {
        Search::Found(witness) => panic!("{witness:?}"),
        Search::None(reason) => reason.to_string(),
    }
}

fn two() -> Vec<Entry> {
    vec![Entry::stored("a", b"alpha"), Entry::stored("b", b"beta")]
}

#[test]
fn each_change_of_the_container_has_its_edit() {
    let plain = archive(&two());
    let changed = |change: fn(&mut Entry)| {
        let mut entries = two();
        change(&mut entries[1]);
        archive(&entries)
    };
    for (published, edit) in [
        (
            changed(|entry| (entry.date, entry.time) = (0x4821, 0xbf7d)),
            r#"{"edit":"set-time","time":"2016-01-01 23:59:58","members":["b"]}"#,
        ),
        (
            changed(|entry| entry.external = 0o100_755 << 16),
            r#"{"edit":"set-mode","mode":"100755","members":["b"]}"#,
        ),
        (
            changed(|entry| entry.external |= 0x20),
            r#"{"edit":"set-dos-attributes","value":32,"members":["b"]}"#,
        ),
        (
            changed(|entry| entry.internal = 1),
            r#"{"edit":"set-internal-attributes","value":1,"members":["b"]}"#,
        ),
        (
            changed(|entry| entry.made_by = 0x003f),
            r#"{"edit":"set-creator","system":0,"version":63,"members":["b"]}"#,
        ),
        (
            changed(|entry| entry.needed = 10),
            r#"{"edit":"set-version-needed","value":10,"members":["b"]}"#,
        ),
        (
            changed(|entry| entry.flags = 0x0802),
            r#"{"edit":"set-flags","value":2050,"members":["b"]}"#,
        ),
        (
            changed(|entry| entry.comment = b"hm".to_vec()),
            r#"{"edit":"set-comment","bytes":"686d","members":["b"]}"#,
        ),
        (
            changed(|entry| {
                entry.local.extra = Some(Vec::new());
                entry.extra = b"UT\x01\0\x07".to_vec();
            }),
            r#"{"edit":"set-central-extra","bytes":"5554010007","members":["b"]}"#,
        ),
        (
            changed(|entry| entry.local.extra = Some(b"UT\x01\0\x07".to_vec())),
            r#"{"edit":"set-local-extra","bytes":"5554010007","members":["b"]}"#,
        ),
        (
            archive(&[two().remove(1), two().remove(0)]),
            r#"{"edit":"set-order","directory":["b","a"]}"#,
        ),
        (
            archive_with(&two(), b"#!", b""),
            r#"{"edit":"set-prefix","bytes":"2321"}"#,
        ),
        (
            archive_with(&two(), b"", b"hm"),
            r#"{"edit":"set-archive-comment","bytes":"686d"}"#,
        ),
    ] {
        let witness = found(&published, &plain);
        let edit: Edit = serde_json::from_str(edit).expect("an edit");
        assert_eq!(witness.edits, [edit]);
        assert_eq!(witness.published.sha256, Sha256Digest::of(&published));
        assert_eq!(witness.rebuilt.sha256, Sha256Digest::of(&plain));
        // And back again.
        assert_eq!(found(&plain, &published).edits.len(), 1);
    }
}

#[test]
fn a_stream_has_its_flag_its_sizes_and_its_descriptor() {
    let [a, b] = [two().remove(0), two().remove(1)];
    let witness = found(
        &archive(&[a.clone(), b.clone().streamed()]),
        &archive(&[a, b]),
    );
    let text = witness.canonical().expect("JSON");
    for part in [
        r#"{"edit":"set-flags","members":["b"],"value":8}"#,
        r#"{"edit":"set-local-sizes","form":"deferred","members":["b"]}"#,
        r#"{"edit":"set-descriptor","form":"signed32","members":["b"]}"#,
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(witness.edits.len(), 3);
}

#[test]
fn equal_wheels_need_no_edit() {
    let plain = archive(&two());
    assert_eq!(found(&plain, &plain).edits, []);
}

/// Stored blocks of five bytes are what no setting of zlib writes.
#[test]
fn the_stream_of_another_compressor_is_taken_and_counted() {
    let contents = b"alpha beta gamma alpha beta gamma";
    let published = archive(&[Entry::deflated("a", contents, 5)]);
    let rebuilt = archive(&[Entry::stored("a", contents)]);
    let witness = found(&published, &rebuilt);
    // Seven blocks with five bytes of header each.
    assert_eq!(witness.taken_bytes(), 33 + 7 * 5);
    let sentences = witness.sentences().join("\n");
    assert!(
        sentences.contains("taken from the published wheel, 68 bytes"),
        "{sentences}"
    );
    let reported = witness.reported().expect("JSON");
    assert_eq!(reported[0]["size"], 68);
    assert_eq!(reported[0].get("stream"), None);
}

#[test]
fn contents_are_never_edited() {
    let plain = archive(&two());
    let other = [Entry::stored("a", b"alpha"), Entry::stored("b", b"Beta")];
    assert_eq!(
        none(&archive(&other), &plain),
        "the contents differ, first in member 'b'"
    );
    assert_eq!(
        none(&archive(&other[..1]), &plain),
        "the contents differ, first in member 'b'"
    );
    let mut more = two();
    more.push(Entry::stored("c", b""));
    assert_eq!(
        none(&archive(&more), &plain),
        "the contents differ, first in member 'c'"
    );
    // The same CRC-32 and size, other bytes: a forger can do that.
    let mut forged = two();
    forged[1].data = b"BETA".to_vec();
    let reason = none(&archive(&forged), &plain);
    assert!(reason.contains("CRC-32"), "{reason}");
}

#[test]
fn what_a_reader_would_see_differently_has_no_witness() {
    let plain = archive(&two());
    let changed = |change: fn(&mut Entry)| {
        let mut entries = two();
        change(&mut entries[1]);
        archive(&entries)
    };
    for (published, why) in [
        (
            changed(|entry| entry.external = 0o120_777 << 16),
            "the file type in its mode",
        ),
        (
            changed(|entry| entry.external |= 0x10),
            "the attribute of a directory",
        ),
        (
            changed(|entry| entry.flags = 1 << 4),
            "flags beyond bits 1, 2, 3 and 11",
        ),
        (
            changed(|entry| entry.extra = b"\x75\x70\x05\0\x01abcd".to_vec()),
            "another name, size or encryption",
        ),
        (changed(|entry| entry.flags = 1), "is encrypted or a patch"),
        (
            changed(|entry| entry.after = b"hidden".to_vec()),
            "bytes between its records",
        ),
        (
            changed(|entry| entry.local.time = Some(7)),
            "the two headers of member 'b' disagree on its time",
        ),
        (
            changed(|entry| entry.name = b"a".to_vec()),
            "two members are named 'a'",
        ),
        (
            changed(|entry| entry.name = b"\xff".to_vec()),
            "the name of member '\\xff' is not UTF-8",
        ),
        ([&plain[..], b"behind"].concat(), "behind its end record"),
        (b"no archive".to_vec(), "this is not a ZIP archive"),
    ] {
        let reason = none(&published, &plain);
        assert!(reason.contains(why), "{reason} lacks {why}");
    }
    let mut umlaut = two();
    umlaut[1].name = "ü".into();
    let before = archive(&umlaut);
    umlaut[1].flags = 0x0800;
    let reason = none(&archive(&umlaut), &before);
    assert!(reason.contains("the encoding of its name"), "{reason}");
}

/// A witness about the plain wheel with the edits given as JSON.
fn written(edits: &str) -> Result<Witness, WitnessError> {
    let plain = archive(&two());
    let digest = Sha256Digest::of(&plain);
    let size = plain.len();
    Witness::parse(
        format!(
            r#"{{"schema":"wheelproof.witness/1","rebuilt":{{"size":{size},"sha256":"{digest}"}},
            "published":{{"size":1,"sha256":"{digest}"}},"edits":[{edits}]}}"#
        )
        .as_bytes(),
    )
}

#[test]
fn edits_that_do_not_hold_are_told_one_by_one() {
    let plain = Wheel::new(&archive(&two()));
    let order = |names: &str| format!(r#"{{"edit":"set-order","directory":[{names}]}}"#);
    let mode = r#"{"edit":"set-mode","mode":"100600","members":["a"]}"#;
    let store = r#"{"edit":"store","members":["a"]}"#;
    let deflate =
        r#"{"edit":"deflate","level":6,"strategy":"default","memory_level":8,"members":["a"]}"#;
    for (edits, message) in [
        (
            r#"{"edit":"store","members":["no\nsuch"]}"#.to_owned(),
            "edit 1 names 'no\\nsuch', and the rebuilt wheel has no such member",
        ),
        (
            format!("{mode},{mode}"),
            "edit 2 sets something of member 'a' that is already set",
        ),
        (
            format!("{store},{deflate}"),
            "edit 2 sets something of member 'a' that is already set",
        ),
        (
            r#"{"edit":"store","members":["a","a"]}"#.to_owned(),
            "edit 1 sets something of member 'a' that is already set",
        ),
        (
            r#"{"edit":"set-prefix","bytes":""},{"edit":"set-prefix","bytes":""}"#.to_owned(),
            "edit 2 sets a prefix that is already set",
        ),
        (
            order(r#""a""#),
            "edit 1 has an order that does not name every member exactly once",
        ),
        (
            order(r#""a","a""#),
            "edit 1 has an order that does not name every member exactly once",
        ),
        (
            order(r#""a","b","c""#),
            "edit 1 names 'c', and the rebuilt wheel has no such member",
        ),
        (
            deflate.replace(":6", ":0"),
            "edit 1 has a value out of range: zlib has levels 1 to 9 and, here, memory levels 8 and 9",
        ),
        (
            deflate.replace(":8", ":200"),
            "edit 1 has a value out of range: zlib has levels 1 to 9 and, here, memory levels 8 and 9",
        ),
        (
            r#"{"edit":"set-mode","mode":"120777","members":["a"]}"#.to_owned(),
            "the edits change what readers see in member 'a': the file type in its mode",
        ),
        (
            r#"{"edit":"set-descriptor","form":"bare32","members":["a"]}"#.to_owned(),
            "the edits change what readers see in member 'a': a data descriptor without its flag, or the flag without one",
        ),
        (
            // Deflate, empty contents.
            r#"{"edit":"set-compressed-stream","member":"a","stream":"AwA="}"#.to_owned(),
            "the stream for member 'a' does not unpack to the contents of that member",
        ),
        (
            r#"{"edit":"set-compressed-stream","member":"a","stream":"YWxwaGE="}"#.to_owned(),
            "the stream for member 'a' does not unpack to the contents of that member",
        ),
        (
            format!(
                r#"{{"edit":"set-archive-comment","bytes":"{}"}}"#,
                "00".repeat(65_536)
            ),
            "edit 1 has a value out of range: a comment of more than 65535 bytes",
        ),
        (String::new(), "the edits do not give the published wheel"),
    ] {
        let witness = written(&edits).expect("in form");
        let error = check(
            &plain.path,
            &witness,
            None,
            Limits::default(),
            &Cancel::new(),
        )
        .expect_err("it does not hold");
        assert_eq!(error.to_string(), message);
        assert!(error.refutes());
    }
}

#[test]
fn a_stream_with_anything_behind_its_end_is_refused() {
    let whole = crate::archive::zip::build::stored_blocks(b"alpha", 9);
    let padded = [&whole[..], b"\0"].concat();
    let cut = &whole[..whole.len() - 1];
    let plain = Wheel::new(&archive(&two()));
    for (stream, holds) in [(&whole[..], true), (&padded, false), (cut, false)] {
        let edit = serde_json::to_string(&Edit::SetCompressedStream {
            member: "a".to_owned(),
            stream: Base64(stream.to_vec()),
        })
        .expect("JSON");
        let witness = written(&edit).expect("in form");
        let applied = apply(
            &plain.path,
            &witness,
            Limits::default(),
            &mut Vec::new(),
            &Cancel::new(),
        );
        assert_eq!(applied.is_ok(), holds, "{applied:?}");
    }
}

#[test]
fn what_is_no_witness_says_so() {
    for (text, message) in [
        ("", "EOF"),
        ("[]", "invalid"),
        ("{}", "missing field `schema`"),
        (
            r#"{"schema":"wheelproof.witness/2"}"#,
            "wheelproof.witness/1 is the one that is read",
        ),
        (r#"{"schema":"wheelproof.witness/1"}"#, "missing field"),
    ] {
        let error = Witness::parse(text.as_bytes()).expect_err("no witness");
        assert!(error.to_string().contains(message), "{error}");
        assert!(!error.refutes());
    }
    for edit in [
        r#"{"edit":"set-name","name":"b","members":["a"]}"#,
        r#"{"edit":"set-mode","mode":"644","members":["a"]}"#,
        r#"{"edit":"set-mode","mode":"100644"}"#,
        r#"{"edit":"set-mode","mode":"100644","mode":"100600","members":["a"]}"#,
        r#"{"edit":"set-mode","mode":"100644","members":["a"],"more":1}"#,
        r#"{"edit":"set-creator","system":256,"version":0,"members":["a"]}"#,
        r#"{"edit":"set-flags","value":65536,"members":["a"]}"#,
        r#"{"edit":"set-flags","value":-1,"members":["a"]}"#,
        r#"{"edit":"set-time","time":"2016-01-01T00:00:00Z","members":["a"]}"#,
    ] {
        let error = written(edit).expect_err("no edit");
        assert!(!error.refutes(), "{edit}");
    }
    let many = format!("[{}]", "0,".repeat(MAX_VALUES + 1));
    let error = Witness::parse(many.as_bytes()).expect_err("too much");
    assert!(error.to_string().contains("more than"), "{error}");
}

#[test]
fn the_canonical_form_has_sorted_keys_and_no_spaces() {
    let witness = written(r#"{"edit":"set-mode", "mode":"100600", "members":["a"]}"#);
    let text = witness.expect("in form").canonical().expect("JSON");
    assert!(
        text.starts_with(r#"{"edits":[{"edit":"set-mode","members":["a"],"mode":"100600"}],"published":{"sha256":""#),
        "{text}"
    );
    assert!(
        text.ends_with("\"schema\":\"wheelproof.witness/1\"}\n"),
        "{text}"
    );
    let again = Witness::parse(text.as_bytes()).expect("in form");
    assert_eq!(again.canonical().expect("JSON"), text);
}
