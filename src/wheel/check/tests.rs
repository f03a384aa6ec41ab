use std::io::Write as _;

use proptest::prelude::*;

use super::FaultKind as K;
use super::*;
use crate::archive::FaultKind as A;
use crate::archive::zip::build::{self, Entry};

const NAME: &str = "six-1.0-py2.py3-none-any.whl";
const METADATA: &str = "Metadata-Version: 2.1\nName: six\nVersion: 1.0\n";
const WHEEL: &str =
    "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n";

fn faults_of(name: &str, bytes: &[u8], limits: Limits) -> Vec<Fault<FaultKind>> {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("written");
    let name = WheelFilename::parse(name).expect("a wheel name");
    check(file, &name, limits, &Cancel::new(), &|_| {}).expect("readable")
}

fn kinds_of(name: &str, bytes: &[u8]) -> Vec<FaultKind> {
    let faults = faults_of(name, bytes, Limits::default());
    faults.into_iter().map(|fault| fault.kind).collect()
}

/// A wheel in which everything is well, part by part.
struct Parts {
    entries: Vec<Entry>,
    metadata: String,
    wheel: String,
    /// Rows of RECORD before those of the entries.
    rows: String,
    /// Members that get no row.
    unlisted: Vec<&'static str>,
    dist_info: &'static str,
    /// Bytes in place of RECORD.
    record: Option<Vec<u8>>,
}

impl Parts {
    fn new() -> Self {
        Self {
            entries: vec![
                Entry::stored("six.py", b"import sys\n"),
                Entry::deflated("pkg/a,b.py", b"abc", 2).streamed(),
                Entry::stored("pkg/empty/", b""),
            ],
            metadata: METADATA.to_owned(),
            wheel: WHEEL.to_owned(),
            rows: String::new(),
            unlisted: Vec::new(),
            dist_info: "six-1.0.dist-info",
            record: None,
        }
    }

    fn with(entry: Entry) -> Self {
        let mut parts = Self::new();
        parts.entries.push(entry);
        parts
    }

    /// Returns the members; RECORD is written from what they declare.
    fn members(&self) -> Vec<Entry> {
        let mut members = self.entries.clone();
        let own = |file: &str| format!("{}/{file}", self.dist_info);
        members.push(Entry::stored(&own("METADATA"), self.metadata.as_bytes()));
        members.push(Entry::stored(&own("WHEEL"), self.wheel.as_bytes()));
        let mut record = self.rows.clone();
        for entry in &members {
            let name = String::from_utf8_lossy(&entry.name);
            if name.ends_with('/') || self.unlisted.contains(&&*name) {
                continue;
            }
            let contents = contents(entry);
            let mut hasher = crate::digest::Algorithm::Sha256.hasher();
            hasher.update(&contents);
            let digest = base64(&hasher.finish());
            record += &format!("\"{name}\",sha256={digest},{}\r\n", contents.len());
        }
        record += &format!("{},,\r\n", own("RECORD"));
        let record = self.record.clone().unwrap_or(record.into_bytes());
        members.push(Entry::stored(&own("RECORD"), &record));
        members
    }

    fn kinds(&self) -> Vec<FaultKind> {
        kinds_of(NAME, &build::archive(&self.members()))
    }
}

/// What a stored member, or one in stored blocks of two bytes, holds.
fn contents(entry: &Entry) -> Vec<u8> {
    if entry.method != 8 {
        return entry.data.clone();
    }
    let mut rest = entry.data.as_slice();
    let mut contents = Vec::new();
    while rest.len() > 5 {
        let size = usize::from(rest[1]);
        contents.extend(&rest[5..5 + size]);
        rest = &rest[5 + size..];
    }
    contents
}

/// The digest of "abc" by hashlib, as RECORD writes it.
const ABC: &str = "sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
const ABC_512: &str =
    "sha512=3a81oZNherrMQXNJriBBMRLm-k6JqX6iCp7u5ktV05ohkpkqJ0_BqDa6PCOj_uu9RU1EI2Q86A4qmslPpUyknw";
const ABC_384: &str = "sha384=ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP_W-2AhgcroefMI1i67KE0yCWn";
/// The same by MD5 and SHA-1.
const ABC_MD5: &str = "md5=kAFQmDzST7DWlj99KOF_cg";
const ABC_SHA1: &str = "sha1=qZk-NkcGgWq6PiVxeFDCbJzQ2J0";

#[test]
fn a_wheel_in_which_everything_is_well_has_no_fault() {
    assert_eq!(Parts::new().kinds(), []);
}

