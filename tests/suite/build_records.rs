//! `wheelproof build`, its records, and rebuilds that follow them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::audit::{PROBE, sdist};
use crate::common::{
    FILES, House, Outcome, has_bubblewrap, has_program, run, sha256sum, wheelproof,
};

/// A backend that writes what it sees of its recipe.
const TELLING: &str = r#"
import os, time, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "probe-1.0-py3-none-any.whl"
    info = "probe-1.0.dist-info/"
    seen = "%s %s %s\n" % (os.getcwd(), os.environ.get("SOURCE_DATE_EPOCH"), int(time.time()))
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        files = {"probe.py": "seen = %r\n" % seen,
                 info + "METADATA": "Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n",
                 info + "WHEEL": "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
        import base64, hashlib
        rows = ""
        for member, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows += "%s,sha256=%s,%d\n" % (member, digest, len(text.encode()))
        files[info + "RECORD"] = rows + info + "RECORD,,\n"
        for member, text in files.items():
            entry = zipfile.ZipInfo(member, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            wheel.writestr(entry, text)
    return name
"#;

/// Returns that backend, without the directory where no layer here can give one.
fn telling() -> String {
    match has_bubblewrap() {
        true => TELLING.to_owned(),
        false => TELLING.replace("os.getcwd()", "None"),
    }
}

pub(crate) const PYPROJECT: (&str, &str) = (
    "probe-1.0/pyproject.toml",
    "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
);

const RECORD: &str = "probe-1.0-py3-none-any.whl.build.json";

impl House {
    /// Returns an empty house with an sdist beside it whose build has this backend.
    pub(crate) fn with_source(backend: &str) -> Self {
        let house = Self::new();
        for name in FILES {
            std::fs::remove_file(house.wheel(name)).unwrap();
        }
        house.remove("sha256sums.txt");
        house.remove("sha256sums.txt.asc");
        std::fs::create_dir(house.at("source")).unwrap();
        let files = [PYPROJECT, ("probe-1.0/backend.py", backend)];
        sdist(&house.at("source/probe-1.0.tar.gz"), &files);
        house
    }

    fn building(&self, arguments: &[&str]) -> Command {
        let _ = std::fs::create_dir(self.at("tmp"));
        self.mode("tmp", 0o1777);
        let mut program = wheelproof();
        program
            .current_dir(self.at(""))
            .env("TMPDIR", self.at("tmp"))
            .env("XDG_CACHE_HOME", self.at("cache"))
            .args(["build", "."])
            .args(arguments)
            .args(["--format", "json", "--build-path", "/build/of/{sdist}"])
            .args(["--source-date-epoch", "1700000000", "--clock", "1700000000"]);
        program
    }

    #[track_caller]
    pub(crate) fn build(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.building(arguments))
    }

    /// Signs what the build listed.
    pub(crate) fn sign_manifest(&self) {
        self.sign(std::fs::read_to_string(self.at("sha256sums.txt")).unwrap());
    }

    fn record(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.wheel(RECORD)).unwrap()).unwrap()
    }
}

