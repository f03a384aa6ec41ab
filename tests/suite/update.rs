//! `wheelproof update`: from lists of hashes to a wheelhouse, and what keeps the old
//! one whole.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{
    Outcome, has_bubblewrap, has_program, run, send, sha256sum, start, until, wait, wheelproof,
};
use crate::signing::{Signer, TODAY};

/// Writes an sdist whose build writes the smallest wheel that every check lets pass.
/// The backend is this code, with the name and the version filled in.
const SDIST: &str = r#"
import io, json, sys, tarfile
path, name, version, backend = sys.argv[1:]
top = "%s-%s/" % (name, version)
files = {
    "PKG-INFO": "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version),
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "backend.py": "NAME, VERSION = %r, %r\n%s" % (name, version, backend),
}
with tarfile.open(path, "w:gz") as archive:
    for member, text in files.items():
        entry = tarfile.TarInfo(top + member)
        entry.size, entry.mtime = len(text.encode()), 1700000000
        archive.addfile(entry, io.BytesIO(text.encode()))
"#;

/// A backend that writes what it sees of its recipe into the wheel.
const BACKEND: &str = r#"
import base64, hashlib, os, zipfile
def wheel_files(seen):
    info = "%s-%s.dist-info/" % (NAME, VERSION)
    files = {NAME + ".py": "seen = %r\n" % seen,
             info + "METADATA": "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (NAME, VERSION),
             info + "WHEEL": "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    rows = ""
    for member, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows += "%s,sha256=%s,%d\n" % (member, digest, len(text.encode()))
    files[info + "RECORD"] = rows + info + "RECORD,,\n"
    return files
def write(path, seen):
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in wheel_files(seen).items():
            entry = zipfile.ZipInfo(member, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            wheel.writestr(entry, text)
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "%s-%s-py3-none-any.whl" % (NAME, VERSION)
    write(os.path.join(directory, name), "%s %s" % (os.environ.get("SOURCE_DATE_EPOCH"), os.environ.get("MOOD")))
    return name
"#;

/// A backend that takes its time.
const SLOW: &str = "import time\ntime.sleep(3)\n";

/// A directory with a wheelhouse to be, sdists beside it, and a signer.
struct Yard {
    directory: TempDir,
    signer: Signer,
}

impl Yard {
    fn new() -> Self {
        let yard = Self {
            directory: tempfile::tempdir().unwrap(),
            signer: Signer::ordinary(1),
        };
        for name in ["sources", "keys", "tmp"] {
            std::fs::create_dir(yard.at(name)).unwrap();
        }
        std::fs::write(yard.at("keys/signer.asc"), yard.signer.certificate()).unwrap();
        let open = |path: PathBuf, mode| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        open(yard.at(""), 0o755);
        open(yard.at("tmp"), 0o1777);
        yard
    }

    fn at(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    fn write(&self, below: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.at(below), contents).unwrap();
    }

    /// Writes an sdist into `sources`; returns the line that asks for it.
    fn sdist(&self, name: &str, version: &str, more: &str) -> String {
        self.sdist_in("sources", name, version, more)
    }

    fn sdist_in(&self, place: &str, name: &str, version: &str, more: &str) -> String {
        let path = self.at(&format!("{place}/{name}-{version}.tar.gz"));
        let status = Command::new("python3")
            .args(["-c", SDIST])
            .arg(&path)
            .args([name, version, &format!("{BACKEND}{more}")])
            .status();
        assert!(status.unwrap().success());
        format!("{name}=={version} --hash=sha256:{}\n", sha256sum(&path))
    }

    /// Lists the sdists of three projects in `lock.txt`.
    fn with_three() -> Self {
        let yard = Self::new();
        let lines: String = ["one", "two", "three"]
            .iter()
            .map(|name| yard.sdist(name, "1.0", ""))
            .collect();
        yard.write("lock.txt", lines);
        yard
    }

    /// The same, built and signed.
    fn signed() -> Self {
        let yard = Self::with_three();
        yard.update(&[]).expect(0);
        yard.sign();
        yard
    }

    /// Returns what `lock.txt` lists.
    fn lock(&self) -> String {
        std::fs::read_to_string(self.at("lock.txt")).unwrap()
    }

    /// Returns the update by a list, without sources.
    fn updating_by(&self, list: impl AsRef<OsStr>, flags: &[&str]) -> Command {
        let mut program = wheelproof();
        program
            .current_dir(self.at(""))
            .env("TMPDIR", self.at("tmp"))
            .env("XDG_CACHE_HOME", self.at("cache"))
            .args(["update", "house", "--format", "json", "--from"])
            .arg(list)
            .args(flags);
        program
    }

    fn updating(&self, flags: &[&str]) -> Command {
        self.updating_by("lock.txt", &[&["--sources", "sources"], flags].concat())
    }

    #[track_caller]
    fn update(&self, flags: &[&str]) -> Outcome {
        run(&mut self.updating(&[&["--offline"], flags].concat()))
    }

    /// Signs the manifest that is there.
    fn sign(&self) {
        let manifest = std::fs::read(self.at("house/sha256sums.txt")).unwrap();
        self.write(
            "house/sha256sums.txt.asc",
            self.signer.sign_plainly(&manifest),
        );
    }

    #[track_caller]
    fn verify(&self, house: &str) -> Outcome {
        let mut program = wheelproof();
        program
            .current_dir(self.at(""))
            .args(["verify", house, "--certs", "keys", "--time", TODAY]);
        // Its policy is the release manager's own.
        let policy = self.at(house).join("wheelproof.toml");
        if policy.exists() {
            program.arg("--policy").arg(policy);
        }
        run(&mut program)
    }

    fn names(&self, house: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.at(house))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Returns what lies beside the house that was not there before.
    fn beside(&self) -> Vec<String> {
        let known = [
            "cache", "house", "keys", "lock.txt", "sources", "tmp", "index",
        ];
        let mut names = self.names("");
        names.retain(|name| !known.contains(&name.as_str()));
        names
    }

    fn inode(&self, below: &str) -> u64 {
        std::fs::metadata(self.at(below)).unwrap().ino()
    }
}

/// Returns project, step and reason of each step.
fn steps(outcome: &Outcome) -> Vec<(String, String, String)> {
    outcome.json()["update"]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
            (text("project"), text("step"), text("because"))
        })
        .collect()
}