#[test]
fn what_record_says_has_to_be_true() {
    for (row, expected) in [
        (format!("{ABC},3"), None),
        (format!("{ABC}=,3"), None),
        (format!("{ABC},"), None),
        (format!("{ABC_384},3"), None),
        (format!("{ABC_512},3"), None),
        (format!("{ABC},4"), Some(K::RecordMismatch)),
        (format!("{ABC},three"), Some(K::RecordMismatch)),
        (format!("{ABC}A,3"), Some(K::RecordMismatch)),
        (format!("{},3", ABC.to_lowercase()), Some(K::RecordMismatch)),
        ("sha512=AA,3".to_owned(), Some(K::RecordMismatch)),
        (format!("{ABC_MD5},3"), Some(K::RecordWeakHash)),
        (format!("{ABC_SHA1},3"), Some(K::RecordWeakHash)),
        (",3".to_owned(), Some(K::RecordWeakHash)),
        (",".to_owned(), Some(K::RecordWeakHash)),
        ("SHA256=x,3".to_owned(), Some(K::RecordWeakHash)),
    ] {
        let mut parts = Parts::with(Entry::stored("x.py", b"abc"));
        parts.unlisted.push("x.py");
        parts.rows = format!("x.py,{row}\n");
        assert_eq!(parts.kinds(), Vec::from_iter(expected), "{row}");
    }
}

#[test]
fn record_lists_every_member_once_and_nothing_else() {
    let mut parts = Parts::with(Entry::stored("x.py", b"abc"));
    parts.unlisted.push("x.py");
    assert_eq!(parts.kinds(), [K::RecordUnlisted]);
    parts.rows = format!("x.py,{ABC},3\nx.py,{ABC},3\n");
    assert_eq!(parts.kinds(), [K::RecordRepeatedAlike]);
    parts.rows = format!("x.py,{ABC},3\nx.py,,\n");
    assert_eq!(parts.kinds(), [K::RecordRepeated]);
    parts.rows = format!("x.py,{ABC},3\ny.py,{ABC},3\n");
    assert_eq!(parts.kinds(), [K::RecordMissing]);
    // Nobody resolves a path that climbs.
    parts.rows = format!("a/../x.py,{ABC},3\n");
    assert_eq!(parts.kinds(), [K::RecordMissing, K::RecordUnlisted]);
    for row in [
        format!("x.py,{ABC}\n"),
        format!("x.py,{ABC},3,4\n"),
        "\"x.py\n".to_owned(),
    ] {
        parts.rows = row;
        assert!(parts.kinds().contains(&K::RecordMalformed));
    }
    let mut parts = Parts::new();
    parts.record = Some(b"\xff,,\n".to_vec());
    assert_eq!(parts.kinds(), [K::RecordMalformed]);
}

/// The digest of "abc" by sha256sum.
const ABC_HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn a_right_row_in_another_form_is_told_once_for_the_wheel_and_blames_nobody() {
    let hexadecimal = format!("sha256={ABC_HEX}");
    for (rows, expected) in [
        (format!("x.py,{hexadecimal},3\n"), vec![K::RecordHexDigest]),
        (
            format!(
                "x.py,{},3\n",
                hexadecimal.to_uppercase().replace("SHA", "sha")
            ),
            vec![K::RecordHexDigest],
        ),
        (format!("/x.py,{ABC},3\n"), vec![K::RecordPathAbsolute]),
        (format!("//x.py,{ABC},3\n"), vec![K::RecordPathAbsolute]),
        (format!("\\x.py,{ABC},3\n"), vec![K::RecordPathAbsolute]),
        (format!("./x.py,{ABC},3\n"), vec![K::RecordPathForm]),
        (format!("x.py,{ABC},3\n\n\n"), vec![K::RecordBlankLine]),
        (format!("pkg/,,\nx.py,{ABC},3\n"), vec![K::RecordDirectory]),
        (
            format!("pkg,,\n./pkg/empty,,\npkg/empty/,,\nx.py,{ABC},3\n"),
            vec![K::RecordDirectory],
        ),
        (
            format!("/x.py,{hexadecimal},3\n"),
            vec![K::RecordPathAbsolute, K::RecordHexDigest],
        ),
        (format!("other/,,\nx.py,{ABC},3\n"), vec![K::RecordMissing]),
        // A digest that is not the member's stays a mismatch, however it is written.
        (
            format!("x.py,{},3\n", hexadecimal.replace("ba78", "ba79")),
            vec![K::RecordMismatch],
        ),
        (
            format!("/x.py,{ABC}A,3\n"),
            vec![K::RecordPathAbsolute, K::RecordMismatch],
        ),
        (
            format!("x.py,{},3\n", &hexadecimal[..hexadecimal.len() - 1]),
            vec![K::RecordMismatch],
        ),
    ] {
        let mut parts = Parts::with(Entry::stored("x.py", b"abc"));
        parts.unlisted.push("x.py");
        parts.rows = rows;
        assert_eq!(parts.kinds(), expected, "{}", parts.rows);
    }
    let mut parts = Parts::with(Entry::stored("a/x,y=1.py", b"abc"));
    parts.unlisted.push("a/x,y=1.py");
    parts.rows = format!("a\\x,y=1.py,{ABC},3\n");
    assert_eq!(parts.kinds(), [K::RecordPathForm, K::RecordUnquotedComma]);
    parts.rows = format!("\"a/x,y=1.py\",{ABC},3\n");
    assert_eq!(parts.kinds(), []);
}