/// Returns the names in `wheels/`, hidden ones too.
pub(crate) fn names(house: &House) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(house.at("wheels"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) fn first(outcome: &Outcome) -> Value {
    outcome.json()["rebuilds"][0].clone()
}

#[test]
fn wheels_records_and_manifest_come_out_and_rebuild_to_the_same_bytes() {
    let house = House::with_source(&telling());
    house.build(&["source"]).expect(0);
    assert_eq!(names(&house), [PROBE, RECORD, "probe-1.0.tar.gz"]);
    // The manifest is what coreutils write.
    let lines: String = names(&house)
        .iter()
        .map(|name| format!("{}  {name}\n", sha256sum(&house.wheel(name))))
        .collect();
    assert_eq!(
        std::fs::read_to_string(house.at("sha256sums.txt")).unwrap(),
        lines
    );
    let record = house.record();
    assert_eq!(record["wheel"]["sha256"], sha256sum(&house.wheel(PROBE)));
    let sdist = sha256sum(&house.wheel("probe-1.0.tar.gz"));
    assert_eq!(record["sdist"]["sha256"], sdist);
    assert_eq!(record["recipe"]["source_date_epoch"], 1_700_000_000);
    house.sign_manifest();
    // Nothing here says how to build: the record does, and it wins over flags.
    let rebuilt = run(&mut house.rebuilding(
        "rebuild",
        &["--all", "--source-date-epoch", "1600000000", "--offline"],
    ))
    .expect(0);
    let rebuild = first(&rebuilt);
    assert_eq!(rebuild["outcome"], "reproduced");
    assert_eq!(rebuild["recipe_source"], "record");
    assert_eq!(rebuild["mismatches"], Value::Null);
    let ignored = run(&mut house.rebuilding(
        "rebuild",
        &[
            "--all",
            "--records",
            "ignore",
            "--offline",
            "--source-date-epoch",
            "1600000000",
        ],
    ))
    .expect(1);
    assert_eq!(first(&ignored)["outcome"], "different");
}

#[test]
fn python_writes_the_record_byte_for_byte_the_same() {
    let house = House::with_source(TELLING);
    house.build(&["source"]).expect(0);
    let script = "import json, sys; text = open(sys.argv[1], encoding='utf-8').read()
assert text == json.dumps(json.loads(text), sort_keys=True, separators=(',', ':'), ensure_ascii=False) + '\\n'";
    let status = Command::new("python3")
        .args(["-c", script])
        .arg(house.wheel(RECORD))
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn building_twice_changes_nothing_and_other_contents_are_never_overwritten() {
    let house = House::with_source(&telling());
    house.build(&["source"]).expect(0);
    let before: Vec<String> = names(&house)
        .iter()
        .map(|name| sha256sum(&house.wheel(name)))
        .collect();
    let again = house.build(&["source"]).expect(0);
    for file in again.json()["written"].as_array().unwrap() {
        assert_eq!(file["change"], "unchanged");
    }
    // The wheelhouse's own sdists are built when none is named.
    house.build(&[]).expect(0);
    let refused = house.build(&["source", "--umask", "077"]).expect(3);
    let message = refused.json()["errors"][0]["message"].to_string();
    assert!(message.contains("nothing is overwritten"), "{message}");
    let after: Vec<String> = names(&house)
        .iter()
        .map(|name| sha256sum(&house.wheel(name)))
        .collect();
    assert_eq!(before, after);
    assert_eq!(house.left(), Vec::<String>::new());
}

/// The weaker layers build in another directory each time, and say so where it shows.
#[test]
fn without_bubblewrap_a_directory_in_the_wheel_is_another_each_time_and_that_is_said() {
    let house = House::with_source(TELLING);
    // The system's interpreter, which the user whom root's builds are may read.
    let off = ["--sandbox", "off", "--python", "py3=/usr/bin/python3"];
    let build = || house.build(&[&["source"], &off[..]].concat());
    build().expect(0);
    let before = sha256sum(&house.wheel(PROBE));
    let again = build().expect(3);
    let error = &again.json()["errors"][0];
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("nothing is overwritten"), "{message}");
    let next = error["next"].as_str().unwrap();
    assert!(next.contains("another directory each time"), "{next}");
    assert_eq!(sha256sum(&house.wheel(PROBE)), before);
    house.sign_manifest();
    let flags = [&["--all", "--offline"], &off[..]].concat();
    let rebuilt = run(&mut house.rebuilding("rebuild", &flags)).expect(1);
    let rebuild = first(&rebuilt);
    assert_eq!(rebuild["outcome"], "different");
    assert_eq!(rebuild["causes"][0]["cause"], "build-path");
    let note = rebuild["notes"][0].as_str().unwrap();
    assert!(note.contains("/build/of/probe-1.0"), "{note}");
}

/// In bubblewrap it is no reason, and is not named as one.
#[test]
fn in_bubblewrap_the_directory_of_a_build_is_not_blamed() {
    if !has_bubblewrap() {
        return;
    }
    let house = House::with_source(TELLING);
    house.build(&["source"]).expect(0);
    let refused = house.build(&["source", "--umask", "077"]).expect(3);
    let next = refused.json()["errors"][0]["next"].to_string();
    assert!(!next.contains("each time"), "{next}");
}

#[test]
fn one_build_that_fails_keeps_all_others_back() {
    let house = House::with_source(TELLING);
    let files = [
        ("other-1.0/pyproject.toml", PYPROJECT.1),
        (
            "other-1.0/backend.py",
            "def build_wheel(*rest):\n    raise SystemExit('no wheel today')\n",
        ),
    ];
    sdist(&house.at("source/other-1.0.tar.gz"), &files);
    // `sdist` adds a PKG-INFO below another directory.
    let failed = house.build(&["source"]).expect(3);
    let message = failed.json()["errors"][0]["message"].to_string();
    assert!(message.contains("other-1.0.tar.gz"), "{message}");
    assert_eq!(names(&house), Vec::<String>::new());
    assert!(!house.at("sha256sums.txt").exists());
}

#[test]
fn a_list_of_hashes_decides_what_is_built() {
    let house = House::with_source(TELLING);
    let digest = sha256sum(&house.at("source/probe-1.0.tar.gz"));
    house.write("list.txt", format!("probe==1.0 --hash=sha256:{digest}\n"));
    let other = "0".repeat(64);
    house.write("other.txt", format!("probe==1.0 --hash=sha256:{other}\n"));
    house.write("bare.txt", "probe==1.0\n");
    for list in ["other.txt", "bare.txt"] {
        house.build(&["source", "--requirements", list]).expect(3);
        assert_eq!(names(&house), Vec::<String>::new());
    }
    house
        .build(&["source", "--requirements", "list.txt"])
        .expect(0);
    assert_eq!(names(&house).len(), 3);
}

/// Lock files of uv, Poetry and the standard name sdists by hash too.
#[test]
fn a_lock_file_decides_what_is_built() {
    let index = "http://127.0.0.1:8642/";
    let locks = |digest: &str| {
        let zeros = "0".repeat(64);
        [
            (
                "uv.lock",
                format!(
                    "version = 1\nrequires-python = \">=3.9\"\n\n[[package]]\nname = \"app\"\nversion = \"1\"\nsource = {{ virtual = \".\" }}\ndependencies = [{{ name = \"probe\" }}]\n\n[[package]]\nname = \"probe\"\nversion = \"1.0\"\nsource = {{ registry = \"{index}\" }}\nsdist = {{ url = \"{index}probe-1.0.tar.gz\", hash = \"sha256:{digest}\" }}\nwheels = [\n    {{ url = \"{index}{PROBE}\", hash = \"sha256:{zeros}\" }},\n]\n"
                ),
            ),
            (
                "pylock.toml",
                format!(
                    "lock-version = \"1.0\"\ncreated-by = \"hand\"\n\n[[packages]]\nname = \"probe\"\nversion = \"1.0\"\nsdist = {{ url = \"{index}probe-1.0.tar.gz\", hashes = {{ sha256 = \"{digest}\" }} }}\n"
                ),
            ),
            (
                "poetry.lock",
                format!(
                    "[[package]]\nname = \"probe\"\nversion = \"1.0\"\noptional = false\npython-versions = \"*\"\ngroups = [\"main\"]\nfiles = [\n    {{file = \"{PROBE}\", hash = \"sha256:{zeros}\"}},\n    {{file = \"probe-1.0.tar.gz\", hash = \"sha256:{digest}\"}},\n]\n\n[metadata]\nlock-version = \"2.1\"\npython-versions = \">=3.9\"\ncontent-hash = \"{zeros}\"\n"
                ),
            ),
        ]
    };
    for name in ["uv.lock", "pylock.toml", "poetry.lock"] {
        let house = House::with_source(TELLING);
        let write = |digest: &str| {
            let all = locks(digest);
            let (_, text) = all.iter().find(|(other, _)| *other == name).unwrap();
            house.write(name, text);
        };
        write(&"1".repeat(64));
        let refused = house.build(&["source", "--requirements", name]);
        let message = refused.json()["errors"][0]["message"].to_string();
        assert!(
            message.contains("no sdist at hand has a listed digest"),
            "{name}: {message}"
        );
        assert_eq!(names(&house), Vec::<String>::new());
        write(&sha256sum(&house.at("source/probe-1.0.tar.gz")));
        house.build(&["source", "--requirements", name]).expect(0);
        assert_eq!(names(&house).len(), 3, "{name}");
    }
}

#[test]
fn nothing_to_build_and_no_sdist_are_told_apart() {
    let house = House::with_source(TELLING);
    house.build(&[]).expect(4);
    house.build(&["keys/signer.asc"]).expect(3);
}

#[test]
fn a_record_that_nobody_here_can_follow_is_a_reason_and_not_a_weaker_recipe() {
    let house = House::with_source(TELLING);
    house.build(&["source"]).expect(0);
    let mut record = house.record();
    record["recipe"]["inputs"] = serde_json::json!([{"at": "/vendor", "sha256": "0".repeat(64)}]);
    std::fs::write(house.wheel(RECORD), format!("{record}\n")).unwrap();
    house.sign_all();
    let rebuilt = run(&mut house.rebuilding("rebuild", &["--all", "--offline"])).expect(3);
    let rebuild = first(&rebuilt);
    assert_eq!(rebuild["outcome"], "not-attempted");
    assert!(rebuild["reason"].as_str().unwrap().contains("/vendor"));
}

#[test]
fn another_machine_than_the_recorded_one_is_said_with_both_sides() {
    let house = House::with_source(&telling());
    house.build(&["source"]).expect(0);
    let mut record = house.record();
    record["machine"]["zlib"] = "1.2.99-other".into();
    record["machine"]["interpreter"]["sha256"] = "0".repeat(64).into();
    std::fs::write(house.wheel(RECORD), format!("{record}\n")).unwrap();
    house.sign_all();
    let rebuilt = run(&mut house.rebuilding("rebuild", &["--all", "--offline"])).expect(0);
    let mismatches = first(&rebuilt)["mismatches"].clone();
    let said: Vec<(&str, &str)> = mismatches
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["what"].as_str().unwrap(),
                it["expected"].as_str().unwrap(),
            )
        })
        .collect();
    let zeros = "0".repeat(64);
    assert_eq!(
        said,
        [
            ("interpreter's executable", zeros.as_str()),
            ("zlib", "1.2.99-other")
        ]
    );
}

