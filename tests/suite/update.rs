//! `wheelproof update`: from lists of hashes to a wheelhouse, and what keeps the old
//! one whole.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Outcome, has_program, run, send, sha256sum, start, until, wait, wheelproof};
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

    fn updating(&self, flags: &[&str]) -> Command {
        let mut program = wheelproof();
        program
            .current_dir(self.at(""))
            .env("TMPDIR", self.at("tmp"))
            .env("XDG_CACHE_HOME", self.at("cache"))
            .args([
                "update",
                "house",
                "--from",
                "lock.txt",
                "--sources",
                "sources",
            ])
            .args(["--format", "json"])
            .args(flags);
        program
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
    let yard = Yard::with_three();
    yard.update(&[]).expect(0);
    yard.sign();
    let before = yard.inode("house");
    let again = yard.update(&[]).expect(0);
    assert_eq!(steps(&again), [kept("one"), kept("three"), kept("two")]);
    assert_eq!(again.json()["update"]["in_place"], false);
    assert_eq!(yard.inode("house"), before);
    yard.verify("house").expect(0);
    assert_eq!(yard.beside(), Vec::<String>::new());
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
    let lock = std::fs::read_to_string(yard.at("lock.txt")).unwrap();
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
    let yard = Yard::with_three();
    yard.update(&[]).expect(0);
    yard.sign();
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
    let lock = std::fs::read_to_string(yard.at("lock.txt")).unwrap();
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
    let yard = Yard::with_three();
    yard.update(&[]).expect(0);
    yard.sign();
    let other = yard.sdist("one", "2.0", "");
    let good = std::fs::read_to_string(yard.at("lock.txt")).unwrap();
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

#[test]
fn markers_are_evaluated_for_the_interpreter_that_builds() {
    let yard = Yard::with_three();
    let has_library = Command::new("python3")
        .args(["-I", "-c", "import pip"])
        .status()
        .is_ok_and(|status| status.success());
    if !has_library {
        crate::skipped!("python3 has no pip");
        return;
    }
    let lock = std::fs::read_to_string(yard.at("lock.txt")).unwrap();
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

#[test]
fn one_build_that_fails_keeps_the_old_wheelhouse_and_what_was_built() {
    let yard = Yard::with_three();
    yard.update(&[]).expect(0);
    yard.sign();
    let lock = std::fs::read_to_string(yard.at("lock.txt")).unwrap();
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
    let yard = Yard::with_three();
    yard.update(&[]).expect(0);
    yard.sign();
    let lock = std::fs::read_to_string(yard.at("lock.txt")).unwrap();
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
    let yard = Yard::with_three();
    yard.update(&[]).expect(0);
    yard.sign();
    let lock = std::fs::read_to_string(yard.at("lock.txt")).unwrap();
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
    let yard = Yard::with_three();
    yard.update(&[]).expect(0);
    yard.sign();
    let lock = std::fs::read_to_string(yard.at("lock.txt")).unwrap();
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
    arguments[3] = "../lock.txt".into();
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