#[test]
fn the_one_finding_says_how_many_rows_and_who_wrote_them() {
    let mut parts = Parts::with(Entry::stored("x.py", b"abc"));
    parts.entries.push(Entry::stored("y.py", b"abc"));
    parts.unlisted = vec!["x.py", "y.py"];
    parts.wheel += "Generator: uv 0.7.22\n";
    parts.rows = format!("y.py,sha256={ABC_HEX},3\nx.py,sha256={ABC_HEX},3\n");
    let faults = faults_of(NAME, &build::archive(&parts.members()), Limits::default());
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(
        faults[0].member.as_deref(),
        Some("six-1.0.dist-info/RECORD")
    );
    assert_eq!(
        faults[0].found.as_deref(),
        Some(
            "the right digests in hexadecimal digits in 2 rows, the first on line 1; Generator: uv 0.7.22"
        )
    );
    parts.rows = format!("\\y.py,{ABC},3\n/x.py,{ABC},3\n");
    let faults = faults_of(NAME, &build::archive(&parts.members()), Limits::default());
    assert_eq!(
        faults[0].found.as_deref(),
        Some("2 rows, the first on line 1: '\\y.py'")
    );
}

#[test]
fn what_an_installer_refuses_in_metadata_is_told() {
    for (more, expected) in [
        ("Requires-Dist: foo (>=1.0)\nRequires-Python: >=3.6\n", 0),
        ("Requires-Dist: foo (>=1.0\nRequires-Dist: bar baz\n", 1),
        ("Requires-Python: >=3.6;\n", 1),
        ("Requires-Dist: foo bar\nRequires-Python: 3\n", 2),
        ("\nRequires-Dist: foo bar\n", 0),
    ] {
        let mut parts = Parts::new();
        parts.metadata += more;
        assert_eq!(
            parts.kinds(),
            vec![K::DescriptionRefused; expected],
            "{more}"
        );
    }
    let members = |file: &str, text: &[u8]| {
        let mut members = Parts::new().members();
        let own = members
            .iter_mut()
            .find(|entry| entry.name.ends_with(file.as_bytes()));
        *own.expect("there") = Entry::stored(&format!("six-1.0.dist-info/{file}"), text);
        kinds_of(NAME, &build::archive(&members))
    };
    let latin = |text: &str| [text.as_bytes(), b"X: J\xfcrgen\n"].concat();
    // RECORD is that of the other bytes.
    let found = members("METADATA", &latin(METADATA));
    assert_eq!(found[0], K::DescriptionRefused);
    let found = members("WHEEL", &latin(WHEEL));
    assert_eq!(found[0], K::DescriptionUnreadable);
}

#[test]
fn signatures_of_record_need_no_row_and_their_namesakes_do() {
    for (name, expected) in [
        ("six-1.0.dist-info/RECORD.jws", None),
        ("six-1.0.dist-info/RECORD.p7s", None),
        ("six-1.0.dist-info/RECORD.sig", Some(K::RecordUnlisted)),
        ("RECORD.jws", Some(K::RecordUnlisted)),
        ("pkg/RECORD", Some(K::RecordUnlisted)),
    ] {
        let mut parts = Parts::with(Entry::stored(name, b"abc"));
        parts.unlisted.push(name);
        assert_eq!(parts.kinds(), Vec::from_iter(expected), "{name}");
    }
}

#[test]
fn metadata_names_what_the_file_name_does() {
    for (metadata, expected) in [
        ("Name: SIX\nVersion: 1.0.0\n", vec![]),
        ("Name: six\nVersion: 1\n\nName: body\n", vec![]),
        ("Name: seven\nVersion: 1.0\n", vec![K::MetadataMismatch]),
        ("Name: six\nVersion: 1.1\n", vec![K::MetadataMismatch]),
        ("Name: six\nVersion: 1.0+local\n", vec![K::MetadataMismatch]),
        (
            "Name: six\nName: six\nVersion: 1.0\n",
            vec![K::MetadataMismatch],
        ),
        (
            "Summary: x\rName: six\nName: seven\nVersion: 1.0\n",
            vec![K::MetadataMismatch],
        ),
        ("", vec![K::MetadataMismatch, K::MetadataMismatch]),
    ] {
        let mut parts = Parts::new();
        parts.metadata = metadata.to_owned();
        assert_eq!(parts.kinds(), expected, "{metadata:?}");
    }
}

