//! `audit` and `rebuild` through the program: what is reproduced, what is not,
//! and builds and sdists that mean harm.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::common::{
    FILES, House, MINIMAL_PY, Outcome, fixture, has_bubblewrap, has_program, minimal_wheel, run,
    send, sha256sum, start, until, wait, wheelproof,
};
use crate::signing::TODAY;

/// The recipe that the wheels of the fixtures were built by.
const RECIPE: &[&str] = &[
    "--source-date-epoch",
    "1704067200",
    "--build-path",
    "/tmp/wheelproof-build/{sdist}",
];

impl House {
    /// Returns `audit` or `rebuild` with the recipe of the fixtures, a cache and a
    /// directory for temporary files of its own.
    pub(crate) fn rebuilding(&self, command: &str, arguments: &[&str]) -> Command {
        let _ = std::fs::create_dir(self.at("tmp"));
        self.mode("tmp", 0o1777);
        let mut program = wheelproof();
        program
            .current_dir(self.at(""))
            .env("TMPDIR", self.at("tmp"))
            .env("XDG_CACHE_HOME", self.at("cache"))
            .args([command, "."])
            .args(arguments)
            .args(self.naming_the_policy())
            .args(["--certs", "keys", "--time", TODAY, "--format", "json"]);
        program
    }

    #[track_caller]
    fn audit(&self, flags: &[&str]) -> Outcome {
        let mut arguments = RECIPE.to_vec();
        arguments.extend(flags);
        run(&mut self.rebuilding("audit", &arguments))
    }

