//! What the system refuses, and when it ends a run: every call that touches the
//! files is made to fail, or to be the last one, one after the other.
//!
//! strace does it (`-e inject`), so what is tried is the program as it is, and the
//! system's own calls are the list of what can go wrong.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{FILES, House, Outcome, WHEEL, has_program, run, sha256sum, wheelproof};
use crate::signing::{Signer, TODAY};

/// The calls by which a file comes to be, changes, or goes.
const CHANGING: &[&str] = &[
    "openat",
    "write",
    "copy_file_range",
    "ftruncate",
    "fchmod",
    "chmod",
    "flock",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "rmdir",
];

/// The calls by which files are read.
const READING: &[&str] = &["openat", "read", "pread64", "getdents64", "lseek"];

/// Returns a command, run under strace, which is told what to do.
fn traced(command: &Command, tell: &[&str]) -> Command {
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "--signal=none"])
        .args(tell)
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        // One thread, because strace counts the calls of each by itself.
        .env("RAYON_NUM_THREADS", "1");
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            strace.env(name, value);
        }
    }
    strace.current_dir(command.get_current_dir().unwrap());
    strace
}

/// Returns whether strace may trace here, or says that the test was left out.
fn can_trace() -> bool {
    if !has_program("strace") {
        return false;
    }
    let outcome = run(Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]));
    if outcome.code != Some(0) {
        crate::skipped!("strace may not trace here: {}", outcome.err().trim());
    }
    outcome.code == Some(0)
}

/// How often the thread that makes it most often makes each of these calls on
/// these paths; on any when there are none.
fn calls(command: &Command, names: &[&str], paths: &[PathBuf]) -> BTreeMap<String, usize> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut tell: Vec<String> = vec!["-o".into(), log.path().display().to_string()];
    tell.extend(["-e".into(), format!("trace={}", known(names))]);
    for path in paths {
        tell.extend(["-P".into(), path.display().to_string()]);
    }
    let tell: Vec<&str> = tell.iter().map(String::as_str).collect();
    run(&mut traced(command, &tell));
    let mut counted: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in std::fs::read_to_string(log.path()).unwrap().lines() {
        let (thread, call) = line.split_once(' ').unwrap_or(("", line));
        let Some((name, _)) = call.trim_start().split_once('(') else {
            continue;
        };
        // The second half of a call that was interrupted by another thread has no name, and
        // neither has a call in which a thread is ended.
        if name.starts_with('<') || name.starts_with('?') {
            continue;
        }
        *counted
            .entry((name.to_owned(), thread.to_owned()))
            .or_default() += 1;
    }
    let mut most: BTreeMap<String, usize> = BTreeMap::new();
    for ((name, _), count) in counted {
        let most = most.entry(name).or_default();
        *most = count.max(*most);
    }
    most
}

/// Returns the list of calls for strace; it passes over those that this machine
/// does not have.
fn known(names: &[&str]) -> String {
    let marked: Vec<String> = names.iter().map(|name| format!("?{name}")).collect();
    marked.join(",")
}

/// Runs a command once for each call that it makes, with this done to that call, and
/// shows what came of it. Returns how many runs that were.
#[track_caller]
fn each_call(
    make: &dyn Fn() -> Command,
    names: &[&str],
    paths: &[PathBuf],
    what: &str,
    judge: &mut dyn FnMut(&str, Outcome),
) -> usize {
    let mut tried = 0;
    for (name, count) in calls(&make(), names, paths) {
        for number in 1..=count {
            let inject = format!("inject={name}:{what}:when={number}");
            let trace = format!("trace={name}");
            let mut tell = vec!["-o", "/dev/null", "-e", &trace, "-e", &inject];
            let shown: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
            for path in &shown {
                tell.extend(["-P", path]);
            }
            let outcome = run(&mut traced(&make(), &tell));
            assert!(!outcome.err().contains("panicked"), "{}", outcome.err());
            judge(&inject, outcome);
            tried += 1;
        }
    }
    tried
}