#[test]
fn wheel_states_the_tags_of_the_file_name() {
    let head = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n";
    for (name, text, expected) in [
        (NAME, format!("{head}Tag: py2.py3-none-any\n"), vec![]),
        (
            NAME,
            format!("{head}Tag: py3-none-any\n"),
            vec![K::TagsWidened],
        ),
        (
            "six-1.0-cp36.cp37-abi3-linux_x86_64.whl",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp37-abi3-linux_x86_64\n".to_owned(),
            vec![K::TagsMismatch],
        ),
        (
            "six-1.0-py2.py3-none-linux_x86_64.whl",
            format!("{head}Tag: py3-none-linux_x86_64\n"),
            vec![K::TagsWidened],
        ),
        (
            NAME,
            format!("{head}Tag: py4-none-any\n"),
            vec![K::TagsMismatch],
        ),
        (NAME, head.to_owned(), vec![K::TagsUnreadable]),
        (NAME, format!("{head}Tag:\n"), vec![K::TagsUnreadable]),
        (
            NAME,
            format!("{head}Tag: {{tag}}\n"),
            vec![K::TagsUnreadable],
        ),
        (
            NAME,
            format!("{head}Tag: \nTag: -manylinux_2_17_x86_64\n"),
            vec![K::TagsUnreadable],
        ),
        (
            NAME,
            format!("{head}Tag: py2-none\n"),
            vec![K::TagsUnreadable],
        ),
        (NAME, format!("{WHEEL}Tag:\n"), vec![K::TagsUnreadable]),
        (
            NAME,
            format!("{head}Tag:\nTag: cp39-cp39-linux_x86_64\n"),
            vec![K::TagsUnreadable, K::TagsMismatch],
        ),
        (
            NAME,
            WHEEL.to_owned() + "Tag: py4-none-any\n",
            vec![K::TagsNarrowed],
        ),
        (
            "six-1.0-py3-none-linux_x86_64.whl",
            format!("{head}Tag: py3-none-any\n"),
            vec![K::TagsNarrowed],
        ),
        (
            "six-1.0-py3-none-any.whl",
            format!("{head}Tag: py3-none-linux_x86_64\n"),
            vec![K::TagsMismatch],
        ),
        (
            "six-1.0-1-py2.py3-none-any.whl",
            WHEEL.to_owned(),
            vec![K::BuildMismatch],
        ),
        (
            "six-1.0-1-py2.py3-none-any.whl",
            format!("{WHEEL}Build: 1\n"),
            vec![],
        ),
        (NAME, format!("{WHEEL}Build: 1\n"), vec![K::BuildMismatch]),
        (
            NAME,
            WHEEL.replace("true", "false"),
            vec![K::PurelibMismatch],
        ),
        (
            "six-1.0-cp37-cp37m-linux_x86_64.whl",
            format!("{head}Tag: cp37-cp37m-linux_x86_64\n"),
            vec![K::PurelibMismatch],
        ),
        (
            "six-1.0-py3-none-linux_x86_64.whl",
            format!("{head}Tag: py3-none-linux_x86_64\n"),
            vec![],
        ),
        (NAME, WHEEL.replace("1.0", "1.9"), vec![]),
        (
            NAME,
            WHEEL.replace("1.0", "2.0"),
            vec![K::VersionUnsupported],
        ),
        (
            NAME,
            WHEEL.replace("Wheel-Version", "X"),
            vec![K::VersionUnsupported],
        ),
        (NAME, WHEEL.replace("1.0", "0.1"), vec![K::VersionOld]),
        (NAME, WHEEL.replace("1.0", "1"), vec![K::VersionOld]),
        (
            NAME,
            format!("{WHEEL}Wheel-Version: 0.1\n"),
            vec![K::VersionUnsupported],
        ),
    ] {
        let mut parts = Parts::new();
        parts.wheel = text;
        let found = kinds_of(name, &build::archive(&parts.members()));
        assert_eq!(found, expected, "{name} {}", parts.wheel);
    }
}

#[test]
fn tags_without_end_are_a_mismatch_and_not_a_wait() {
    let many = vec!["a"; 5000].join(".");
    let mut parts = Parts::new();
    parts.wheel = format!("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {many}-{many}-{many}\n");
    assert_eq!(parts.kinds(), [K::TagsMismatch]);
}

#[test]
fn there_is_one_dist_info_directory_of_the_right_name() {
    for (dist_info, expected) in [
        ("SIX-1.0.0.dist-info", vec![]),
        ("seven-1.0.dist-info", vec![K::DistInfo]),
        ("six-1.1.dist-info", vec![K::DistInfo]),
        ("six.dist-info", vec![K::DistInfo]),
        ("dist-info", vec![K::DistInfo]),
    ] {
        let mut parts = Parts::new();
        parts.dist_info = dist_info;
        assert_eq!(parts.kinds(), expected, "{dist_info}");
    }
    let second = Entry::stored("other-1.0.dist-info/METADATA", b"");
    assert_eq!(Parts::with(second).kinds(), [K::DistInfo]);
    let vendored = Entry::stored("pkg/other-1.0.dist-info/METADATA", b"");
    assert_eq!(Parts::with(vendored).kinds(), []);
}

#[test]
fn the_three_descriptions_are_there() {
    for file in ["METADATA", "WHEEL", "RECORD"] {
        let mut members = Parts::new().members();
        let name = format!("six-1.0.dist-info/{file}");
        members.retain(|entry| entry.name != name.as_bytes());
        let found = kinds_of(NAME, &build::archive(&members));
        let expected: &[FaultKind] = match file {
            "RECORD" => &[K::DescriptionMissing],
            _ => &[K::DescriptionMissing, K::RecordMissing],
        };
        assert_eq!(found, expected, "{file}");
    }
}

