//! A simulated Windows: what a build writes there, and wheels that were built there.

use std::path::Path;
use std::process::Command;

use wheelproof::policy::Platform;

use crate::audit::{PROBE, sdist};
use crate::build_records::{PYPROJECT, first};
use crate::common::{House, Outcome, run, sha256sum, working_layers};
use crate::rebuild::{Bench, HONEST, member};

/// Every way to write text that Python's own library has, and what each gives on
/// Windows: as the manual of `open`, "newline", has it with `os.linesep` CR LF.
const WAYS: &[(&str, &str)] = &[
    ("open(p, 'w').write('a\\nb\\n')", "a\r\nb\r\n"),
    ("open(p, 'wt').writelines(['a\\n', 'b'])", "a\r\nb"),
    ("open(p, 'x').write('\\r\\n')", "\r\r\n"),
    ("open(p, 'a').write('\\n')", "\r\n"),
    ("print('a', file=open(p, 'w'))", "a\r\n"),
    ("open(p, 'w', newline='').write('a\\n')", "a\n"),
    ("open(p, 'w', newline='\\n').write('a\\n')", "a\n"),
    ("open(p, 'w', newline='\\r\\n').write('a\\n')", "a\r\n"),
    ("open(p, 'wb').write(b'a\\n')", "a\n"),
    ("open(p, 'w', 1).write('a\\n')", "a\r\n"),
    ("open(p, 'w+').write('a\\n')", "a\r\n"),
    ("io.open(p, 'w', encoding='utf-8').write('ä\\n')", "ä\r\n"),
    ("pathlib.Path(p).write_text('a\\n')", "a\r\n"),
    ("pathlib.Path(p).write_bytes(b'a\\n')", "a\n"),
    ("pathlib.Path(p).open('w').write('a\\n')", "a\r\n"),
    (
        "os.fdopen(os.open(p, os.O_CREAT | os.O_WRONLY), 'w').write('a\\n')",
        "a\r\n",
    ),
    (
        "io.TextIOWrapper(open(p, 'wb'), 'utf-8').write('ä\\n')",
        "ä\r\n",
    ),
    (
        "io.TextIOWrapper(open(p, 'wb'), newline='\\n').write('a\\n')",
        "a\n",
    ),
    ("codecs.open(p, 'w', 'utf-8').write('a\\n')", "a\n"),
    ("open(p, 'w').write(io.StringIO('a\\n').read())", "a\r\n"),
    (
        "tempfile.NamedTemporaryFile('w', dir='.').write('a\\n') and open(p, 'w').write('t\\n')",
        "t\r\n",
    ),
    // As pathlib kept them before Python 3.11.
    ("kept_by_a_class(p)", "100666\r\n"),
    // Read again in the same mode, the line ends are one character.
    ("there_and_back(p)", "a\r\n2 a\r\n"),
    // UTF-8 taken for the code page 1252, and written as UTF-8.
    (
        "open(p, 'wb').write('·'.encode()) and again(p, open(p).read())",
        "Â·",
    ),
    (
        "open(p, 'wb').write('·'.encode()) and again(p, pathlib.Path(p).read_text(encoding='utf-8'))",
        "·",
    ),
    (
        "again(p, __import__('locale').getpreferredencoding(False))",
        "cp1252",
    ),
    ("open(p, 'wb').write(os.linesep.encode())", "\r\n"),
];

const HELPERS: &str = r#"
import codecs, io, pathlib, stat, sys, tempfile

def again(p, text):
    with open(p, 'w', encoding='utf-8', newline='') as file:
        file.write(text)

class Keeping:
    begin, look = io.open, os.stat

def kept_by_a_class(p):
    with Keeping().begin(p, 'w') as file:
        file.write('%o\n' % Keeping().look('small.py').st_mode)