/// Everything that lies in a directory but for the secret key and other runs' ends.
fn listing(directory: &Path) -> Vec<OsString> {
    let mut names: Vec<OsString> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    names
}

/// The files that a check of this house reads, and their directory.
fn read_files(house: &House) -> Vec<PathBuf> {
    let mut paths = vec![
        house.at("sha256sums.txt"),
        house.at("sha256sums.txt.asc"),
        house.at("keys/signer.asc"),
        house.at("wheels"),
    ];
    paths.extend(FILES.map(|name| house.wheel(name)));
    let mut paths: Vec<PathBuf> = paths
        .iter()
        .map(|path| path.canonicalize().unwrap())
        .collect();
    // As they are opened, from their directory; strace compares what it sees.
    paths.extend(FILES.map(PathBuf::from));
    paths
}

#[test]
fn whatever_cannot_be_read_is_an_error_and_never_a_pass_or_a_mismatch() {
    if !can_trace() {
        return;
    }
    let house = House::new();
    let paths = read_files(&house);
    let make = || house.verify(&["--certs", "keys", "--format", "json"]);
    run(&mut traced(&make(), &["-o", "/dev/null"])).expect(0);
    for error in ["EIO", "EACCES"] {
        let tried = each_call(
            &make,
            READING,
            &paths,
            &format!("error={error}"),
            &mut |which, outcome| {
                assert_eq!(outcome.code, Some(3), "{which}: {}", outcome.out());
                let report = outcome.json();
                assert_eq!(report["verdict"], "error", "{which}");
                assert!(!report["errors"].as_array().unwrap().is_empty(), "{which}");
            },
        );
        // Each file is opened and read at least.
        assert!(tried > 2 * FILES.len(), "{tried}");
    }
}

#[test]
fn a_file_that_goes_between_listing_and_reading_is_missing_or_an_error() {
    if !can_trace() {
        return;
    }
    let house = House::new();
    let wheel = PathBuf::from(WHEEL);
    // What opening a file gives that has been there a moment ago.
    let make = || house.verify(&["--certs", "keys", "--format", "json"]);
    let tried = each_call(
        &make,
        &["openat"],
        &[wheel],
        "error=ENOENT",
        &mut |which, outcome| {
            assert!(
                matches!(outcome.code, Some(1 | 3)),
                "{which}: {}",
                outcome.out()
            );
            assert_ne!(outcome.json()["verdict"], "pass", "{which}");
        },
    );
    assert!(tried >= 1);
}

/// Runs a command once for each call that reads one of the files that it works on,
/// which fails or finds the file gone; what was there before stays as it is.
#[track_caller]
fn each_read(make: &dyn Fn() -> Command, codes: &[i32], stays: &dyn Fn()) {
    for error in ["EIO", "EACCES", "ENOENT"] {
        let what = format!("error={error}");
        let mut judge = |which: &str, outcome: Outcome| {
            let code = outcome.code.unwrap_or_default();
            assert!(codes.contains(&code), "{which}: {code} {}", outcome.err());
            stays();
        };
        let calls: &[&str] = match error {
            // What opening a file gives that has been there a moment ago.
            "ENOENT" => &["openat"],
            _ => READING,
        };
        let wheels = FILES.map(PathBuf::from);
        let tried = each_call(make, calls, &wheels, &what, &mut judge);
        assert!(tried >= FILES.len(), "{what}: {tried}");
    }
}

#[test]
fn a_file_that_cannot_be_read_or_goes_leaves_the_old_manifest() {
    if !can_trace() {
        return;
    }
    let house = House::new();
    let make = || {
        house.write("sha256sums.txt", "# old\n");
        let mut command = wheelproof();
        command.current_dir(house.at("")).args(["manifest", "."]);
        command
    };
    let before = listing(&house.at(""));
    each_read(&make, &[1, 3], &|| {
        let now = std::fs::read(house.at("sha256sums.txt")).unwrap();
        assert_eq!(now, b"# old\n");
        assert_eq!(listing(&house.at("")), before);
    });
    // Without the fault it is written.
    run(&mut make()).expect(0);
    let now = std::fs::read_to_string(house.at("sha256sums.txt")).unwrap();
    assert_eq!(now, format!("# old\n{}", House::lines()));
}