fn message(outcome: &Outcome) -> String {
    outcome.json()["errors"][0]["message"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn built(project: &str, because: &str) -> (String, String, String) {
    (project.to_owned(), "build".to_owned(), because.to_owned())
}

fn kept(project: &str) -> (String, String, String) {
    (project.to_owned(), "keep".to_owned(), String::new())
}

#[test]
fn a_list_of_hashes_becomes_a_wheelhouse_that_verifies_once_it_is_signed() {
    let yard = Yard::with_three();
    let made = yard.update(&[]).expect(0);
    assert_eq!(
        steps(&made),
        [
            built("one", "new"),
            built("three", "new"),
            built("two", "new")
        ]
    );
    let mut expected = vec!["sha256sums.txt".to_owned()];
    for name in ["one", "three", "two"] {
        expected.push(format!("{name}-1.0-py3-none-any.whl"));
        expected.push(format!("{name}-1.0-py3-none-any.whl.build.json"));
        expected.push(format!("{name}-1.0.tar.gz"));
    }
    expected.sort();
    assert_eq!(yard.names("house"), expected);
    let lines: String = expected
        .iter()
        .filter(|name| *name != "sha256sums.txt")
        .map(|name| {
            format!(
                "{}  {name}\n",
                sha256sum(&yard.at(&format!("house/{name}")))
            )
        })
        .collect();
    let manifest = std::fs::read_to_string(yard.at("house/sha256sums.txt")).unwrap();
    assert_eq!(manifest, lines);
    yard.verify("house").expect(1);
    yard.sign();
    yard.verify("house").expect(0);
    assert_eq!(yard.beside(), Vec::<String>::new());
    assert_eq!(yard.names("tmp"), Vec::<String>::new());
}

#[test]
fn where_nothing_changed_nothing_is_touched() {
    let yard = Yard::signed();
    let before = yard.inode("house");
    let again = yard.update(&[]).expect(0);
    assert_eq!(steps(&again), [kept("one"), kept("three"), kept("two")]);
    assert_eq!(again.json()["update"]["in_place"], false);
    assert_eq!(yard.inode("house"), before);
    yard.verify("house").expect(0);
    assert_eq!(yard.beside(), Vec::<String>::new());
}

#[test]
fn a_wheel_whose_input_has_other_contents_is_built_again() {
    if !has_bubblewrap() {
        return;
    }
    let yard = Yard::new();
    yard.write("lock.txt", yard.sdist("one", "1.0", ""));
    std::fs::create_dir(yard.at("input")).unwrap();
    yard.write("input/compiler", "first");
    yard.write("mine.toml", "");
    let update = || {
        let made = yard.update(&["--policy", "mine.toml"]).expect(0);
        let part = made.json()["update"]["steps"][0]["part"].clone();
        (steps(&made), part)
    };
    let changed = || (vec![built("one", "recipe-changed")], Value::from("inputs"));
    let same = || (vec![kept("one")], Value::Null);
    assert_eq!(update().0, [built("one", "new")]);
    assert_eq!(update(), same());
    yard.write(
        "mine.toml",
        "[rebuild.recipe]\ninputs = { \"/opt/inp\" = \"input\" }\n",
    );
    assert_eq!(update(), changed());
    assert_eq!(update(), same());
    yard.write("input/compiler", "second");
    assert_eq!(update(), changed());
    assert_eq!(update(), same());
    // Where it lies is no part of the recipe; what is in it is.
    std::fs::rename(yard.at("input"), yard.at("elsewhere")).unwrap();
    let policy = "[rebuild.recipe]\ninputs = { \"/opt/inp\" = \"elsewhere\" }\n";
    yard.write("mine.toml", policy);
    assert_eq!(update(), same());
    yard.write("mine.toml", "");
    assert_eq!(update(), changed());
}

#[test]
fn one_version_more_is_one_build_and_the_signed_wheelhouse_stays_beside() {
    let yard = Yard::with_three();
    yard.update(&[]).expect(0);
    yard.write("house/README", "not a wheel");
    yard.write(
        "house/wheelproof.toml",
        "[wheelhouse]\nallow-unlisted = [\"README\"]\n",
    );
    yard.sign();
    yard.verify("house").expect(0);
    let wheel = "house/one-1.0-py3-none-any.whl";
    let (bytes, file) = (sha256sum(&yard.at(wheel)), yard.inode(wheel));
    let lock = yard.lock();
    let others: String = lock
        .lines()
        .filter(|line| !line.starts_with("two"))
        .map(|line| format!("{line}\n"))
        .collect();
    yard.write(
        "lock.txt",
        format!("{others}{}", yard.sdist("two", "1.1", "")),
    );

    // Nobody is there to ask, and nobody said yes.
    let refused = yard.update(&[]).expect(3);
    assert!(
        message(&refused).contains("3 files would be dropped"),
        "{}",
        message(&refused)
    );
    yard.verify("house").expect(0);
    let plan = yard.update(&["--dry-run"]).expect(0);
    let expected = [kept("one"), kept("three"), built("two", "new")];
    assert_eq!(steps(&plan), expected);
    let dropped = plan.json()["update"]["dropped"].clone();
    assert_eq!(
        dropped,
        serde_json::json!([
            "two-1.0-py3-none-any.whl",
            "two-1.0-py3-none-any.whl.build.json",
            "two-1.0.tar.gz"
        ])
    );
    yard.verify("house").expect(0);
    assert_eq!(yard.beside(), Vec::<String>::new());

    let made = yard.update(&["--yes"]).expect(0);
    assert_eq!(steps(&made), expected);
    assert_eq!(
        (sha256sum(&yard.at(wheel)), yard.inode(wheel)),
        (bytes, file)
    );
    assert!(!yard.at("house/two-1.0.tar.gz").exists());
    assert_eq!(
        std::fs::read(yard.at("house/README")).unwrap(),
        b"not a wheel"
    );
    assert_eq!(yard.beside(), ["house.previous"]);
    yard.verify("house.previous").expect(0);
    // The new one is nobody's word yet.
    yard.verify("house").expect(1);
    // Another change before anybody signs: the signed one stays beside.
    yard.write("lock.txt", others);
    yard.update(&["--yes"]).expect(0);
    yard.verify("house.previous").expect(0);
    assert!(yard.at("house.previous/two-1.0.tar.gz").exists());
    yard.sign();
    yard.verify("house").expect(0);
}

#[test]
fn another_recipe_is_another_build_and_the_plan_says_what_changed() {
    let yard = Yard::signed();
    let changed = yard
        .update(&["--build-env", "MOOD=good", "--dry-run"])
        .expect(0);
    let step = changed.json()["update"]["steps"][0].clone();
    assert_eq!(
        (
            &step["because"],
            &step["part"],
            &step["recorded"],
            &step["stated"]
        ),
        (
            &Value::from("recipe-changed"),
            &Value::from("environment"),
            &Value::from("{}"),
            &Value::from("{\"MOOD\":\"good\"}")
        )
    );
    // Files of the same names take the place of the old ones: nothing is dropped.
    let made = yard.update(&["--build-env", "MOOD=good"]).expect(0);
    assert!(steps(&made).iter().all(|(_, step, _)| step == "build"));
    yard.sign();
    yard.verify("house").expect(0);
    let kept = yard.update(&["--build-env", "MOOD=good"]).expect(0);
    assert!(steps(&kept).iter().all(|(_, step, _)| step == "keep"));
}

#[test]
fn a_wheel_that_nobody_recorded_or_that_is_another_sdists_is_built() {
    let yard = Yard::with_three();
    yard.update(&[]).expect(0);
    std::fs::remove_file(yard.at("house/one-1.0-py3-none-any.whl.build.json")).unwrap();
    std::fs::write(yard.at("house/three-1.0-py3-none-any.whl"), "changed").unwrap();
    let lock = yard.lock();
    let lock: String = lock
        .lines()
        .filter(|line| !line.starts_with("two"))
        .map(|line| format!("{line}\n"))
        .collect();
    yard.write("lock.txt", lock + &yard.sdist("two", "1.0", "# another\n"));
    let made = yard.update(&[]).expect(0);
    assert_eq!(
        steps(&made),
        [
            built("one", "unrecorded"),
            built("three", "unrecorded"),
            built("two", "sdist-changed")
        ]
    );
    yard.sign();
    yard.verify("house").expect(0);
}

#[test]
fn bad_lists_are_told_with_their_place_and_change_nothing() {
    let yard = Yard::signed();
    let other = yard.sdist("one", "2.0", "");
    let good = yard.lock();
    let zeros = "0".repeat(64);
    for (list, code, says) in [
        (
            format!("{good}{other}"),
            3,
            "one is asked for as 1.0 in lock.txt, line 1 and as 2.0 in lock.txt, line 4",
        ),
        (
            format!("{good}four==1.0\n"),
            3,
            "four has no hash in lock.txt, line 4",
        ),
        (
            format!("{good}four==1.0 --hash=sha256:{zeros}\n"),
            3,
            "four==1.0: it is not at hand",
        ),
        (
            format!("one==1.0 --hash=sha256:{zeros}\n"),
            3,
            "one==1.0: it is not at hand",
        ),
        (
            format!("{good}one==1.0 --hash=sha256:{zeros}\n"),
            3,
            "one has no hash in lock.txt, line 4 that it has in lock.txt, line 1",
        ),
    ] {
        yard.write("lock.txt", list);
        let refused = yard.update(&["--yes"]).expect(code);
        assert!(message(&refused).contains(says), "{}", message(&refused));
        yard.verify("house").expect(0);
        assert_eq!(yard.beside(), Vec::<String>::new());
    }
    yard.write("lock.txt", format!("{good}four>=1.0\n"));
    assert_eq!(
        yard.update(&["--yes"]).expect(1).errors(),
        ["requirement-unpinned"]
    );
    yard.write("lock.txt", "");
    assert_eq!(
        yard.update(&["--yes"]).expect(1).errors(),
        ["requirements-malformed"]
    );
    yard.verify("house").expect(0);
    assert_eq!(yard.beside(), Vec::<String>::new());
}

/// Returns whether markers can be evaluated here, or says that the test was left out.
fn has_markers() -> bool {
    let has_library = [
        "packaging",
        "pip._vendor.packaging",
        "setuptools._vendor.packaging",
    ]
    .iter()
    .any(|library| {
        Command::new("python3")
            .args(["-I", "-c", &format!("import {library}.markers")])
            .output()
            .is_ok_and(|output| output.status.success())
    });
    if !has_library {
        crate::skipped!("python3 has no packaging, pip or setuptools to evaluate markers");
    }
    has_library
}

/// What is missing is then the interpreter's and not the list's.
#[test]
fn an_interpreter_without_the_library_for_markers_is_told_from_a_marker_that_is_none() {
    let yard = Yard::with_three();
    let lock = yard.lock();
    let with_marker = |marker: &str| {
        let more = yard.sdist("always", "1.0", "");
        let more = more.replace(" --hash", &format!(" ; {marker} --hash"));
        yard.write("lock.txt", format!("{lock}{more}"));
    };
    let error = |refused: &Outcome| {
        let error = refused.json()["errors"][0].clone();
        ["message", "next"].map(|key| error[key].as_str().unwrap().to_owned())
    };
    let made = Command::new("/usr/bin/python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(yard.at("tmp/bare"))
        .output();
    if made.is_ok_and(|output| output.status.success()) {
        with_marker("python_version >= \"3\"");
        let python = format!("py3={}", yard.at("tmp/bare/bin/python3").display());
        let [message, next] = error(&yard.update(&["--python", &python]).expect(3));
        assert!(message.contains("tmp/bare/bin/python3"), "{message}");
        assert!(message.contains("packaging"), "{message}");
        assert!(next.starts_with("install packaging"), "{next}");
        assert!(!yard.at("house").exists());
    } else {
        crate::skipped!("/usr/bin/python3 has no venv module");
    }
    if has_markers() {
        with_marker("python_version >= \"3\" and \"3\"");
        let [message, next] = error(&yard.update(&[]).expect(3));
        assert!(message.contains("InvalidMarker"), "{message}");
        assert!(next.starts_with("mend the list"), "{next}");
    }
}

#[test]
fn markers_are_evaluated_for_the_interpreter_that_builds() {
    let yard = Yard::with_three();
    if !has_markers() {
        return;
    }
    let lock = yard.lock();
    let never = "never==1.0 ; python_version < \"3\" --hash=sha256:".to_owned() + &"0".repeat(64);
    let always = yard
        .sdist("always", "1.0", "")
        .replace(" --hash", " ; python_version >= \"3\" --hash");
    yard.write("lock.txt", format!("{lock}{always}{never}\n"));
    let made = yard.update(&[]).expect(0);
    assert_eq!(steps(&made)[0], built("always", "new"));
    assert_eq!(steps(&made).len(), 4);
    assert_eq!(
        made.json()["update"]["skipped"],
        serde_json::json!(["never==1.0 ; python_version < \"3\""])
    );
}

/// A lock of uv in which conditions stand at the ways between projects: a project that
/// is for another system only, one below it, one with two ways, a circle, a fork, an
/// extra and a group.
const UV_LOCK: &str = include_str!("uv_ways.lock");

/// The project of that lock, for uv.
const UV_PROJECT: &str = r#"
[project]
name = "app"
version = "0.1.0"
requires-python = ">=3.9"
dependencies = ["one", "elsewhere; sys_platform == 'win32'", "both; sys_platform == 'linux'"]
[project.optional-dependencies]
more = ["extra"]
[dependency-groups]
dev = ["grouped"]
"#;

/// Prints those of the requirements it reads that hold in its own environment.
const HELD: &str = "
import sys
from pip._vendor.packaging.requirements import Requirement
for line in sys.stdin:
    wanted = Requirement(line)
    if wanted.marker is None or wanted.marker.evaluate():
        print(wanted.name)
";

#[test]
fn of_a_uv_lock_is_built_what_its_ways_lead_to_here() {
    let yard = Yard::new();
    let mut lock = UV_LOCK.to_owned();
    for (name, version) in [
        ("both", "1.0"),
        ("extra", "1.0"),
        ("forked", "2.0"),
        ("grouped", "1.0"),
        ("one", "1.0"),
        ("wide", "1.0"),
    ] {
        let line = yard.sdist(name, version, "");
        let hash = line.trim().rsplit("sha256:").next().unwrap().to_owned();
        lock = lock.replace(&name.to_uppercase(), &hash);
    }
    lock = lock.replace("ZEROS", &"0".repeat(64));
    yard.write("uv.lock", &lock);
    yard.write("pyproject.toml", UV_PROJECT);
    if !has_markers() {
        return;
    }
    let flags = ["--offline", "--sources", "sources"];
    let made = run(&mut yard.updating_by("uv.lock", &flags)).expect(0);
    let elsewhere = "(sys_platform == 'darwin') or (sys_platform == 'win32')";
    assert_eq!(
        made.json()["update"]["skipped"],
        serde_json::json!([
            format!("elsewhere==1.0 ; {elsewhere}"),
            "forked==1.0 ; (python_full_version < '3.10') and (python_full_version >= '3')",
            format!("under==1.0 ; {elsewhere}"),
        ])
    );
    let projects: Vec<String> = steps(&made).into_iter().map(|(name, ..)| name).collect();
    // What uv itself would install here, of all extras and groups.
    let Some(uv) = crate::installers::uv() else {
        return;
    };
    let exported = Command::new(uv.program)
        .current_dir(yard.at(""))
        .args([
            "export",
            "--frozen",
            "--offline",
            "--no-hashes",
            "--no-header",
        ])
        .args([
            "--no-annotate",
            "--all-extras",
            "--all-groups",
            "--no-emit-project",
        ])
        .stderr(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(exported.status.success());
    yard.write("tmp/exported", exported.stdout);
    let exported = std::fs::File::open(yard.at("tmp/exported")).unwrap();
    let mut python = Command::new("python3");
    let held = run(python.args(["-I", "-c", HELD]).stdin(exported)).expect(0);
    assert_eq!(projects, held.out().lines().collect::<Vec<_>>());
    yard.sign();
    yard.verify("house").expect(0);
}

#[test]
fn one_build_that_fails_keeps_the_old_wheelhouse_and_what_was_built() {
    let yard = Yard::signed();
    let lock = yard.lock();
    let good = yard.sdist("good", "1.0", "");
    let bad = yard.sdist("bad", "1.0", "raise SystemExit('no wheel today')\n");
    yard.write("lock.txt", format!("{lock}{good}{bad}"));
    let failed = yard.update(&[]).expect(3);
    assert!(
        message(&failed).contains("bad-1.0.tar.gz"),
        "{}",
        message(&failed)
    );
    assert!(
        message(&failed).contains("no wheel today"),
        "{}",
        message(&failed)
    );
    yard.verify("house").expect(0);
    yard.write("lock.txt", format!("{lock}{good}"));
    let made = yard.update(&[]).expect(0);
    let first = made.json()["update"]["steps"][0].clone();
    assert_eq!(
        (&first["project"], &first["resumed"]),
        (&"good".into(), &true.into())
    );
    assert_eq!(yard.beside(), ["house.previous"]);
}

#[test]
fn two_updates_at_once_do_not_meet_and_a_killed_one_goes_on() {
    let yard = Yard::signed();
    let lock = yard.lock();
    let quick = yard.sdist("quick", "1.0", "");
    let slow = yard.sdist("slow", "1.0", SLOW);
    yard.write("lock.txt", format!("{lock}{quick}{slow}"));
    // One job: the quick one is done, the slow one at work.
    let built = || {
        std::fs::read_dir(yard.at(".house.update/built")).is_ok_and(|entries| {
            entries
                .flatten()
                .any(|it| !it.file_name().to_string_lossy().starts_with('.'))
        })
    };
    for signal in [Signal::INT, Signal::KILL] {
        let _ = std::fs::remove_dir_all(yard.at(".house.update/built"));
        let first = start(&mut yard.updating(&["--offline", "--jobs", "1"]));
        until(built);
        let second = yard.update(&[]).expect(3);
        assert!(
            message(&second).contains("another run is updating"),
            "{}",
            message(&second)
        );
        send(&first, signal);
        let ended = wait(first);
        assert_eq!(ended.signal, Some(signal.as_raw()), "{ended:?}");
        yard.verify("house").expect(0);
    }
    let made = yard.update(&[]).expect(0);
    let resumed: Vec<(String, bool)> = made.json()["update"]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["step"] == "build")
        .map(|step| {
            (
                step["project"].as_str().unwrap().to_owned(),
                step["resumed"] == true,
            )
        })
        .collect();
    assert_eq!(
        resumed,
        [("quick".to_owned(), true), ("slow".to_owned(), false)]
    );
    assert_eq!(yard.beside(), ["house.previous"]);
    yard.sign();
    yard.verify("house").expect(0);
    yard.verify("house.previous").expect(0);
}

/// The call that exchanges the two directories is the last one, or fails.
#[test]
fn the_exchange_is_one_step() {
    if !has_program("strace") {
        return;
    }
    let yard = Yard::signed();
    let lock = yard.lock();
    yard.write("lock.txt", lock + &yard.sdist("four", "1.0", ""));
    let traced = |tell: &str| {
        let program = yard.updating(&["--offline"]);
        let mut strace = Command::new("strace");
        strace.args([
            "-f",
            "-qq",
            "--signal=none",
            "-o",
            "/dev/null",
            "-e",
            "trace=renameat2",
        ]);
        strace
            .args(["-e", tell, "-P"])
            .arg(yard.at(".house.update/next"));
        strace
            .arg("--")
            .arg(program.get_program())
            .args(program.get_args());
        strace.env_clear().current_dir(yard.at(""));
        for (name, value) in program.get_envs() {
            strace.env(name, value.unwrap());
        }
        run(&mut strace)
    };
    let refused = traced("inject=renameat2:error=EINVAL");
    if refused.err().contains("ptrace") {
        crate::skipped!("strace may not trace here");
        return;
    }
    let refused = refused.expect(3);
    assert!(
        message(&refused).contains("in one step"),
        "{}",
        message(&refused)
    );
    yard.verify("house").expect(0);
    let killed = traced("inject=renameat2:signal=KILL");
    assert_ne!(killed.code, Some(0));
    // Killed at that call: it is either one, and whole.
    let is_old = yard.at("house/sha256sums.txt.asc").exists();
    match is_old {
        true => yard.verify("house").expect(0),
        false => yard.verify(".house.update/next").expect(0),
    };
    yard.update(&[]).expect(0);
    assert!(yard.at("house/four-1.0-py3-none-any.whl").exists());
    assert_eq!(yard.beside(), ["house.previous"]);
    yard.verify("house.previous").expect(0);
    yard.sign();
    yard.verify("house").expect(0);
}

#[test]
fn a_full_disk_is_told_and_the_next_run_goes_on() {
    if !rustix::process::geteuid().is_root() {
        crate::skipped!("only root may mount a small file system");
        return;
    }
    let yard = Yard::signed();
    let lock = yard.lock();
    yard.write("lock.txt", lock + &yard.sdist("four", "1.0", ""));
    let program = yard.updating(&["--offline"]);
    // The workplace lies on a file system with room for nothing.
    std::fs::create_dir(yard.at(".house.update")).unwrap();
    let script =
        "mount -t tmpfs -o size=4k,mode=0700 tmpfs .house.update || exit 99; exec \"$0\" \"$@\"";
    let mut full = Command::new("unshare");
    full.args(["--mount", "sh", "-c", script]);
    full.arg(program.get_program()).args(program.get_args());
    full.env_clear().current_dir(yard.at(""));
    for (name, value) in program.get_envs() {
        full.env(name, value.unwrap());
    }
    let failed = run(&mut full);
    if failed.code == Some(99) || failed.err().contains("unshare") {
        crate::skipped!(
            "no file system may be mounted here: {}",
            failed.err().trim()
        );
        return;
    }
    let failed = failed.expect(3);
    assert!(
        message(&failed).contains("No space left"),
        "{}",
        message(&failed)
    );
    yard.verify("house").expect(0);
    std::fs::remove_dir(yard.at(".house.update")).unwrap();
    yard.update(&[]).expect(0);
    yard.sign();
    yard.verify("house").expect(0);
}

#[test]
fn what_is_more_than_a_wheelhouse_is_not_replaced() {
    let yard = Yard::with_three();
    yard.update(&[]).expect(0);
    let mut inside = yard.updating(&[]);
    inside.current_dir(yard.at("house"));
    let mut arguments: Vec<_> = inside.get_args().map(std::ffi::OsStr::to_owned).collect();
    arguments[1] = ".".into();
    arguments[5] = "../lock.txt".into();
    let mut program = wheelproof();
    program
        .current_dir(yard.at("house"))
        .env("XDG_CACHE_HOME", yard.at("cache"))
        .args(arguments);
    let refused = run(&mut program).expect(3);
    assert!(
        message(&refused).contains("the directory you stand in"),
        "{}",
        message(&refused)
    );
    std::fs::create_dir(yard.at("house/.git")).unwrap();
    let refused = yard.update(&[]).expect(3);
    assert!(
        message(&refused).contains("checkout"),
        "{}",
        message(&refused)
    );
    std::fs::remove_dir(yard.at("house/.git")).unwrap();
    std::fs::create_dir(yard.at("house.previous")).unwrap();
    yard.write("house.previous/precious", "");
    let refused = yard.update(&[]).expect(3);
    assert!(
        message(&refused).contains("in the way"),
        "{}",
        message(&refused)
    );
    assert!(yard.at("house.previous/precious").exists());
}

impl Yard {
    /// Returns the update with an index of this machine and without a directory of
    /// sdists; `None`, and says so, where there is no pip.
    fn asking(&self, flags: &[&str]) -> Option<Command> {
        let has_pip = Command::new("python3")
            .args(["-m", "pip", "--version"])
            .output()
            .is_ok_and(|output| output.status.success());
        if !has_pip {
            crate::skipped!("python3 has no pip");
            return None;
        }
        let mut program = self.updating_by("lock.txt", flags);
        program
            .env("HOME", self.at("tmp"))
            .env("PIP_NO_CACHE_DIR", "1")
            .env("PIP_RETRIES", "0")
            .env(
                "PIP_INDEX_URL",
                format!("file://{}", self.at("index").display()),
            );
        Some(program)
    }

    /// Puts a file on the index, announced with this digest or with none.
    fn offer(&self, project: &str, file: &str, announced: Option<&str>) {
        let place = format!("index/{project}");
        std::fs::create_dir_all(self.at(&place)).unwrap();
        let name = file.rsplit('/').next().unwrap();
        std::fs::copy(self.at(file), self.at(&format!("{place}/{name}"))).unwrap();
        let page = format!("{place}/index.html");
        let before = std::fs::read_to_string(self.at(&page)).unwrap_or_default();
        let fragment = announced.map(|sha256| format!("#sha256={sha256}"));
        let link = format!(
            "<a href=\"{name}{}\">{name}</a>\n",
            fragment.unwrap_or_default()
        );
        self.write(&page, before + &link);
    }

    fn digest(&self, file: &str) -> String {
        sha256sum(&self.at(file))
    }
}

#[test]
fn sdists_come_from_the_index_by_digest_and_nothing_of_them_runs_outside_the_sandbox() {
    let yard = Yard::new();
    let ran = yard.at("tmp/ran");
    let tell = format!(
        "try:\n    open({:?}, 'w').close()\nexcept OSError:\n    pass\n",
        ran.display().to_string()
    );
    let lines = yard.sdist("one", "1.0", &tell) + &yard.sdist("two", "1.0", &tell);
    yard.write("lock.txt", lines);
    yard.offer("one", "sources/one-1.0.tar.gz", None);
    let two = yard.digest("sources/two-1.0.tar.gz");
    yard.offer("two", "sources/two-1.0.tar.gz", Some(&two));
    let Some(mut program) = yard.asking(&[]) else {
        return;
    };
    let made = run(&mut program).expect(0);
    assert_eq!(steps(&made), [built("one", "new"), built("two", "new")]);
    assert!(!ran.exists());
    yard.sign();
    yard.verify("house").expect(0);
    // What was fetched is in the cache.
    std::fs::remove_dir_all(yard.at("house")).unwrap();
    std::fs::remove_dir_all(yard.at("index")).unwrap();
    run(&mut yard.asking(&["--offline"]).unwrap()).expect(0);
    // But only as long as it is what was put there.
    std::fs::remove_dir_all(yard.at("house")).unwrap();
    let cached = format!("cache/wheelproof/sdists/{two}/two-1.0.tar.gz");
    yard.write(&cached, "something else");
    let refused = run(&mut yard.asking(&["--offline"]).unwrap()).expect(3);
    assert!(
        message(&refused).contains("was changed"),
        "{}",
        message(&refused)
    );
    assert!(!yard.at("house").exists());
}

#[test]
fn what_the_index_cannot_give_is_said_and_the_old_wheelhouse_verifies() {
    let yard = Yard::signed();
    let lock = yard.lock();
    let line = yard.sdist("four", "1.0", "");
    let sha256 = yard.digest("sources/four-1.0.tar.gz");
    let zeros = "0".repeat(64);
    let wheel = "sources/four-1.0-py3-none-any.whl";
    crate::common::minimal_wheel(&yard.at(wheel), &[("four.py", "")]);
    let of_wheel = yard.digest(wheel);
    if yard.asking(&[]).is_none() {
        return;
    }
    let wrong = format!("four==1.0 --hash=sha256:{zeros}\n");
    let wheels_only = format!("four==1.0 --hash=sha256:{of_wheel}\n");
    let listed = |sha256: &str| Some(sha256.to_owned());
    for (line, sdist, announced, has_wheel, says) in [
        // Withdrawn, as every index says it.
        (
            &line,
            false,
            None,
            false,
            "the index has no sdist of this version",
        ),
        (
            &line,
            false,
            None,
            true,
            "the index has no sdist of this version",
        ),
        (
            &wrong,
            true,
            listed(&sha256),
            false,
            "that is none of the listed hashes",
        ),
        (
            &wrong,
            true,
            None,
            false,
            "that is none of the listed hashes",
        ),
        (
            &wheels_only,
            true,
            listed(&sha256),
            true,
            "the list has hashes of wheels only",
        ),
        (
            &wrong,
            true,
            listed(&zeros),
            false,
            "other bytes for four-1.0.tar.gz than it announced",
        ),
    ] {
        let _ = std::fs::remove_dir_all(yard.at("index"));
        std::fs::create_dir_all(yard.at("index/four")).unwrap();
        yard.write("index/four/index.html", "");
        yard.write("lock.txt", format!("{lock}{line}"));
        if sdist {
            yard.offer("four", "sources/four-1.0.tar.gz", announced.as_deref());
        }
        if has_wheel {
            yard.offer("four", wheel, Some(&of_wheel));
        }
        let refused = run(&mut yard.asking(&[]).unwrap()).expect(3);
        let message = message(&refused);
        assert!(
            message.contains("four==1.0: ") && message.contains(says),
            "{message}"
        );
        yard.verify("house").expect(0);
        assert_eq!(yard.beside(), Vec::<String>::new());
    }
    yard.write("lock.txt", format!("{lock}{line}"));
    let mut program = yard.asking(&[]).unwrap();
    // The port of the discard service, where nobody answers.
    program.env("PIP_INDEX_URL", "http://127.0.0.1:9/");
    let refused = run(&mut program).expect(3);
    assert!(
        message(&refused).contains("could not be asked"),
        "{}",
        message(&refused)
    );
    yard.verify("house").expect(0);
}

#[test]
fn a_wheel_of_the_index_is_taken_where_its_sdist_gives_it_and_never_else() {
    let yard = Yard::new();
    let line = yard.sdist("one", "1.0", "");
    yard.write("lock.txt", &line);
    yard.offer("one", "sources/one-1.0.tar.gz", None);
    if yard.asking(&[]).is_none() {
        return;
    }
    // Built with the epoch that its files show, and not with the newest time in the
    // sdist: only what is inferred from the wheel gives these bytes.
    let mut told = yard.updating(&["--offline", "--published", "ignore"]);
    run(told.args(["--source-date-epoch", "1577836800"])).expect(0);
    let wheel = "one-1.0-py3-none-any.whl";
    let published = format!("house/{wheel}");
    let sha256 = yard.digest(&published);
    yard.offer("one", &published, Some(&sha256));
    std::fs::remove_dir_all(yard.at("house")).unwrap();
    let both = format!("{} --hash=sha256:{sha256}\n", line.trim_end());

    let of_index = |outcome: &Outcome| outcome.json()["update"]["steps"][0]["index"].clone();
    let record = || -> Value {
        let bytes = std::fs::read(yard.at(&format!("house/{wheel}.build.json"))).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    // The list does not name it: nobody vouches for it, nobody looks at it.
    let unlisted = run(&mut yard.asking(&[]).unwrap()).expect(0);
    assert_eq!(of_index(&unlisted), Value::Null);
    assert_eq!(record()["index"], Value::Null);
    std::fs::remove_dir_all(yard.at("house")).unwrap();
    yard.write("lock.txt", &both);
    let ignored = run(&mut yard.asking(&["--published", "ignore"]).unwrap()).expect(0);
    assert_eq!(of_index(&ignored), Value::Null);
    std::fs::remove_dir_all(yard.at("house")).unwrap();
    let taken = run(&mut yard.asking(&[]).unwrap()).expect(0);
    assert_eq!(of_index(&taken), "identical");
    assert_eq!(yard.digest(&published), sha256);
    assert_eq!(record()["index"], "identical");
    yard.sign();
    yard.verify("house").expect(0);
    // The lock of the index holds for it.
    let mut held = wheelproof();
    held.current_dir(yard.at(""))
        .args(["verify", "house", "--certs", "keys", "--time", TODAY]);
    run(held.args(["--requirements", "lock.txt"])).expect(0);

    // Another wheel under that name is what nobody's sdist gives.
    std::fs::remove_dir_all(yard.at("house")).unwrap();
    std::fs::remove_dir_all(yard.at("index")).unwrap();
    crate::common::minimal_wheel(&yard.at(&format!("tmp/{wheel}")), &[("evil.py", "")]);
    let evil = yard.digest(&format!("tmp/{wheel}"));
    yard.offer("one", "sources/one-1.0.tar.gz", None);
    yard.offer("one", &format!("tmp/{wheel}"), Some(&evil));
    yard.write(
        "lock.txt",
        format!("{} --hash=sha256:{evil}\n", line.trim_end()),
    );
    let different = run(&mut yard.asking(&[]).unwrap()).expect(0);
    assert_eq!(of_index(&different), "different");
    assert_ne!(yard.digest(&published), evil);
    assert_eq!(record()["index"], Value::Null);
}

/// Every format of lists, as the tools write them, for the packages of the fixtures.
#[test]
fn the_locks_of_uv_poetry_and_the_standard_are_taken() {
    // Each of them has a project for another system.
    if !has_markers() {
        return;
    }
    for list in ["exported.txt", "uv.lock", "poetry.lock", "pylock.toml"] {
        let yard = Yard::new();
        let path = crate::common::fixture("locks").join(list);
        let mut program = yard.updating_by(path, &["--offline", "--sources"]);
        program.arg(crate::common::fixture("wheelhouse/wheels"));
        let made = run(&mut program).expect(0);
        assert!(!steps(&made).is_empty(), "{list}");
        yard.sign();
        yard.verify("house").expect(0);
    }
}

/// A library that shows every program another time.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t which, struct timespec *at) {
    int said = syscall(SYS_clock_gettime, which, at);
    if (which == CLOCK_REALTIME) at->tv_sec = 631152000;
    return said;
}
"#;

#[test]
fn a_clock_that_goes_backwards_decides_nothing() {
    if !has_program("cc") {
        return;
    }
    let yard = Yard::with_three();
    yard.write("tmp/clock.c", CLOCK);
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(yard.at("tmp/clock.so"))
        .arg(yard.at("tmp/clock.c"))
        .status();
    assert!(compiled.unwrap().success());
    yard.update(&[]).expect(0);
    yard.sign();
    let before = yard.digest("house/sha256sums.txt");
    let backwards = || {
        let mut program = yard.updating(&["--offline"]);
        program.env("LD_PRELOAD", yard.at("tmp/clock.so"));
        run(&mut program).expect(0)
    };
    let again = backwards();
    // Else the library shows the program nothing.
    assert_eq!(again.json()["time"], "1990-01-01T00:00:00Z");
    assert_eq!(steps(&again), [kept("one"), kept("three"), kept("two")]);
    yard.verify("house").expect(0);
    // And from nothing it gives the same bytes.
    std::fs::rename(yard.at("house"), yard.at("tmp/house")).unwrap();
    backwards();
    assert_eq!(yard.digest("house/sha256sums.txt"), before);
}
