//! A clock that goes on while the build goes on: what the build sees of it, and
//! wheels whose generated files have several seconds.

use std::process::Command;

use crate::audit::{PROBE, sdist};
use crate::build_records::{PYPROJECT, first};
use crate::common::{House, Outcome, run, sha256sum, wheelproof, working_layers};
use crate::rebuild::{Bench, HONEST, member};

#[test]
fn a_clock_goes_on_when_a_file_is_begun_and_never_back() {
    // The name and the content of a file are one thing; only the end of its path,
    // and that it is begun and not read, make the clock go on.
    let backend = HONEST.replace("return {}", "return {'seen': ' '.join(seen())}")
        + r#"
def seen():
    import datetime, pathlib, shutil, time
    def begin(path):
        with open(path, 'w') as file:
            file.write('x')
            return str(int(time.time()))
    def of(path):
        return str(int(os.stat(path).st_mtime))
    yield begin('early')
    yield begin('one')
    yield begin('between')
    open('small.py').close()
    yield str(datetime.datetime.now().second)
    yield begin('two')
    yield begin('one')
    os.close(os.open('three', os.O_CREAT | os.O_WRONLY))
    yield time.strftime('%S')
    shutil.copy2('between', 'copied')
    for path in ['early', 'between', 'two', 'one', 'copied', pathlib.Path('three'), 'small.py']:
        yield of(path)
"#;
    let expected = "1400000000 1400000010 1400000010 30 1400000020 1400000020 50 \
                    1400000000 1400000010 1400000020 1400000020 1400000010 1400000030 1300000000";
    for sandbox in working_layers() {
        let mut bench = Bench::new(sandbox);
        bench.amend = Box::new(|recipe| {
            recipe.clock = Some(1_400_000_000);
            for (ending, later) in [("one", 10), ("two", 20), ("hree", 30), ("small.py", 40)] {
                let seconds = 1_400_000_000 + later;
                recipe.clock_steps.insert(ending.to_owned(), seconds);
            }
        });
        // Were two moments told apart by luck, one of several runs would show it.
        for _ in 0..3 {
            let built = bench.built(&backend);
            assert_eq!(member(&built.wheel, "seen"), expected);
        }
    }
}

/// A backend in its source that makes files as setuptools does: first those of the
/// `.egg-info`, which are copied with their times, then the others, then the archive
/// with RECORD.
const BACKEND: &str = r#"
import base64, hashlib, os, shutil, time, zipfile