def there_and_back(p):
    with open(p, 'w+') as file:
        file.write('a\n')
        file.seek(0)
        read = file.read()
        assert isinstance(file, io.TextIOWrapper) and file.mode == 'w+'
        assert isinstance(sys.stderr, io.TextIOWrapper) and issubclass(type(sys.stderr), io.TextIOWrapper)
        file.write('%d %s' % (len(read), read))
"#;

fn on_windows(sandbox: wheelproof::sandbox::Sandbox) -> Bench {
    let mut bench = Bench::new(sandbox);
    bench.amend = Box::new(|recipe| recipe.platform = Platform::Windows);
    bench
}

/// Returns a backend whose wheel has a member for each expression, with what is in
/// the file `p` afterwards.
fn writing(ways: &[(&str, &str)]) -> String {
    let mut backend = format!("{HONEST}{HELPERS}\ndef extra():\n    found = {{}}\n");
    for (number, (way, _)) in ways.iter().enumerate() {
        backend.push_str(&format!(
            "    p = 'written-{number}'\n    {way}\n    found[p] = open(p, 'rb').read()\n"
        ));
    }
    backend + "    return found\n"
}

#[test]
fn text_files_end_their_lines_as_on_windows() {
    let backend = writing(WAYS);
    for sandbox in working_layers() {
        let bench = on_windows(sandbox);
        let built = bench.built(&backend);
        for (number, (way, expected)) in WAYS.iter().enumerate() {
            assert_eq!(
                &member(&built.wheel, &format!("written-{number}")),
                expected,
                "{way}"
            );
        }
    }
}

#[test]
fn without_the_platform_in_the_recipe_text_is_as_it_is() {
    let ways = &[("open(p, 'w').write('ä\\n')", "ä\n")];
    for sandbox in working_layers() {
        let bench = Bench::new(sandbox);
        let built = bench.built(&writing(ways));
        assert_eq!(member(&built.wheel, "written-0"), "ä\n");
    }
}

#[test]
fn modes_and_headers_are_those_of_windows() {
    // `small.py` and `run.sh` of the source have modes of their own; what a file is
    // called makes it a program there, not its mode.
    let backend = HONEST.replace(
        "    return {}",
        "    for name in ['a.exe', 'B.BAT', 'c.sh', 'd']:\n        open(name, 'w').close()\n        os.chmod(name, 0o755)\n    \
         os.chmod('d', 0o555)\n    os.mkdir('e')\n    kept = open('a.exe')\n    \
         return {'seen': ' '.join('%o' % mode for mode in [os.stat(it).st_mode for it in ['a.exe', 'B.BAT', 'c.sh', 'd', 'e', 'small.py']] \
         + [os.lstat(b'a.exe').st_mode, os.stat(path='a.exe').st_mode, os.fstat(kept.fileno()).st_mode, \
         __import__('pathlib').Path('a.exe').stat().st_mode])}",
    );
    let expected = "100777 100777 100666 100444 40777 100666 100777 100777 100666 100777";
    for sandbox in working_layers() {
        let bench = on_windows(sandbox);
        let built = bench.built(&backend);
        assert_eq!(member(&built.wheel, "seen"), expected);
        let script = "import sys, zipfile\nfor member in zipfile.ZipFile(sys.argv[1]).infolist():\n print(member.filename, member.create_system, '%o' % (member.external_attr >> 16))";
        let said = Command::new("python3")
            .args(["-c", script])
            .arg(&built.wheel)
            .output()
            .expect("runs");
        assert_eq!(
            String::from_utf8_lossy(&said.stdout),
            // An honest backend gives the last one no mode, and zipfile 0600.
            "small.py 0 100666\nrun.sh 0 100666\nseen 0 600\n"
        );
    }
}

#[test]
fn text_without_an_encoding_is_utf_8_where_the_recipe_says_so() {
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        bench.amend = Box::new(|recipe| {
            recipe.platform = Platform::Windows;
            recipe
                .environment
                .insert("PYTHONUTF8".to_owned(), "1".to_owned());
        });
        let built = bench.built(&writing(&[("open(p, 'w').write('ä\\n')", "")]));
        assert_eq!(member(&built.wheel, "written-0"), "ä\r\n");
    }
}