#[test]
fn a_file_that_cannot_be_read_or_goes_starts_no_command() {
    if !can_trace() {
        return;
    }
    let house = House::new();
    let started = house.at("started");
    let make = || {
        let _ = std::fs::remove_file(&started);
        house.run(&[], &["touch", started.to_str().unwrap()])
    };
    each_read(&make, &[125], &|| {
        assert!(!started.exists());
        house.assert_nothing_left();
    });
    run(&mut make()).expect(0);
    assert!(started.exists());
}

#[test]
fn a_file_that_an_ordinary_user_cannot_read_is_neither_listed_nor_handed_on() {
    let house = House::new();
    house.write("sha256sums.txt", "# old\n");
    house.mode("", 0o777);
    house.mode(&format!("wheels/{WHEEL}"), 0o000);
    let mut command = wheelproof();
    command.current_dir(house.at("")).args(["manifest", "."]);
    if !crate::common::as_ordinary_user(&mut command) {
        return;
    }
    let outcome = run(&mut command).expect(3);
    assert!(
        outcome.out().contains("ermission denied"),
        "{}",
        outcome.out()
    );
    let now = std::fs::read(house.at("sha256sums.txt")).unwrap();
    assert_eq!(now, b"# old\n");
    // The signed list names it, and it cannot be handed on.
    house.write("sha256sums.txt", House::lines());
    std::fs::create_dir_all(house.at("tmp")).unwrap();
    house.mode("tmp", 0o777);
    let mut command = house.run(&[], &["true"]);
    crate::common::as_ordinary_user(&mut command);
    run(&mut command).expect(125);
    house.assert_nothing_left();
}

/// A command that replaces a file in a house.
struct Replacing<'a> {
    house: &'a House,
    target: &'a str,
    old: Vec<u8>,
    /// Whether the file is the new one, and all of it.
    is_new: &'a dyn Fn() -> bool,
    make: &'a dyn Fn() -> Command,
}

impl Replacing<'_> {
    fn command(&self) -> Command {
        self.house.write(self.target, &self.old);
        (self.make)()
    }

    /// Tries every call, and after each whether the old file or the new one stands
    /// there, whole, and whether the next run makes everything right.
    #[track_caller]
    fn try_each(&self, what: &str) {
        run(&mut self.command()).expect(0);
        assert!((self.is_new)());
        let before = listing(&self.house.at(""));
        let mut ends = [0, 0];
        let make = || self.command();
        let tried = each_call(&make, CHANGING, &[], what, &mut |which, outcome| {
            let now = std::fs::read(self.house.at(self.target)).unwrap();
            let is_new = now != self.old;
            assert!(!is_new || (self.is_new)(), "{which}: {} bytes", now.len());
            if outcome.code == Some(0) {
                assert!(is_new, "{which}: it says that it has written");
            }
            ends[usize::from(is_new)] += 1;
            // On what was left, whatever it is.
            let next = run(&mut (self.make)());
            assert_eq!(next.code, Some(0), "after {which}: {}", next.err());
            assert!((self.is_new)(), "after {which}");
            assert_eq!(listing(&self.house.at("")), before, "after {which}");
        });
        assert!(tried > 10, "{tried}");
        assert!(ends.iter().all(|count| *count > 0), "{ends:?}");
    }
}