/// pip and uv install from a directory that holds records.
#[test]
fn installers_pass_over_records() {
    let house = House::with_source(TELLING);
    house.build(&["source"]).expect(0);
    let Some(tools) = std::env::var_os("WHEELPROOF_TEST_TOOLS") else {
        crate::skipped!("WHEELPROOF_TEST_TOOLS names no pip and uv");
        return;
    };
    let tools = Path::new(&tools).join("bin");
    let (pip, uv) = (tools.join("pip"), tools.join("uv"));
    if !pip.exists() || !uv.exists() {
        crate::skipped!("no pip and uv in WHEELPROOF_TEST_TOOLS");
        return;
    }
    for (program, words) in [
        (&pip, vec!["install", "--no-deps"]),
        (&uv, vec!["pip", "install", "--no-deps"]),
    ] {
        let target = house.at(program.file_name().unwrap());
        let mut command = Command::new(program);
        command
            .args(words)
            .args(["--no-index", "--only-binary", ":all:", "probe==1.0"])
            .arg("--find-links")
            .arg(house.at("wheels"))
            .arg("--target")
            .arg(&target)
            .env("HOME", house.at("home"));
        run(&mut command).expect(0);
        assert!(target.join("probe.py").exists());
    }
}

const C_EXTENSION: &str = r#"
import os, subprocess, sysconfig, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    tag = "cp3%d-cp3%d-linux_x86_64" % ((__import__("sys").version_info[1],) * 2)
    name = "probe-1.0-%s.whl" % tag
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC")
    flags = sysconfig.get_config_var("CFLAGS") + " " + sysconfig.get_config_var("CCSHARED")
    source = os.path.abspath("probe.c")
    subprocess.run("%s %s -shared -o probe.so %s" % (compiler, flags, source), shell=True, check=True)
    info = "probe-1.0.dist-info/"
    files = {"probe.so": open("probe.so", "rb").read(),
             info + "METADATA": b"Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n",
             info + "WHEEL": ("Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: false\nTag: %s\n" % tag).encode()}
    import base64, hashlib
    rows = "".join("%s,sha256=%s,%d\n" % (member, base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode(), len(data)) for member, data in files.items())
    files[info + "RECORD"] = (rows + info + "RECORD,,\n").encode()
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for member, data in files.items():
            entry = zipfile.ZipInfo(member, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            wheel.writestr(entry, data)
    return name
"#;

/// Debug information holds the path of the source, which a prefix map hides.
#[test]
fn compiled_code_comes_back_with_the_recorded_flags_and_path() {
    if !has_program("cc") || !has_bubblewrap() {
        return;
    }
    let house = House::with_source("");
    let files = [
        PYPROJECT,
        ("probe-1.0/backend.py", C_EXTENSION),
        ("probe-1.0/probe.c", "int probe(int x) { return x + 1; }\n"),
    ];
    sdist(&house.at("source/probe-1.0.tar.gz"), &files);
    let policy = "[rebuild.interpreters]\npy3 = \"/usr/bin/python3\"\n[rebuild.recipe]\n\
                  environment = { CFLAGS = \"\" }\nprefix-map = \"/mapped/{sdist}\"\n";
    house.write("wheelproof.toml", policy);
    house.build(&["source"]).expect(0);
    let wheel = names(&house)
        .into_iter()
        .find(|name| name.ends_with(".whl"))
        .unwrap();
    let built = sha256sum(&house.wheel(&wheel));
    let script = "import sys, zipfile; data = zipfile.ZipFile(sys.argv[1]).read('probe.so')
print(b'/mapped/probe-1.0' in data, b'/build/of' in data)";
    let mapped = Command::new("python3")
        .args(["-c", script])
        .arg(house.wheel(&wheel))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&mapped.stdout).into_owned();
    if !said.starts_with("True") && !said.starts_with("False False") {
        panic!("{said}");
    }
    assert!(said.trim().ends_with("False"), "{said}");
    house.sign_manifest();
    let rebuilt = run(&mut house.rebuilding("rebuild", &["--all", "--offline"])).expect(0);
    assert_eq!(first(&rebuilt)["rebuilt_sha256"], built.as_str());
    // Without namespaces the path is another one, and the bytes are the same.
    let weaker = run(&mut house.rebuilding("rebuild", &["--all", "--offline", "--sandbox", "off"]));
    assert_eq!(
        first(&weaker)["rebuilt_sha256"],
        built.as_str(),
        "{weaker:?}"
    );
}