#[test]
fn members_that_are_installed_over_others_are_told() {
    for (name, expected) in [
        ("six-1.0.data/purelib/six.py", vec![K::InstalledTwice]),
        ("six-1.0.data/platlib/six.py", vec![K::InstalledTwice]),
        ("six-1.0.data/platlib/SIX.py", vec![K::InstalledTwice]),
        ("six-1.0.data/platlib/six.py/x", vec![K::InstalledTwice]),
        ("six-1.0.data/purelib/pkg", vec![K::InstalledTwice]),
        ("six-1.0.data/purelib/pkg/", vec![]),
        ("six-1.0.data/purelib/pkg/c.py", vec![]),
        ("six-1.0.data/purelib/six.pyi", vec![]),
        ("six-1.0.data/scripts/six.py", vec![]),
        ("six-1.0.data/data/six.py", vec![]),
        (
            "six-1.0.data/data/lib/python3.9/site-packages/six.py",
            vec![K::InstalledTwice],
        ),
        (
            "six-1.0.data/purelib/six-1.0.dist-info/METADATA",
            vec![K::InstalledTwice, K::DistInfo],
        ),
        (
            "six-1.0.data/purelib/evil-1.0.dist-info/METADATA",
            vec![K::DistInfo],
        ),
        // Not at the top there, so no description of a project.
        ("six-1.0.data/purelib/pkg/x-1.dist-info/METADATA", vec![]),
    ] {
        let mut found = Parts::with(Entry::stored(name, b"")).kinds();
        found.sort_by_key(|kind| *kind != K::InstalledTwice);
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn members_of_one_data_directory_are_told_once() {
    let mut parts = Parts::with(Entry::stored("six-1.0.data/scripts/x", b""));
    parts
        .entries
        .push(Entry::stored("six-1.0.data/scripts/X", b""));
    assert_eq!(parts.kinds(), [K::Archive(A::MemberTwin)]);
    let mut parts = Parts::with(Entry::stored("six-1.0.data/scripts/x", b""));
    parts
        .entries
        .push(Entry::stored("six-1.0.data/data/bin/x", b""));
    assert_eq!(parts.kinds(), [K::InstalledTwice]);
}

#[test]
fn data_directories_are_those_of_the_format() {
    for (name, expected) in [
        ("six-1.0.data/scripts/x", vec![]),
        ("Six-1.0.data/purelib/x", vec![]),
        ("six-1.0.data/scripts/", vec![]),
        ("pkg/x.data/y", vec![]),
        ("six-1.0.data/other/x", vec![K::DataDirectory]),
        ("six-1.0.data/x", vec![K::DataDirectory]),
        ("seven-1.0.data/scripts/x", vec![K::DataDirectory]),
        ("x.data/y/z", vec![K::DataDirectory]),
    ] {
        assert_eq!(
            Parts::with(Entry::stored(name, b"")).kinds(),
            expected,
            "{name}"
        );
    }
}

#[test]
fn names_that_lead_out_deceive_or_clash_are_told() {
    for (name, expected) in [
        ("../x", vec![A::MemberUnsafe]),
        ("/x", vec![A::MemberUnsafe]),
        ("a/../x", vec![A::MemberUnsafe]),
        ("a\\x", vec![A::MemberUnsafe]),
        ("a//x", vec![A::MemberUnsafe]),
        ("a\u{1b}[2J", vec![A::MemberUnsafe]),
        ("C:x", vec![A::MemberUnsafe]),
        ("./x", vec![A::MemberUnsafe]),
        ("..x", vec![]),
        ("x..", vec![]),
        ("Six.py", vec![A::MemberTwin]),
        ("six.pyi", vec![]),
        ("six.py/x", vec![A::MemberRepeated]),
    ] {
        let expected: Vec<FaultKind> = expected.into_iter().map(K::Archive).collect();
        assert_eq!(
            Parts::with(Entry::stored(name, b"")).kinds(),
            expected,
            "{name}"
        );
    }
    // The flag is what tells a reader that this is no code page 437.
    let mut entry = Entry::stored("é", b"");
    assert_eq!(
        Parts::with(entry.clone()).kinds(),
        [K::Archive(A::MemberUnsafe)]
    );
    entry.flags = 1 << 11;
    assert_eq!(Parts::with(entry).kinds(), []);
    let again = Entry::stored("six.py", b"import sys\n");
    let found = Parts::with(again).kinds();
    // RECORD is written from the members, so it lists the name twice as well.
    assert_eq!(
        found,
        [K::Archive(A::MemberRepeated), K::RecordRepeatedAlike]
    );
}

#[test]
fn members_are_files_and_directories() {
    for (mode, made_by, name, expected) in [
        (0o100_755, 0x0314, "x", None),
        (0o100_755, 0x0014, "x", None),
        (0, 0x0314, "x", None),
        (0o040_755, 0x0314, "x/", None),
        (0o120_777, 0x0314, "x", Some(A::MemberSpecial)),
        // Not every reader looks at the system that wrote the header.
        (0o120_777, 0x0014, "x", Some(A::MemberSpecial)),
        (0o020_644, 0x0314, "x", Some(A::MemberSpecial)),
        (0o060_644, 0x0314, "x", Some(A::MemberSpecial)),
        (0o010_644, 0x0314, "x", Some(A::MemberSpecial)),
        (0o140_644, 0x0314, "x", Some(A::MemberSpecial)),
        (0o040_755, 0x0314, "x", Some(A::MemberSpecial)),
    ] {
        let mut entry = Entry::stored(name, b"");
        entry.external = mode << 16;
        entry.made_by = made_by;
        let expected = Vec::from_iter(expected.map(K::Archive));
        assert_eq!(Parts::with(entry).kinds(), expected, "{mode:o} {name}");
    }
    let full = Entry::stored("x/", b"abc");
    assert_eq!(Parts::with(full).kinds(), [K::Archive(A::MemberSpecial)]);
}

#[test]
fn both_headers_say_the_same() {
    type Case = (&'static str, fn(&mut Entry), Option<A>);
    let cases: &[Case] = &[
        ("nothing", |_| {}, None),
        ("time", |entry| entry.local.time = Some(7), None),
        ("level", |entry| entry.local.flags = Some(2), None),
        (
            "UTF-8 flag of an ASCII name",
            |entry| entry.local.flags = Some(1 << 11),
            None,
        ),
        (
            "name",
            |entry| entry.local.name = Some(b"y.py".to_vec()),
            Some(A::ZipHeaderMismatch),
        ),
        (
            "method",
            |entry| entry.local.method = Some(8),
            Some(A::ZipHeaderMismatch),
        ),
        (
            "crc",
            |entry| entry.local.crc = Some(0),
            Some(A::ZipHeaderMismatch),
        ),
        (
            "size",
            |entry| entry.local.uncompressed = Some(0),
            Some(A::ZipHeaderMismatch),
        ),
        (
            "compressed",
            |entry| entry.local.compressed = Some(4),
            Some(A::ZipHeaderMismatch),
        ),
        (
            "encryption",
            |entry| entry.local.flags = Some(1),
            Some(A::ZipHeaderMismatch),
        ),
        (
            "descriptor",
            |entry| entry.local.flags = Some(8),
            Some(A::ZipHeaderMismatch),
        ),
        (
            "other name in a field",
            |entry| {
                entry.extra = b"\x75\x70\x09\0\x01\0\0\0\0y.py".to_vec();
                // Once for each header.
                entry.local.extra = Some(Vec::new());
            },
            Some(A::ZipHeaderMismatch),
        ),
        (
            "same name in a field",
            |entry| {
                entry.extra = b"\x75\x70\x09\0\x01\0\0\0\0x.py".to_vec();
            },
            None,
        ),
        (
            "wheel issue 692",
            |entry| {
                entry.local.extra = Some(b"\x01\0\x08\0\xcf\x47\x43\x85\0\0\0\0".to_vec());
            },
            Some(A::Zip64WriterFault),
        ),
        (
            "sizes in both places",
            |entry| {
                entry.local.extra =
                    Some(b"\x01\0\x10\0\x03\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0".to_vec());
            },
            None,
        ),
    ];
    for (what, change, expected) in cases {
        let mut entry = Entry::stored("x.py", b"abc");
        change(&mut entry);
        let expected = Vec::from_iter(expected.map(K::Archive));
        assert_eq!(Parts::with(entry).kinds(), expected, "{what}");
    }
}

#[test]
fn a_descriptor_that_is_announced_is_there() {
    let entry = Entry::stored("x.py", b"abc").streamed();
    assert_eq!(Parts::with(entry.clone()).kinds(), []);
    let mut wrong = entry.clone();
    wrong.after[4] ^= 1;
    let found = Parts::with(wrong).kinds();
    let expected = [A::HiddenData, A::ZipHeaderMismatch].map(K::Archive);
    assert_eq!(found, expected);
}

#[test]
fn bytes_that_no_reader_shows_are_told_wherever_they_are() {
    let hidden = [K::Archive(A::HiddenData)];
    let members = Parts::new().members();
    let plain = build::archive(&members);
    assert_eq!(
        kinds_of(NAME, &build::archive_with(&members, b"#!/bin/sh\n", b"")),
        hidden
    );
    assert_eq!(
        kinds_of(NAME, &build::archive_with(&members, b"", b"a comment")),
        []
    );
    assert_eq!(kinds_of(NAME, &[&plain[..], b"tail"].concat()), hidden);
    assert_eq!(kinds_of(NAME, &[&b"head"[..], &plain].concat()), hidden);
    let mut between = Entry::stored("x.py", b"abc");
    between.after = b"gap".to_vec();
    assert_eq!(Parts::with(between).kinds(), hidden);
    // Between the directory and the end record, with and without ZIP64.
    for bytes in [plain.clone(), build::zip64_archive(&members)] {
        assert_eq!(kinds_of(NAME, &bytes), []);
        let mut bytes = bytes;
        let end = bytes.len() - 22;
        bytes.splice(end..end, *b"gap");
        assert!(!kinds_of(NAME, &bytes).is_empty());
    }
    // Behind the end of a deflate stream.
    let mut behind = Entry::deflated("x.py", b"abc", 2);
    behind.data.extend(b"hidden");
    behind.compressed += 6;
    let mut parts = Parts::with(behind);
    parts.unlisted.push("x.py");
    parts.rows = format!("x.py,{ABC},3\n");
    assert_eq!(parts.kinds(), hidden);
}

#[test]
fn members_that_share_bytes_are_told() {
    // The second header points at the first member: a directory of two names over
    // one member.
    let members = Parts::with(Entry::stored("x.py", b"abc")).members();
    let mut bytes = build::archive(&members);
    let central: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, window)| window == b"PK\x01\x02")
        .map(|(at, _)| at)
        .collect();
    let (first, fourth) = (central[0], central[3]);
    let offset: [u8; 4] = bytes[first + 42..first + 46].try_into().expect("four");
    bytes[fourth + 42..fourth + 46].copy_from_slice(&offset);
    assert!(kinds_of(NAME, &bytes).contains(&K::Archive(A::ZipOverlap)));
}

#[test]
fn end_records_agree_with_the_directory() {
    let members = Parts::new().members();
    let mut bytes = build::archive(&members);
    let count = bytes.len() - 22 + 10;
    bytes[count] += 1;
    assert_eq!(kinds_of(NAME, &bytes), [K::Archive(A::ZipHeaderMismatch)]);
    // Numbers of disks, and how many members are on this one: APPNOTE 4.4.19 to 21.
    for field in [4, 5, 6, 7, 8, 9] {
        let mut bytes = build::archive(&members);
        let field = bytes.len() - 22 + field;
        bytes[field] ^= 1;
        let kinds = kinds_of(NAME, &bytes);
        assert_eq!(kinds, [K::Archive(A::ZipHeaderMismatch)], "{field}");
    }
    let mut bytes = build::archive(&members);
    let offset = bytes.len() - 22 + 16;
    bytes[offset + 1] ^= 1;
    assert_eq!(kinds_of(NAME, &bytes), [K::Archive(A::ZipHeaderMismatch)]);
    // The classic record names values of its own beside those of ZIP64: number of
    // members, size, offset.
    for (field, size) in [(10, 2), (12, 4), (16, 4)] {
        let mut bytes = build::zip64_archive(&members);
        let field = bytes.len() - 22 + field;
        bytes[field..field + size].fill(1);
        assert!(!kinds_of(NAME, &bytes).is_empty(), "{field}");
    }
    // Both complete, and the same: some writers do so. zipfile believes ZIP64.
    let mut both = build::zip64_archive(&members);
    let end = both.len() - 22;
    let plain = build::archive(&members);
    both[end..].copy_from_slice(&plain[plain.len() - 22..]);
    assert_eq!(faults_of(NAME, &both, Limits::default()), []);
    both[end - 20 - 56 + 32] += 1;
    assert!(!kinds_of(NAME, &both).is_empty());
}

#[test]
fn contents_that_cannot_be_read_are_told() {
    let damaged = |change: fn(&mut Entry)| {
        let mut entry = Entry::stored("x.py", b"abc");
        change(&mut entry);
        let mut parts = Parts::with(entry);
        parts.unlisted.push("x.py");
        parts.rows = format!("x.py,{ABC},3\n");
        parts.kinds()
    };
    assert_eq!(damaged(|_| {}), []);
    assert_eq!(
        damaged(|entry| entry.crc ^= 1),
        [K::Archive(A::MemberDamaged)]
    );
    assert_eq!(
        damaged(|entry| entry.uncompressed = 4),
        [K::Archive(A::MemberDamaged)]
    );
    assert_eq!(
        damaged(|entry| entry.method = 8),
        [K::Archive(A::MemberDamaged)]
    );
    assert_eq!(
        damaged(|entry| entry.method = 12),
        [K::Archive(A::CompressionUnsupported)]
    );
    assert_eq!(
        damaged(|entry| entry.flags = 1),
        [K::Archive(A::MemberEncrypted)]
    );
    assert_eq!(kinds_of(NAME, b"no archive"), [K::Archive(A::Unreadable)]);
    assert_eq!(kinds_of(NAME, b""), [K::Archive(A::Unreadable)]);
}

#[test]
fn each_limit_ends_the_reading_with_a_fault() {
    let bytes = build::archive(&Parts::new().members());
    let within = Limits {
        members: 6,
        member_bytes: 1000,
        total_bytes: 2000,
        ratio: 1,
    };
    assert_eq!(faults_of(NAME, &bytes, within), []);
    for limits in [
        Limits {
            members: 5,
            ..within
        },
        Limits {
            member_bytes: 10,
            ..within
        },
        Limits {
            total_bytes: 100,
            ..within
        },
    ] {
        let kinds: Vec<_> = faults_of(NAME, &bytes, limits)
            .into_iter()
            .map(|fault| fault.kind)
            .collect();
        assert_eq!(kinds, [K::Archive(A::OverLimit)]);
    }
}

#[test]
fn the_ratio_counts_beyond_64_mebibytes() {
    use flate2::{Compression, write::DeflateEncoder};
    let bomb = |mebibytes: usize| {
        let contents = vec![0; mebibytes << 20];
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&contents).expect("compresses");
        let data = encoder.finish().expect("compresses");
        let mut crc = flate2::Crc::new();
        crc.update(&contents);
        let mut entry = Entry::stored("zeros", b"");
        entry.method = 8;
        entry.crc = crc.sum();
        entry.compressed = u32::try_from(data.len()).expect("small");
        entry.uncompressed = u32::try_from(contents.len()).expect("small");
        entry.data = data;
        build::archive(&[entry])
    };
    let is_over = |bytes: &[u8]| kinds_of(NAME, bytes).contains(&K::Archive(A::OverLimit));
    assert!(!is_over(&bomb(64)));
    assert!(is_over(&bomb(65)));
}

