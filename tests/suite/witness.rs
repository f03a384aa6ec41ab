//! Witnesses on wheels by CPython's zipfile, checked by the program and by a second
//! checker in Python that shares nothing with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wheelproof::archive::Limits;
use wheelproof::cancel::Cancel;
use wheelproof::digest::Sha256Digest;
use wheelproof::witness::{self, Edit, Search, Witness};

use crate::common::{self, Outcome, has_program};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/suite")
        .join(name)
}

fn python(script_name: &str, arguments: &[&Path]) -> Output {
    Command::new("python3")
        .arg(script(script_name))
        .args(arguments)
        .output()
        .expect("python3 starts")
}

/// Returns whether Python packs as stock zlib does, or says what was left out.
fn python_has_stock_zlib() -> bool {
    if !has_program("python3") {
        return false;
    }
    let version = Command::new("python3")
        .args(["-c", "import zlib; print(zlib.ZLIB_RUNTIME_VERSION)"])
        .output()
        .expect("python3 starts");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let stock = !version.contains("ng") && !version.is_empty();
    if !stock {
        crate::skipped!("python3 has another zlib: {version}");
    }
    stock
}

/// The answer of the second checker.
pub(crate) fn second_checker(
    rebuilt: &Path,
    witness: &Path,
    published: Sha256Digest,
) -> Result<(), String> {
    let output = python(
        "witness_check.py",
        &[rebuilt, witness, Path::new(&published.to_string())],
    );
    match output.status.code() {
        Some(0) => Ok(()),
        Some(1) => Err(String::from_utf8_lossy(&output.stdout).into_owned()),
        _ => panic!("{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Runs `wheelproof witness`.
fn command(arguments: &[&Path]) -> Outcome {
    common::run(common::wheelproof().arg("witness").args(arguments))
}

fn find(published: &Path, rebuilt: &Path) -> Search {
    witness::find(published, rebuilt, Limits::default(), &Cancel::new()).expect("both are read")
}

fn digest(path: &Path) -> Sha256Digest {
    Sha256Digest::of(&std::fs::read(path).expect("reads"))
}

/// Writes pairs of wheels with equal contents in random forms.
fn pairs(count: usize, seed: &str) -> (tempfile::TempDir, Vec<(PathBuf, PathBuf)>) {
    let directory = tempfile::tempdir().expect("a directory");
    let output = python(
        "witness_pairs.py",
        &[
            directory.path(),
            Path::new(&count.to_string()),
            Path::new(seed),
        ],
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let pairs = (0..count)
        .map(|number| {
            let of = directory.path().join(number.to_string());
            (of.join("published.whl"), of.join("rebuilt.whl"))
        })
        .collect();
    (directory, pairs)
}

#[test]
fn every_container_that_cpython_writes_has_a_witness_that_both_checkers_accept() {
    if !python_has_stock_zlib() {
        return;
    }
    let (_directory, pairs) = pairs(25, "containers");
    let mut kinds = std::collections::HashSet::new();
    for (published, rebuilt) in pairs {
        let signed = digest(&published);
        let Search::Found(found) = find(&published, &rebuilt) else {
            panic!("{} has no witness", published.display());
        };
        assert_eq!(found.taken_bytes(), 0, "zlib wrote both");
        let file = published.with_file_name("witness.json");
        std::fs::write(&file, found.canonical().expect("JSON")).expect("writes");
        let read = Witness::read(&file).expect("a witness");
        assert_eq!(read, *found);
        let limits = Limits::default();
        witness::check(&rebuilt, &read, Some(signed), limits, &Cancel::new()).expect("holds");
        second_checker(&rebuilt, &file, signed).expect("holds for the second checker");
        // What comes out is the published wheel, not only its digest.
        let mut bytes = Vec::new();
        witness::apply(&rebuilt, &read, limits, &mut bytes, &Cancel::new()).expect("applies");
        assert!(bytes == std::fs::read(&published).expect("reads"));
        // One edit less, and it holds for neither.
        for left_out in 0..read.edits.len() {
            let mut less = read.clone();
            kinds.insert(std::mem::discriminant(&less.edits.remove(left_out)));
            let ours = witness::check(&rebuilt, &less, Some(signed), limits, &Cancel::new());
            assert!(ours.expect_err("an edit is missing").refutes());
            if left_out == 0 {
                std::fs::write(&file, less.canonical().expect("JSON")).expect("writes");
                second_checker(&rebuilt, &file, signed).expect_err("an edit is missing");
            }
        }
    }
    // Everything but a stream of another compressor.
    assert!(kinds.len() >= 14, "only {} kinds of edits", kinds.len());
}

#[test]
fn a_byte_of_contents_has_no_witness() {
    if !python_has_stock_zlib() {
        return;
    }
    let (_directory, pairs) = pairs(1, "contents");
    let (published, rebuilt) = &pairs[0];
    let changed = Command::new("python3")
        .arg("-c")
        .arg(
            "import sys, zipfile\n\
             with zipfile.ZipFile(sys.argv[1]) as old, zipfile.ZipFile(sys.argv[2], 'w') as new:\n\
             \x20   for info in old.infolist():\n\
             \x20       new.writestr(info, old.read(info) + b'\\n')\n",
        )
        .args([published, &published.with_file_name("changed.whl")])
        .status()
        .expect("python3 starts");
    assert!(changed.success());
    let changed = published.with_file_name("changed.whl");
    assert!(matches!(
        find(&changed, rebuilt),
        Search::None(witness::NoWitness::Contents(_))
    ));
    let said = command(&[Path::new("find"), &changed, rebuilt])
        .expect(1)
        .err();
    assert!(said.contains("the contents differ"), "{said}");
}

/// A compressor that is not zlib, made of zlib: it flushes in the middle.
#[test]
fn another_compressor_is_told_from_zlib_and_its_stream_is_checked() {
    if !python_has_stock_zlib() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let [published, rebuilt, file] =
        ["published.whl", "rebuilt.whl", "witness.json"].map(|name| directory.path().join(name));
    let made = Command::new("python3")
        .arg("-c")
        .arg(
            "import sys, zipfile, zlib\n\
             text = b''.join(b'line %d\\n' % n for n in range(3000))\n\
             stock = zlib.compressobj\n\
             class Odd:\n\
             \x20   def __init__(self, *a): self.z = stock(*a)\n\
             \x20   def compress(self, b): return self.z.compress(b[:999]) + self.z.flush(zlib.Z_FULL_FLUSH) + self.z.compress(b[999:])\n\
             \x20   def flush(self): return self.z.flush()\n\
             for path, packer in zip(sys.argv[1:], (Odd, stock)):\n\
             \x20   zlib.compressobj = packer\n\
             \x20   with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as wheel:\n\
             \x20       wheel.writestr(zipfile.ZipInfo('a.py'), text, zipfile.ZIP_DEFLATED)\n",
        )
        .args([&published, &rebuilt])
        .status()
        .expect("python3 starts");
    assert!(made.success());
    let Search::Found(found) = find(&published, &rebuilt) else {
        panic!("no witness");
    };
    assert!(
        matches!(&found.edits[..], [Edit::SetCompressedStream { .. }]),
        "{:?}",
        found.edits
    );
    std::fs::write(&file, found.canonical().expect("JSON")).expect("writes");
    let signed = digest(&published).to_string();
    let run = |more: &[&Path]| command(&[&[Path::new("check"), &*rebuilt, &*file], more].concat());
    let said = run(&[Path::new("--published"), Path::new(&signed)])
        .expect(0)
        .out();
    assert!(said.contains("taken from the published wheel"), "{said}");
    let said = run(&[]).expect(0).out();
    assert!(said.contains("the witness's own word"), "{said}");
    second_checker(&rebuilt, &file, digest(&published)).expect("holds");
    // The same edits, promising another wheel.
    let said = run(&[Path::new("--published"), Path::new(&"0".repeat(64))])
        .expect(1)
        .err();
    assert!(said.contains("another published wheel"), "{said}");
}

#[test]
fn the_command_tells_what_does_not_hold_from_what_cannot_be_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let file = |name: &str, bytes: &[u8]| {
        std::fs::write(path(name), bytes).expect("writes");
        path(name)
    };
    let empty_archive = file("a.whl", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let sha256 = digest(&empty_archive);
    let witness = |edits: &str, schema: &str| {
        let identity = format!(r#"{{"size":22,"sha256":"{sha256}"}}"#);
        format!(
            r#"{{"schema":"{schema}","rebuilt":{identity},"published":{identity},"edits":[{edits}]}}"#
        )
    };
    const SCHEMA: &str = "wheelproof.witness/1";
    let check = |wheel: &Path, witness: &Path| command(&[Path::new("check"), wheel, witness]);
    let good = file("good.json", witness("", SCHEMA).as_bytes());
    check(&empty_archive, &good).expect(0);
    for (name, text, code, words) in [
        (
            "name.json",
            witness(r#"{"edit":"store","members":["\u001b[31m"]}"#, SCHEMA),
            1,
            "no such member",
        ),
        (
            "schema.json",
            witness("", "other/1"),
            3,
            "its schema is 'other/1'",
        ),
        ("text.json", "no JSON".to_owned(), 3, "this is no witness"),
        ("deep.json", "[".repeat(1 << 20), 3, "this is no witness"),
        (
            "commas.json",
            format!("[{}]", "0,".repeat(2_000_001)),
            3,
            "more than 2000000 values",
        ),
    ] {
        let said = check(&empty_archive, &file(name, text.as_bytes())).expect(code);
        assert!(said.err().contains(words), "{}", said.err());
        assert!(!said.err().contains('\u{1b}'), "{}", said.err());
    }
    // Endless, and nobody writes: neither is waited for.
    let said = check(&empty_archive, Path::new("/dev/zero")).expect(3);
    assert!(said.err().contains("not a regular file"), "{}", said.err());
    let huge = path("huge.json");
    let sparse = std::fs::File::create(&huge).expect("creates");
    sparse.set_len(1 << 40).expect("grows");
    let said = check(&empty_archive, &huge).expect(3);
    assert!(said.err().contains("is larger than"), "{}", said.err());
    check(&path("missing.whl"), &good).expect(3);
    let said = check(&file("other.whl", b"PK"), &good).expect(1);
    assert!(
        said.err().contains("another rebuilt wheel"),
        "{}",
        said.err()
    );
    command(&[Path::new("check")]).expect(2);
    let json = command(&[
        Path::new("check"),
        &empty_archive,
        &path("name.json"),
        Path::new("--format"),
        Path::new("json"),
    ])
    .expect(1)
    .json();
    assert_eq!(json["schema"], "wheelproof.witness-check/1");
    assert_eq!(json["verdict"], "fail");
    assert_eq!(json["exit_code"], 1);
}