    /// Returns the names of what is left where temporary files go.
    pub(crate) fn left(&self) -> Vec<String> {
        std::fs::read_dir(self.at("tmp"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// Replaces the files by one project `probe`, whose build backend is this
    /// Python code, and whose published wheel is the smallest there can be.
    pub(crate) fn of_one_project(backend: &str) -> Self {
        let house = Self::new();
        for name in FILES {
            std::fs::remove_file(house.wheel(name)).unwrap();
        }
        let pyproject =
            "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
        sdist(
            &house.wheel("probe-1.0.tar.gz"),
            &[
                ("probe-1.0/pyproject.toml", pyproject),
                ("probe-1.0/backend.py", backend),
            ],
        );
        minimal_wheel(&house.wheel(PROBE), &[("probe.py", "")]);
        house.sign_all();
        house
    }

    /// Signs everything in `wheels/`.
    pub(crate) fn sign_all(&self) {
        let mut names: Vec<String> = std::fs::read_dir(self.at("wheels"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let lines: String = names
            .iter()
            .map(|name| format!("{}  {name}\n", sha256sum(&self.wheel(name))))
            .collect();
        self.sign(lines);
    }
}

/// The wheel of the project that tests make up.
pub(crate) const PROBE: &str = "probe-1.0-py3-none-any.whl";

/// PKG-INFO of that project.
const PKG_INFO: (&str, &str) = (
    "probe-1.0/PKG-INFO",
    "Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n",
);

/// Writes an sdist of that project with Python's tarfile.
pub(crate) fn sdist(path: &Path, files: &[(&str, &str)]) {
    let script = "import io, json, sys, tarfile\n\
        with tarfile.open(sys.argv[1], 'w:gz') as archive:\n\
        \x20for name, text in json.load(sys.stdin):\n\
        \x20 member = tarfile.TarInfo(name)\n\
        \x20 member.size, member.mtime = len(text.encode()), 1700000000\n\
        \x20 archive.addfile(member, io.BytesIO(text.encode()))\n";
    let mut child = Command::new("python3")
        .args(["-c", script])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let files: Vec<_> = [PKG_INFO].iter().chain(files).collect();
    let json = serde_json::to_vec(&files).unwrap();
    child.stdin.take().unwrap().write_all(&json).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Returns the outcome of each wheel of a report, by its name.
fn outcomes(outcome: &Outcome) -> Vec<(String, String)> {
    outcome.json()["rebuilds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rebuild| {
            let text = |key: &str| rebuild[key].as_str().unwrap().to_owned();
            (text("wheel"), text("outcome"))
        })
        .collect()
}

fn first(outcome: &Outcome) -> Value {
    outcome.json()["rebuilds"][0].clone()
}

fn reason(outcome: &Outcome) -> String {
    first(outcome)["reason"].as_str().unwrap().to_owned()
}

#[test]
fn every_wheel_of_the_fixtures_comes_back_with_its_signed_digest() {
    let audited = House::new().audit(&[]).expect(0);
    for rebuild in audited.json()["rebuilds"].as_array().unwrap() {
        assert_eq!(rebuild["outcome"], "reproduced");
        assert_eq!(rebuild["published_sha256"], rebuild["rebuilt_sha256"]);
        let name = rebuild["wheel"].as_str().unwrap();
        let published = sha256sum(&fixture("wheelhouse/wheels").join(name));
        assert_eq!(rebuild["rebuilt_sha256"], published.as_str());
    }
    assert_eq!(audited.json()["rebuilds"].as_array().unwrap().len(), 3);
}

#[test]
fn one_honest_difference_is_found_and_named_and_the_others_are_reproduced() {
    let mut command = wheelproof();
    let cache = tempfile::tempdir().unwrap();
    command
        .args(["audit", "--format", "json"])
        .arg(fixture("wheelhouse-different"))
        .env("XDG_CACHE_HOME", cache.path());
    let audited = run(&mut command).expect(1);
    assert_eq!(audited.json()["verdict"], "fail");
    let outcomes = outcomes(&audited);
    let different: Vec<_> = outcomes
        .iter()
        .filter(|(_, outcome)| outcome == "different")
        .collect();
    assert_eq!((outcomes.len(), different.len()), (3, 1));
    assert!(different[0].0.starts_with("wheelproof_example_units"));
    let rebuild = &audited.json()["rebuilds"][2];
    let members: Vec<_> = rebuild["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| difference["member"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        members,
        [
            "wheelproof_example_units-0.3.0.dist-info/METADATA",
            "wheelproof_example_units-0.3.0.dist-info/RECORD"
        ]
    );
}

#[test]
fn the_same_command_twice_writes_the_same_bytes() {
    let house = House::new();
    let once = house.audit(&["--jobs", "1"]).expect(0);
    let again = house.audit(&["--jobs", "2"]).expect(0);
    assert_eq!(once.out(), again.out());
}

/// What another umask or clock does, the witness undoes; with `--exact` nothing is
/// undone.
#[test]
fn another_umask_or_clock_is_a_difference_of_modes_or_times_only() {
    let house = House::new();
    // What a weaker layer adds to every report, before anything else.
    let of_layer = match has_bubblewrap() {
        true => None,
        false => Some(("sandbox-weaker".to_owned(), "warning".to_owned())),
    };
    let witness = ("reproduced-with-witness".to_owned(), "note".to_owned());
    let expected: Vec<_> = of_layer.iter().cloned().chain([witness]).collect();
    for (flags, kind) in [
        (["--umask", "077"], "mode"),
        (["--source-date-epoch", "1704067300"], "time"),
    ] {
        let mut arguments = vec![
            "--build-path",
            "/tmp/b/{sdist}",
            "wheelproof-example-greeting",
            "--witness",
            "kept",
        ];
        if kind == "mode" {
            arguments.extend(["--source-date-epoch", "1704067200"]);
        }
        arguments.extend(flags);
        let audited = run(&mut house.rebuilding("rebuild", &arguments)).expect(0);
        let rebuild = first(&audited);
        assert_eq!(rebuild["outcome"], "reproduced-with-witness");
        let of_all = |list: &str, key: &str| -> Vec<String> {
            let list = rebuild[list].as_array().unwrap().iter();
            list.map(|one| one[key].as_str().unwrap().to_owned())
                .collect()
        };
        let kinds = of_all("differences", "kind");
        assert!(!kinds.is_empty());
        assert!(kinds.iter().all(|other| other == kind), "{kinds:?}");
        let edits = of_all("witness", "edit");
        assert!(!edits.is_empty());
        let edit = format!("set-{kind}");
        assert!(edits.iter().all(|other| *other == edit), "{edits:?}");
        assert_eq!(audited.rules(), expected);

        // What was kept convinces somebody who was not there.
        let name = rebuild["wheel"].as_str().unwrap();
        let signed = sha256sum(&house.wheel(name));
        let [rebuilt, witness] =
            ["rebuilt", "witness.json"].map(|end| house.at("kept").join(format!("{name}.{end}")));
        assert_eq!(
            sha256sum(&rebuilt),
            rebuild["rebuilt_sha256"].as_str().unwrap()
        );
        assert_ne!(sha256sum(&rebuilt), signed);
        let mut check = wheelproof();
        check.args(["witness", "check"]).args([&rebuilt, &witness]);
        run(check.args(["--published", &signed])).expect(0);
        crate::witness::second_checker(&rebuilt, &witness, signed.parse().unwrap())
            .expect("holds for the second checker");

        arguments.push("--exact");
        let audited = run(&mut house.rebuilding("rebuild", &arguments)).expect(1);
        assert_eq!(first(&audited)["outcome"], "different");
        assert!(reason(&audited).contains("every byte"));
        assert_eq!(audited.rules(), Vec::from_iter(of_layer.clone()));
    }
}

#[test]
fn rebuild_wants_a_selection_and_an_empty_one_is_no_pass() {
    let house = House::new();
    let outcome = run(&mut house.rebuilding("rebuild", &[])).expect(2);
    assert!(outcome.out().contains("no wheels are selected"));
    let outcome = run(&mut house.rebuilding("rebuild", &["nothing-like-it"])).expect(4);
    assert_eq!(outcome.json()["verdict"], "empty");
    run(&mut house.rebuilding("rebuild", &["a==b==c"])).expect(2);
    // One word that selects nothing beside one that does: not everything that was
    // asked for was done.
    let mut arguments = RECIPE.to_vec();
    arguments.extend(["wheelproof-example-units", "nothing-like-it"]);
    let outcome = run(&mut house.rebuilding("rebuild", &arguments)).expect(3);
    assert_eq!(first(&outcome)["outcome"], "reproduced");
}

#[test]
fn a_sample_is_the_same_for_the_same_seed() {
    let house = House::new();
    let sample = |seed: &str| {
        let mut arguments = RECIPE.to_vec();
        arguments.extend(["--sample", "1", "--seed", seed]);
        outcomes(&run(&mut house.rebuilding("audit", &arguments)).expect(0))
    };
    assert_eq!(sample("tonight"), sample("tonight"));
    assert_eq!(sample("tonight").len(), 1);
}

#[test]
fn a_missing_interpreter_is_said_and_is_no_verdict() {
    let house = House::new();
    for python in ["py3=/nowhere/python3", "py3=no-such-python"] {
        let audited = house.audit(&["--python", python]).expect(3);
        assert_eq!(audited.json()["verdict"], "error");
        assert!(reason(&audited).contains("python"), "{}", reason(&audited));
        assert_eq!(first(&audited)["outcome"], "not-attempted");
    }
}

#[test]
fn an_absent_wheel_is_rebuilt_and_kept_when_it_has_the_signed_digest() {
    let house = House::new();
    std::fs::remove_file(house.wheel(FILES[2])).unwrap();
    let audited = house.audit(&["--keep", "kept"]).expect(1);
    assert_eq!(audited.errors(), ["file-missing"]);
    assert!(
        outcomes(&audited)
            .iter()
            .all(|(_, outcome)| outcome == "reproduced")
    );
    let kept = house.at("kept").join(FILES[2]);
    assert_eq!(
        sha256sum(&kept),
        sha256sum(&fixture("wheelhouse/wheels").join(FILES[2]))
    );

    // With another recipe the digest is another, and nothing is kept.
    let audited = house
        .audit(&["--umask", "077", "--keep", "other", "--exact"])
        .expect(1);
    assert!(
        outcomes(&audited)
            .iter()
            .all(|(_, outcome)| outcome == "different")
    );
    assert_eq!(std::fs::read_dir(house.at("other")).unwrap().count(), 0);
}

#[test]
fn nothing_is_built_from_what_was_not_signed() {
    // The backend would leave a mark in its log.
    let house = House::of_one_project("print('BUILD RAN')\n");
    house.write("sha256sums.txt", "changed after it was signed");
    let outcome = run(&mut house.rebuilding("audit", &["--logs", "logs"])).expect(1);
    assert_eq!(outcome.json()["rebuilds"].as_array().unwrap().len(), 0);
    assert!(!house.at("logs").exists());

    let house = House::of_one_project("print('BUILD RAN')\n");
    let mut changed = std::fs::read(house.wheel("probe-1.0.tar.gz")).unwrap();
    changed.push(0);
    std::fs::write(house.wheel("probe-1.0.tar.gz"), changed).unwrap();
    let outcome = run(&mut house.rebuilding("audit", &["--logs", "logs"])).expect(1);
    assert_eq!(first(&outcome)["outcome"], "not-attempted");
    assert!(reason(&outcome).contains("did not pass verification"));
    assert_eq!(std::fs::read_dir(house.at("logs")).unwrap().count(), 0);
}

#[test]
fn a_wheel_without_an_sdist_is_not_attempted() {
    let house = House::of_one_project("");
    std::fs::remove_file(house.wheel("probe-1.0.tar.gz")).unwrap();
    house.sign_all();
    let outcome = run(&mut house.rebuilding("audit", &[])).expect(3);
    assert!(reason(&outcome).contains("no sdist"));
}

#[test]
fn a_build_that_fails_is_no_difference_and_shows_the_end_of_its_log() {
    let house = House::of_one_project(
        "def build_wheel(directory, settings=None, metadata=None):\n    raise RuntimeError('the reason\\x1b[31m of the failure')\n",
    );
    let outcome = run(&mut house.rebuilding("audit", &["--logs", "logs"])).expect(3);
    assert_eq!(first(&outcome)["outcome"], "build-failed");
    assert!(
        first(&outcome)["log"]
            .as_str()
            .unwrap()
            .contains("the reason")
    );
    let log = std::fs::read_to_string(house.at("logs").join(format!("{PROBE}.log"))).unwrap();
    assert!(log.contains("the reason"));
    // In the text nothing of it reaches the terminal as a control sequence.
    let mut text = wheelproof();
    text.current_dir(house.at(""))
        .env("XDG_CACHE_HOME", house.at("cache"))
        .args(["audit", ".", "--certs", "keys", "--time", TODAY]);
    let text = run(&mut text).expect(3).out();
    assert!(
        text.contains("| RuntimeError: the reason\\u{1b}[31m of the failure"),
        "{text}"
    );
    assert!(!text.contains('\x1b'));
}

#[test]
fn a_build_that_sleeps_forever_is_ended_at_its_limit() {
    let house = House::of_one_project("import time\ntime.sleep(1000)\n");
    let begin = Instant::now();
    let outcome = run(&mut house.rebuilding("audit", &["--timeout", "2"])).expect(3);
    assert_eq!(first(&outcome)["outcome"], "timed-out");
    assert!(begin.elapsed() < Duration::from_secs(30));
    assert_eq!(house.left(), Vec::<String>::new());
}

#[test]
fn a_build_that_forks_forever_is_ended_and_leaves_no_process() {
    let mark = format!("fork-{}", std::process::id());
    let house = House::of_one_project(&format!(
        "import os, time\n# {mark}\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(0.1)\n"
    ));
    let arguments = ["--timeout", "3", "--processes", "50"];
    let outcome = run(&mut house.rebuilding("audit", &arguments)).expect(3);
    let ended = first(&outcome)["outcome"].clone();
    assert!(ended == "timed-out" || ended == "build-failed", "{ended}");
    assert_eq!(house.left(), Vec::<String>::new());
}

/// While the backend is asked what it needs, and while it builds.
#[test]
fn an_interrupt_ends_the_build_and_leaves_nothing_behind() {
    for (backend, is_asked) in [
        ("import time\ntime.sleep(1000)\n", true),
        (
            "import time\ndef build_wheel(*rest):\n    time.sleep(1000)\n",
            false,
        ),
    ] {
        let house = House::of_one_project(backend);
        let log = house.at("logs").join(format!("{PROBE}.log"));
        for signal in [Signal::INT, Signal::TERM] {
            let child = start(&mut house.rebuilding("audit", &["--logs", "logs"]));
            // The log is the build's: where the backend is asked there is none yet.
            let scratch = || {
                let left = house.left();
                left.iter()
                    .any(|name| name.starts_with("wheelproof-scratch"))
            };
            match is_asked {
                true => until(scratch),
                false => until(|| log.exists()),
            }
            std::thread::sleep(Duration::from_millis(300));
            let begin = Instant::now();
            send(&child, signal);
            let outcome = wait(child);
            assert_eq!(outcome.signal, Some(signal.as_raw()));
            assert_eq!(outcome.out(), "");
            assert!(begin.elapsed() < Duration::from_secs(10));
            assert_eq!(house.left(), Vec::<String>::new());
            assert_eq!(log.exists(), !is_asked);
            if !is_asked {
                std::fs::remove_file(&log).unwrap();
            }
        }
    }
}

#[test]
fn an_sdist_that_climbs_out_or_has_two_tops_is_not_built() {
    for (name, says) in [
        ("probe-1.0/../../escaped", "escaped"),
        ("other/file", "other"),
    ] {
        let house = House::of_one_project("");
        sdist(
            &house.wheel("probe-1.0.tar.gz"),
            &[("probe-1.0/pyproject.toml", ""), (name, "harm")],
        );
        house.sign_all();
        // Whoever looks inside hears of it there; unpacking refuses it by itself.
        run(&mut house.rebuilding("audit", &[])).expect(1);
        let outcome = run(&mut house.rebuilding("audit", &["--shallow"])).expect(3);
        assert_eq!(first(&outcome)["outcome"], "not-attempted");
        assert!(reason(&outcome).contains(says), "{}", reason(&outcome));
        assert_eq!(house.left(), Vec::<String>::new());
    }
}

#[test]
fn without_bubblewrap_a_weaker_layer_is_named_or_refused() {
    let house = House::new();
    // A path with Python and nothing else.
    let bin = house.at("bin");
    std::fs::create_dir(&bin).unwrap();
    // The system's, which every user may read: a build started by root is another
    // user's, and the weaker layers cannot show it what lies in root's home.
    std::os::unix::fs::symlink("/usr/bin/python3", bin.join("python3")).unwrap();
    let audit = |flags: &[&str]| {
        let mut arguments = RECIPE.to_vec();
        arguments.extend(flags);
        run(house.rebuilding("audit", &arguments).env("PATH", &bin))
    };
    let audited = audit(&[]);
    if audited.code == Some(3) && audited.out().contains("landlock") {
        crate::skipped!("this kernel has no Landlock, so there is no weaker layer");
        return;
    }
    let audited = audited.expect(0);
    assert_eq!(
        audited.rules(),
        [("sandbox-weaker".to_owned(), "warning".to_owned())]
    );
    assert_eq!(first(&audited)["sandbox"], "landlock-seccomp");
    assert_eq!(first(&audited)["outcome"], "reproduced");
    audit(&["--strict"]).expect(1);
    let refused = audit(&["--sandbox", "require"]).expect(3);
    assert!(
        refused.json()["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("bwrap")
    );
    let off = audit(&["--sandbox", "off"]).expect(0);
    assert_eq!(first(&off)["sandbox"], "none");
}

#[test]
fn where_there_is_no_layer_at_all_nothing_is_built_unless_the_user_says_so() {
    if !has_program("strace") {
        return;
    }
    let house = House::new();
    let bin = house.at("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink("/usr/bin/python3", bin.join("python3")).unwrap();
    let audit = |flags: &[&str]| {
        let inner = house.rebuilding("audit", &[RECIPE, flags].concat());
        // Looked for on the path of the test, which the program does not get.
        let path = std::env::var_os("PATH").unwrap();
        let strace = std::env::split_paths(&path)
            .map(|directory| directory.join("strace"))
            .find(|path| path.exists())
            .unwrap();
        let mut command = Command::new(strace);
        command
            // The answer of a kernel that does not know Landlock.
            .args(["-f", "-o", "/dev/null"])
            .args(["-e", "trace=landlock_create_ruleset"])
            .args(["-e", "inject=landlock_create_ruleset:error=ENOSYS"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .current_dir(house.at(""))
            .env("TMPDIR", house.at("tmp"))
            .env("XDG_CACHE_HOME", house.at("cache"))
            .env("PATH", &bin);
        run(&mut command)
    };
    let audited = audit(&[]);
    if audited.err().contains("ptrace") {
        crate::skipped!("strace may not trace here");
        return;
    }
    for refused in [audited, audit(&["--sandbox", "require"])] {
        let refused = refused.expect(3);
        let error = refused.json()["errors"][0].clone();
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("bwrap"), "{message}");
        assert!(!error.to_string().contains("--sandbox off"), "{error}");
        assert_eq!(first(&refused)["outcome"], Value::Null);
    }
    let message = audit(&[]).json()["errors"][0]["message"].clone();
    assert!(
        message.as_str().unwrap().contains("no Landlock"),
        "{message}"
    );
    let off = audit(&["--sandbox", "off"]).expect(0);
    assert_eq!(first(&off)["sandbox"], "none");
    assert_eq!(
        off.rules(),
        [("sandbox-weaker".to_owned(), "warning".to_owned())]
    );
}

#[test]
fn a_full_disk_is_an_error_and_no_verdict() {
    if !rustix::process::geteuid().is_root() {
        crate::skipped!("only root may mount a small file system");
        return;
    }
    let house = House::new();
    std::fs::create_dir(house.at("small")).unwrap();
    // A mount name space of its own, so that nothing outside sees the mount.
    let script = "mount -t tmpfs -o size=64k,mode=1777 tmpfs \"$1\" && shift && exec \"$@\"";
    let inner = house.rebuilding("audit", RECIPE);
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(house.at("small"))
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(house.at(""))
        .env("TMPDIR", house.at("small"))
        .env("XDG_CACHE_HOME", house.at("cache"));
    let outcome = run(&mut command);
    if outcome.err().contains("unshare") || outcome.err().contains("mount:") {
        crate::skipped!("no mounts are allowed here");
        return;
    }
    let outcome = outcome.expect(3);
    assert!(
        outcomes(&outcome)
            .iter()
            .any(|(_, outcome)| outcome == "not-attempted" || outcome == "build-failed")
    );
}

#[test]
fn tools_come_from_a_signed_wheelhouse_only_as_long_as_its_signature_holds() {
    let backend = "import helper\n\ndef build_wheel(directory, settings=None, metadata=None):\n    return helper.build(directory)\n";
    let house = House::of_one_project("");
    let pyproject = "[build-system]\nrequires = [\"helper\"]\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    sdist(
        &house.wheel("probe-1.0.tar.gz"),
        &[
            ("probe-1.0/pyproject.toml", pyproject),
            ("probe-1.0/backend.py", backend),
        ],
    );
    // What the helper builds is what was published.
    std::fs::create_dir_all(house.at("tools/wheels")).unwrap();
    let tool = house.at("tools/wheels/helper-1.0-py3-none-any.whl");
    let helper = format!(
        "{}\n\n\
        def build(directory):\n\
        \x20   wheel(os.path.join(directory, '{PROBE}'), [('probe.py', '')])\n\
        \x20   return '{PROBE}'\n",
        MINIMAL_PY.split("\nif __name__").next().unwrap()
    );
    minimal_wheel(&tool, &[("helper.py", &helper)]);
    house.sign_all();
    let lines = format!("{}  helper-1.0-py3-none-any.whl\n", sha256sum(&tool));
    house.write("tools/sha256sums.txt", &lines);
    house.write(
        "tools/sha256sums.txt.asc",
        house.signer.sign_plainly(lines.as_bytes()),
    );

    let arguments = ["--tool-wheelhouse", "tools"];
    let outcome = run(&mut house.rebuilding("audit", &arguments)).expect(0);
    assert_eq!(
        first(&outcome)["recipe"]["tools"][0]["sha256"],
        sha256sum(&tool).as_str()
    );

    // Without it, the interpreter's own packages do not stand in.
    let outcome = run(&mut house.rebuilding("audit", &["--offline"])).expect(3);
    assert_eq!(first(&outcome)["outcome"], "not-attempted");
    assert!(reason(&outcome).contains("helper"), "{}", reason(&outcome));

    house.write("tools/sha256sums.txt", format!("# changed\n{lines}"));
    let outcome = run(&mut house.rebuilding("audit", &arguments)).expect(3);
    assert_eq!(first(&outcome)["outcome"], "not-attempted");
    assert!(reason(&outcome).contains("tools"), "{}", reason(&outcome));
}

/// A backend that compiles one file as the interpreter's sysconfig says.
const C_BACKEND: &str = r#"
import os, shlex, subprocess, sysconfig
import minimal

def build_wheel(directory, settings=None, metadata=None):
    tag = "cp%s" % sysconfig.get_config_var("py_version_nodot")
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    target = "probe" + sysconfig.get_config_var("EXT_SUFFIX")
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC"))
    flags = shlex.split(sysconfig.get_config_var("CFLAGS") or "")
    include = sysconfig.get_path("include")
    source = os.path.abspath("probe.c")
    subprocess.run(compiler + flags + ["-g", "-fPIC", "-shared", "-I" + include, source, "-o", target], check=True)
    name = "probe-1.0-%s-%s-%s.whl" % (tag, tag, platform)
    minimal.wheel(os.path.join(directory, name), [(target, open(target, "rb").read())])
    return name
"#;

const C_SOURCE: &str = "#include <Python.h>\n\
    static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, \"probe\", 0, -1, 0};\n\
    PyMODINIT_FUNC PyInit_probe(void) { return PyModule_Create(&module); }\n";

/// Returns an interpreter that has its headers and a compiler, or says that the
/// test was left out.
fn python_with_headers() -> Option<PathBuf> {
    let script = "import os, sys, sysconfig\n\
        print(sys.executable)\n\
        sys.exit(not os.path.exists(os.path.join(sysconfig.get_path('include'), 'Python.h')))";
    for name in ["python3", "/usr/bin/python3"] {
        let Ok(found) = Command::new(name).args(["-c", script]).output() else {
            continue;
        };
        if found.status.success() {
            let path = String::from_utf8(found.stdout).unwrap();
            return Some(PathBuf::from(path.trim()));
        }
    }
    crate::skipped!("no python3 has its headers here");
    None
}

#[test]
fn a_c_extension_comes_back_at_its_build_path_and_differs_at_another() {
    let Some(python) = python_with_headers() else {
        return;
    };
    if !has_program("cc") || !has_bubblewrap() {
        return;
    }
    let house = House::of_one_project("");
    std::fs::remove_file(house.wheel(PROBE)).unwrap();
    let pyproject =
        "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    let files = [
        ("probe-1.0/pyproject.toml", pyproject),
        ("probe-1.0/backend.py", C_BACKEND),
        ("probe-1.0/minimal.py", MINIMAL_PY),
        ("probe-1.0/probe.c", C_SOURCE),
    ];
    sdist(&house.wheel("probe-1.0.tar.gz"), &files);

    // Built by hand first, at the path of the recipe and without this program.
    let build = house.at("by-hand/probe-1.0");
    std::fs::create_dir_all(&build).unwrap();
    for (name, text) in files {
        std::fs::write(house.at("by-hand").join(name), text).unwrap();
    }
    let built = Command::new(&python)
        .args([
            "-c",
            "import backend, sys; backend.build_wheel(sys.argv[1])",
        ])
        .arg(house.at("wheels"))
        .current_dir(&build)
        .env("PYTHONPATH", &build)
        .env("LC_ALL", "C.UTF-8")
        .env_remove("CC")
        .env_remove("CFLAGS")
        .status();
    assert!(built.unwrap().success());
    house.sign_all();

    let interpreter = format!("py3={}", python.display());
    let path = build.to_str().unwrap();
    let audit = |path: &str| {
        let arguments = ["--python", &interpreter, "--build-path", path];
        run(&mut house.rebuilding("audit", &arguments))
    };
    assert_eq!(first(&audit(path).expect(0))["outcome"], "reproduced");
    let elsewhere = audit("/tmp/elsewhere/probe-1.0").expect(1);
    let member = first(&elsewhere)["differences"][0]["member"].clone();
    assert!(member.as_str().unwrap().ends_with(".so"), "{member}");
}