fn with_manifest(judge: impl Fn(&Replacing<'_>)) {
    let house = House::new();
    let old = format!("{}  gone-1.0.tar.gz\n", "0".repeat(64)).into_bytes();
    judge(&Replacing {
        house: &house,
        target: "sha256sums.txt",
        old,
        is_new: &|| std::fs::read_to_string(house.at("sha256sums.txt")).unwrap() == House::lines(),
        make: &|| {
            let mut command = wheelproof();
            command.current_dir(house.at("")).args(["manifest", "."]);
            command
        },
    });
}

fn with_signature(judge: impl Fn(&Replacing<'_>)) {
    let house = House::new();
    let two = Signer::ordinary(2);
    house.write("keys/two.asc", two.certificate());
    house.write("secret.asc", two.secret_certificate());
    let old = std::fs::read(house.at("sha256sums.txt.asc")).unwrap();
    let make = || {
        let mut command = wheelproof();
        command
            .current_dir(house.at(""))
            .args(["sign", ".", "--certs", "keys"])
            .args(["--key-file", "secret.asc", "--time", TODAY]);
        command
    };
    judge(&Replacing {
        house: &house,
        target: "sha256sums.txt.asc",
        old,
        is_new: &|| house.check(&["--threshold", "2"]).code == Some(0),
        make: &make,
    });
}

#[test]
fn a_manifest_is_the_old_or_the_new_one_whatever_call_fails() {
    if can_trace() {
        with_manifest(|replacing| {
            replacing.try_each("error=EIO");
            replacing.try_each("error=ENOSPC");
        });
    }
}

#[test]
fn a_manifest_is_the_old_or_the_new_one_whatever_call_is_the_last() {
    if can_trace() {
        with_manifest(|replacing| replacing.try_each("signal=KILL"));
    }
}

#[test]
fn a_signature_is_the_old_or_the_new_one_whatever_call_fails() {
    if can_trace() {
        with_signature(|replacing| {
            replacing.try_each("error=EIO");
            replacing.try_each("error=ENOSPC");
        });
    }
}

#[test]
fn a_signature_is_the_old_or_the_new_one_whatever_call_is_the_last() {
    if can_trace() {
        with_signature(|replacing| replacing.try_each("signal=KILL"));
    }
}

/// The command that `run` starts: it checks what it was handed, as coreutils do, and
/// says so in a file.
const CHECKS: &str =
    "cd \"$PIP_FIND_LINKS\" && sha256sum --quiet --check \"$0\" && echo whole >>\"$1\"";

fn handing_over(house: &House) -> Command {
    let (list, log) = (house.at("list"), house.at("log"));
    house.run(
        &[],
        &[
            "sh",
            "-c",
            CHECKS,
            list.to_str().unwrap(),
            log.to_str().unwrap(),
        ],
    )
}

#[test]
fn a_command_is_handed_whole_files_or_is_not_started() {
    if !can_trace() {
        return;
    }
    let house = House::new();
    house.write("list", House::lines());
    let make = || {
        let _ = std::fs::remove_file(house.at("log"));
        handing_over(&house)
    };
    let said = || std::fs::read_to_string(house.at("log")).unwrap_or_default();
    run(&mut make()).expect(0);
    assert_eq!(said(), "whole\n");
    house.assert_nothing_left();
    for what in ["error=EIO", "error=ENOSPC", "signal=KILL"] {
        let mut started = [0, 0];
        each_call(&make, CHANGING, &[], what, &mut |which, outcome| {
            // Whatever happened to the command itself, it was handed whole files.
            let has_checked = said() == "whole\n";
            if outcome.code == Some(0) {
                assert!(has_checked, "{which}");
            }
            assert!(
                !outcome.out().contains("FAILED"),
                "{which}: {}",
                outcome.out()
            );
            started[usize::from(has_checked)] += 1;
        });
        assert!(
            started.iter().all(|count| *count > 0),
            "{what}: {started:?}"
        );
    }
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next() {
    if !can_trace() {
        return;
    }
    let house = House::new();
    let make = || house.run(&[], &["true"]);
    let mut left = 0;
    each_call(
        &make,
        &["fchmod", "chmod", "write"],
        &[],
        "signal=KILL",
        &mut |which, outcome| {
            if outcome.signal.is_none() {
                return;
            }
            left += listing(&house.at("tmp")).len();
            run(&mut make()).expect(0);
            assert_eq!(
                listing(&house.at("tmp")),
                [""; 0].map(OsString::from),
                "after {which}"
            );
        },
    );
    assert!(left > 0);
}

#[test]
fn the_copy_of_a_living_run_stays_where_it_is() {
    let house = House::new();
    let stop = house.at("stop");
    let waits = "echo \"$PIP_FIND_LINKS\" >\"$0.at\"; while [ ! -e \"$0\" ]; do sleep 0.05; done; ls \"$PIP_FIND_LINKS\"";
    let child =
        crate::common::start(&mut house.run(&[], &["sh", "-c", waits, stop.to_str().unwrap()]));
    crate::common::until(|| {
        std::fs::read_to_string(house.at("stop.at")).is_ok_and(|text| text.ends_with('\n'))
    });
    run(&mut house.run(&[], &["true"])).expect(0);
    assert_eq!(listing(&house.at("tmp")).len(), 1);
    house.write("stop", "");
    let outcome = crate::common::wait(child).expect(0);
    assert_eq!(
        outcome.out().lines().count(),
        FILES.len(),
        "{}",
        outcome.err()
    );
    house.assert_nothing_left();
}

#[test]
fn the_copy_stays_while_the_command_lives_though_wheelproof_was_killed() {
    let house = House::new();
    let stop = house.at("stop");
    let waits = "echo \"$PIP_FIND_LINKS\" >\"$0.at\"; while [ ! -e \"$0\" ]; do sleep 0.05; done; ls \"$PIP_FIND_LINKS\" >\"$0.ls\"; mv \"$0.ls\" \"$0.done\"";
    let child =
        crate::common::start(&mut house.run(&[], &["sh", "-c", waits, stop.to_str().unwrap()]));
    crate::common::until(|| {
        std::fs::read_to_string(house.at("stop.at")).is_ok_and(|text| text.ends_with('\n'))
    });
    crate::common::send(&child, rustix::process::Signal::KILL);
    // Were the copy removed now, anybody could put another in its place.
    run(&mut house.run(&[], &["true"])).expect(0);
    assert_eq!(listing(&house.at("tmp")).len(), 1);
    house.write("stop", "");
    crate::common::until(|| house.at("stop.done").exists());
    let seen = std::fs::read_to_string(house.at("stop.done")).unwrap();
    assert_eq!(seen.lines().count(), FILES.len());
    drop(crate::common::wait(child));
    crate::common::until(|| {
        run(&mut house.run(&[], &["true"])).expect(0);
        listing(&house.at("tmp")).is_empty()
    });
}

#[test]
fn what_is_not_ours_or_not_a_directory_of_a_run_is_never_removed() {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    let house = House::new();
    std::fs::create_dir(house.at("tmp")).unwrap();
    let at = |name: &str| house.at("tmp").join(name);
    let precious = house.at("precious");
    std::fs::create_dir(&precious).unwrap();
    std::fs::write(precious.join("file"), "x").unwrap();
    std::fs::write(at("wheelproof-file"), "x").unwrap();
    symlink(&precious, at("wheelproof-run-aaaaaa")).unwrap();
    std::fs::create_dir(at("wheelproof-run-bbbbbb")).unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(at("wheelproof-run-bbbbbb"), open).unwrap();
    std::fs::create_dir(at("wheelproof-notes")).unwrap();
    std::fs::create_dir(at("other")).unwrap();
    if rustix::process::geteuid().is_root() {
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::create_dir(at("wheelproof-run-cccccc")).unwrap();
        std::fs::set_permissions(at("wheelproof-run-cccccc"), private).unwrap();
        chown(at("wheelproof-run-cccccc"), Some(65_534), Some(65_534)).unwrap();
    }
    let before = listing(&house.at("tmp"));
    run(&mut house.run(&[], &["true"])).expect(0);
    assert_eq!(listing(&house.at("tmp")), before);
    assert_eq!(sha256sum(&precious.join("file")).len(), 64);
}