#[test]
fn many_faults_are_counted_and_the_first_are_told() {
    let mut parts = Parts::new();
    parts.rows = (0..100).map(|n| format!("missing{n},{ABC},3\n")).collect();
    let faults = faults_of(NAME, &build::archive(&parts.members()), Limits::default());
    assert_eq!(faults.len(), 21);
    assert_eq!(faults[0].member.as_deref(), Some("missing0"));
    assert_eq!(faults[20].found.as_deref(), Some("80 more of this kind"));
}

#[test]
fn faults_stand_in_the_order_of_the_members_though_the_largest_is_read_first() {
    // Members of 2000, 1999, ... bytes backwards, and some of one size.
    let sizes = (0..40)
        .map(|number| 1 + 50 * number)
        .chain([1, 2000, 1, 2000]);
    let mut parts = Parts::new();
    let names: Vec<String> = (0..44).map(|number| format!("pkg/{number}.py")).collect();
    for (name, size) in names.iter().zip(sizes) {
        let mut entry = Entry::stored(name, &vec![b'a'; size]);
        entry.crc ^= 1;
        parts.entries.push(entry);
    }
    let told: Vec<String> = faults_of(NAME, &build::archive(&parts.members()), Limits::default())
        .into_iter()
        .filter_map(|fault| fault.member)
        .collect();
    assert_eq!(told, names[..told.len()]);
    assert!(told.len() > 5, "{told:?}");
}