/// A backend in its source that writes as setuptools does: texts into files, their
/// modes and times from the file system.
const BACKEND: &str = r#"
import base64, hashlib, os, time, zipfile

def build_wheel(directory, settings=None, metadata=None):
    info = "probe-1.0.dist-info/"
    os.mkdir(info)
    with open(info + "METADATA", "w", encoding="utf-8") as file:
        file.write("Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n")
    with open(info + "WHEEL", "wb") as file:
        file.write(b"Wheel-Version: 1.0\nGenerator: setuptools (1.2.3)\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    name = "probe-1.0-py3-none-any.whl"
    record = ""
    with zipfile.ZipFile(os.path.join(directory, name), "w", zipfile.ZIP_DEFLATED) as wheel:
        for path in ["probe.py", info + "METADATA", info + "WHEEL"]:
            with open(path, "rb") as file:
                data = file.read()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            record += f"{path},sha256={digest},{len(data)}\n"
            found = os.stat(path)
            member = zipfile.ZipInfo(path, time.gmtime(found.st_mtime)[:6])
            member.external_attr = found.st_mode << 16
            wheel.writestr(member, data, zipfile.ZIP_DEFLATED)
        member = zipfile.ZipInfo(info + "RECORD", time.gmtime()[:6])
        member.external_attr = 0o100664 << 16
        wheel.writestr(member, record + info + "RECORD,,\n", zipfile.ZIP_DEFLATED)
    return name
"#;

/// The wheel as Windows gives it: written down here, byte for byte, by Python's
/// zipfile. The source has the time 1700000000, 2023-11-14 22:13:20.
const PUBLISHED: &str = r#"
import sys, zipfile

def digest(data):
    import base64, hashlib
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")

metadata = b"Metadata-Version: 2.1\r\nName: probe\r\nVersion: 1.0\r\n"
described = b"Wheel-Version: 1.0\nGenerator: setuptools (1.2.3)\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
record = (
    f"probe.py,sha256={digest(b'x = 1' + bytes([10]))},6\n"
    f"probe-1.0.dist-info/METADATA,sha256={digest(metadata)},{len(metadata)}\n"
    f"probe-1.0.dist-info/WHEEL,sha256={digest(described)},{len(described)}\n"
    "probe-1.0.dist-info/RECORD,,\n"
).encode()
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as wheel:
    for name, time, mode, data in [
        ("probe.py", (2023, 11, 14, 22, 13, 20), 0o100666, b"x = 1\n"),
        ("probe-1.0.dist-info/METADATA", (2024, 1, 2, 3, 4, 6), 0o100666, metadata),
        ("probe-1.0.dist-info/WHEEL", (2024, 1, 2, 3, 4, 6), 0o100666, described),
        ("probe-1.0.dist-info/RECORD", (2024, 1, 2, 3, 4, 6), 0o100664, record),
    ]:
        member = zipfile.ZipInfo(name, time)
        member.create_system = CREATOR if name.endswith("RECORD") else 0
        member.external_attr = mode << 16
        wheel.writestr(member, data, zipfile.ZIP_DEFLATED)
"#;

/// A wheelhouse with the wheel of Windows, whose RECORD has this creator.
fn house(creator: u8) -> House {
    let house = House::of_one_project("");
    let files = [
        PYPROJECT,
        ("probe-1.0/backend.py", BACKEND),
        ("probe-1.0/probe.py", "x = 1\n"),
    ];
    sdist(&house.wheel("probe-1.0.tar.gz"), &files);
    publish(&house.wheel(PROBE), creator);
    house.sign_all();
    house
}

fn publish(wheel: &Path, creator: u8) {
    let status = Command::new("python3")
        .args(["-c", &PUBLISHED.replace("CREATOR", &creator.to_string())])
        .arg(wheel)
        .status()
        .unwrap();
    assert!(status.success());
}

fn rebuild(house: &House, flags: &[&str]) -> Outcome {
    let arguments = [&["--all", "--offline"], flags].concat();
    run(&mut house.rebuilding("rebuild", &arguments))
}

#[test]
fn a_wheel_of_windows_comes_back_by_its_headers() {
    let house = house(0);
    let found = first(&rebuild(&house, &[]).expect(0));
    assert_eq!(found["outcome"], "reproduced", "{found}");
    assert_eq!(
        found["rebuilt_sha256"],
        sha256sum(&house.wheel(PROBE)).as_str()
    );
    assert_eq!(found["recipe_source"], "inferred");
    assert_eq!(found["recipe"]["platform"], "windows");
    let reasons: Vec<_> = found["inferred"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|reason| reason["part"] == "platform")
        .collect();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!(reasons[0]["value"], "windows");
    let because = reasons[0]["because"].as_str().unwrap();
    assert!(
        because.contains("all 4 members name MS-DOS or Windows"),
        "{because}"
    );

    // What was found, pasted into the policy, gives the same without evidence.
    let policy = found["policy"].as_str().unwrap();
    assert!(policy.contains("\nplatform = \"windows\"\n"), "{policy}");
    house.write("wheelproof.toml", policy);
    let found = first(&rebuild(&house, &[]).expect(0));
    assert_eq!(found["recipe_source"], "policy");
    assert_eq!(found["outcome"], "reproduced");
}

#[test]
fn nothing_is_simulated_where_one_header_or_the_user_says_otherwise() {
    for (creator, flags) in [(3, &[][..]), (0, &["--platform", "native"])] {
        let found = first(&rebuild(&house(creator), flags).expect(1));
        assert_eq!(found["outcome"], "different");
        assert_eq!(found["recipe"].get("platform"), None);
        let reasons = found["inferred"].to_string();
        assert!(!reasons.contains("\"platform\""), "{reasons}");
        assert!(found["causes"].to_string().contains("built-on-windows"));
    }
}

#[test]
fn windows_is_proved_by_a_build_that_simulates_it() {
    let flags = ["--platform", "native", "--prove"];
    let found = first(&rebuild(&house(0), &flags).expect(1));
    let causes = found["causes"].as_array().unwrap();
    assert_eq!(causes.len(), 1, "{causes:?}");
    assert_eq!(causes[0]["cause"], "built-on-windows");
    assert_eq!(causes[0]["proof"], "counterfactual");
    let evidence = causes[0]["evidence"].to_string();
    let says = "a rebuild with Windows simulated has the signed digest";
    assert!(evidence.contains(says), "{evidence}");
}

#[test]
fn a_record_says_that_windows_was_simulated_and_a_rebuild_follows_it() {
    let house = House::with_source(BACKEND);
    let files = [
        PYPROJECT,
        ("probe-1.0/backend.py", BACKEND),
        ("probe-1.0/probe.py", "x = 1\n"),
    ];
    sdist(&house.at("source/probe-1.0.tar.gz"), &files);
    house.build(&["source", "--platform", "windows"]).expect(0);
    let metadata = member(&house.wheel(PROBE), "probe-1.0.dist-info/METADATA");
    assert_eq!(
        metadata,
        "Metadata-Version: 2.1\r\nName: probe\r\nVersion: 1.0\r\n"
    );
    let record = house.wheel(format!("{PROBE}.build.json"));
    let record = std::fs::read_to_string(record).unwrap();
    assert!(
        record.contains("\"inputs\":[],\"platform\":\"windows\","),
        "{record}"
    );
    house.sign_manifest();
    let found = first(&rebuild(&house, &["--platform", "native"]).expect(0));
    assert_eq!(found["recipe_source"], "record");
    assert_eq!(found["recipe"]["platform"], "windows");
    assert_eq!(found["outcome"], "reproduced");
}