def build_wheel(directory, settings=None, metadata=None):
    info, eggs = "probe-1.0.dist-info/", "probe.egg-info/"
    os.mkdir(info)
    os.mkdir(eggs)
    with open(eggs + "top_level.txt", "w") as file:
        file.write("probe\n")
    with open("_version.py", "w") as file:
        file.write("version = 1\n")
    shutil.copy2(eggs + "top_level.txt", info)
    with open(info + "METADATA", "w") as file:
        file.write("Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n")
    with open(info + "WHEEL", "wb") as file:
        file.write(b"Wheel-Version: 1.0\nGenerator: setuptools (1.2.3)\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    name = "probe-1.0-py3-none-any.whl"
    record = ""
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for path in ["probe.py", "_version.py", info + "METADATA", info + "WHEEL", info + "top_level.txt"]:
            with open(path, "rb") as file:
                data = file.read()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            record += f"{path},sha256={digest},{len(data)}\n"
            found = os.stat(path)
            member = zipfile.ZipInfo(path, time.gmtime(found.st_mtime)[:6])
            member.external_attr = found.st_mode << 16
            wheel.writestr(member, data)
        member = zipfile.ZipInfo(info + "RECORD", time.gmtime()[:6])
        member.external_attr = 0o100664 << 16
        wheel.writestr(member, record + info + "RECORD,,\n")
    return name
"#;

/// The wheel of a slow build, written by hand. The source has the time 1700000000,
/// 2023-11-14 22:13:20.
const PUBLISHED: &str = r#"
import base64, hashlib, sys, zipfile

files = [
    ("probe.py", (2023, 11, 14, 22, 13, 20), b"x = 1\n"),
    ("_version.py", (2024, 1, 2, 3, 4, 8), b"version = 1\n"),
    ("probe-1.0.dist-info/METADATA", (2024, 1, 2, 3, 4, METADATA), b"Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n"),
    ("probe-1.0.dist-info/WHEEL", (2024, 1, 2, 3, 4, 10), b"Wheel-Version: 1.0\nGenerator: setuptools (1.2.3)\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
    ("probe-1.0.dist-info/top_level.txt", (2024, 1, 2, 3, 4, 6), b"probe\n"),
]
record = ""
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    for name, time, data in files:
        member = zipfile.ZipInfo(name, time)
        member.external_attr = 0o100644 << 16
        wheel.writestr(member, data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        record += f"{name},sha256={digest},{len(data)}\n"
    member = zipfile.ZipInfo("probe-1.0.dist-info/RECORD", (2024, 1, 2, 3, 4, 14))
    member.external_attr = 0o100664 << 16
    wheel.writestr(member, record + "probe-1.0.dist-info/RECORD,,\n")
"#;

/// A wheelhouse with that wheel, whose METADATA has this second.
fn house(metadata: u8) -> House {
    let house = House::of_one_project("");
    let files = [
        PYPROJECT,
        ("probe-1.0/backend.py", BACKEND),
        ("probe-1.0/probe.py", "x = 1\n"),
    ];
    sdist(&house.wheel("probe-1.0.tar.gz"), &files);
    let status = Command::new("python3")
        .args([
            "-c",
            &PUBLISHED.replace("METADATA)", &format!("{metadata})")),
        ])
        .arg(house.wheel(PROBE))
        .status()
        .unwrap();
    assert!(status.success());
    house.sign_all();
    house
}

fn rebuild(house: &House, flags: &[&str]) -> Outcome {
    let arguments = [&["--all", "--offline"], flags].concat();
    run(&mut house.rebuilding("rebuild", &arguments))
}

#[test]
fn a_wheel_of_a_slow_build_comes_back_by_its_times() {
    let house = house(10);
    let found = first(&rebuild(&house, &[]).expect(0));
    assert_eq!(found["outcome"], "reproduced", "{found}");
    assert_eq!(
        found["rebuilt_sha256"],
        sha256sum(&house.wheel(PROBE)).as_str()
    );
    // `date -u -d '2024-01-02 03:04:06' +%s`, and what comes later.
    assert_eq!(found["recipe"]["clock"], 1_704_164_646);
    let steps = serde_json::json!({
        ".dist-info/METADATA": 1_704_164_650,
        ".dist-info/WHEEL": 1_704_164_650,
        ".whl": 1_704_164_654,
        "/_version.py": 1_704_164_648,
    });
    assert_eq!(found["recipe"]["clock_steps"], steps);
    let reasons = found["inferred"].to_string();
    assert!(
        reasons.contains(
            "1704164648 (2024-01-02T03:04:08Z), 1704164650 (2024-01-02T03:04:10Z), 1704164654"
        ),
        "{reasons}"
    );

    // What was found, pasted into the policy, gives the same without evidence.
    house.write("wheelproof.toml", found["policy"].as_str().unwrap());
    let found = first(&rebuild(&house, &[]).expect(0));
    assert_eq!(found["recipe_source"], "policy");
    assert_eq!(found["outcome"], "reproduced");
    assert_eq!(found["recipe"]["clock_steps"], steps);
    // A clock that is said for this run stands still.
    let found = first(&rebuild(&house, &["--clock", "1704164646"]).expect(0));
    assert_eq!(found["outcome"], "reproduced-with-witness");
    assert_eq!(found["recipe"].get("clock_steps"), None);
}

#[test]
fn times_that_no_clock_can_have_had_are_for_a_witness() {
    // METADATA is begun after `_version.py`, and has an earlier time.
    let found = first(&rebuild(&house(6), &[]).expect(0));
    assert_eq!(found["outcome"], "reproduced-with-witness", "{found}");
    let differences = found["differences"].to_string();
    assert!(differences.contains("METADATA"), "{differences}");
}

#[test]
fn a_record_has_the_steps_and_a_rebuild_follows_it() {
    let house = House::with_source(BACKEND);
    let files = [
        PYPROJECT,
        ("probe-1.0/backend.py", BACKEND),
        ("probe-1.0/probe.py", "x = 1\n"),
    ];
    sdist(&house.at("source/probe-1.0.tar.gz"), &files);
    house.write(
        "wheelproof.toml",
        "[rebuild.projects.probe]\nclock = 1700000000\nclock-steps = { \".whl\" = 1700000060 }\ntools = []\n",
    );
    let outcome = run(wheelproof()
        .current_dir(house.at(""))
        .env("XDG_CACHE_HOME", house.at("cache"))
        .args(["build", ".", "source", "--format", "json"]));
    outcome.expect(0);
    let record = house.wheel(format!("{PROBE}.build.json"));
    let record = std::fs::read_to_string(record).unwrap();
    let says = "\"clock\":1700000000,\"clock_steps\":{\".whl\":1700000060},";
    assert!(record.contains(says), "{record}");
    house.remove("wheelproof.toml");
    house.sign_manifest();
    let found = first(&rebuild(&house, &[]).expect(0));
    assert_eq!(found["recipe_source"], "record");
    assert_eq!(found["outcome"], "reproduced", "{found}");
}

#[test]
fn a_policy_whose_clock_goes_back_or_is_missing_is_refused() {
    let house = house(10);
    for (policy, says) in [
        ("clock-steps = { x = 1700000000 }", "this needs a clock"),
        (
            "clock = \"unset\"\nclock-steps = { x = 1700000000 }",
            "this needs a clock",
        ),
        (
            "clock = 1700000002\nclock-steps = { x = 1700000000 }",
            "never goes back",
        ),
        (
            "clock = 1700000000\nclock-steps = { \"\" = 1700000002 }",
            "the end of a path",
        ),
    ] {
        house.write("wheelproof.toml", format!("[rebuild.recipe]\n{policy}\n"));
        let outcome = rebuild(&house, &[]).expect(2);
        let said = format!("{}{}", outcome.out(), outcome.err());
        assert!(said.contains(says), "{says}: {said}");
        assert!(said.contains("wheelproof.toml"), "{said}");
    }
}