#[test]
fn a_request_to_stop_is_an_error() {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(&build::archive(&Parts::new().members()))
        .expect("written");
    let name = WheelFilename::parse(NAME).expect("a wheel name");
    let cancel = Cancel::new();
    cancel.request();
    assert!(check(file, &name, Limits::default(), &cancel, &|_| {}).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_wheel_never_panics_and_a_changed_member_is_told(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut bytes = build::archive(&Parts::new().members());
        let at = at.index(bytes.len());
        bytes[at] = value;
        let _ = kinds_of(NAME, &bytes);
    }

    #[test]
    fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), tail in any::<bool>()) {
        if tail {
            bytes.extend(build::archive(&Parts::new().members()));
        }
        let found = kinds_of(NAME, &bytes);
        prop_assert!(tail && bytes.len() < 10_000 || !found.is_empty());
    }
}

/// Every single flipped bit of a wheel changes something that somebody cares
/// about, or something that no reader looks at: times, versions, attributes.
#[test]
fn no_flipped_bit_of_contents_names_or_sizes_goes_unseen() {
    let members = Parts::new().members();
    let bytes = build::archive(&members);
    let mut unseen = Vec::new();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        if kinds_of(NAME, &changed).is_empty() {
            unseen.push(at);
        }
    }
    // Offsets inside each header that may change: version, level bits of the
    // flags, time, date; in the directory also attributes and disk.
    let mut allowed = Vec::new();
    for at in 0..bytes.len().saturating_sub(4) {
        let (from, offsets): (usize, &[usize]) = match &bytes[at..at + 4] {
            b"PK\x03\x04" => (at, &[4, 5, 7, 10, 11, 12, 13]),
            b"PK\x01\x02" => (
                at,
                &[
                    4, 5, 6, 7, 9, 12, 13, 14, 15, 34, 35, 36, 37, 38, 39, 40, 41,
                ],
            ),
            b"PK\x05\x06" => (at, &[4, 5, 6, 7, 8, 9]),
            _ => continue,
        };
        allowed.extend(offsets.iter().map(|offset| from + offset));
    }
    let surprising: Vec<_> = unseen.iter().filter(|at| !allowed.contains(at)).collect();
    assert!(surprising.is_empty(), "{surprising:?} of {}", bytes.len());
}
