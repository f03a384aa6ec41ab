//! What the layer `landlock-seccomp` refuses and what it leaves open, tried one by one:
//! as root and as an ordinary user, whom the kernel lets do more to what is his.
//!
//! Each attempt is made outside of the layer, too, by the same user. There it has to
//! succeed: what is refused inside is refused by the layer.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};

use wheelproof::cancel::Cancel;
use wheelproof::sandbox::{Command, Ending, Layer, Limits, Sandbox};

use crate::common::{sandbox_parts, working_layers};

const PYTHON: &str = "/usr/bin/python3";

/// The version of Landlock from which on signals stay inside (landlock(7)).
const SIGNALS: u32 = 6;

/// Runs attempts and prints what became of each: `done`, or the name of the error.
const ATTEMPTS: &str = include_str!("attempts.py");

/// Runs this test as an ordinary user as well, when root runs it.
fn as_ordinary_user_too(name: &str) {
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut again = Process::new(std::env::current_exe().unwrap());
    again
        .args(["--exact", name, "--nocapture"])
        .env("TMPDIR", place.path())
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir("/");
    let may_start = Process::new(env!("CARGO_BIN_EXE_wheelproof"))
        .arg("--version")
        .uid(NOBODY)
        .output();
    let Ok(again) = may_start.and_then(|_| again.output()) else {
        crate::skipped!("nobody but root may start the program under test");
        return;
    };
    let said = String::from_utf8_lossy(&again.stdout).into_owned()
        + &String::from_utf8_lossy(&again.stderr);
    assert!(again.status.success(), "as an ordinary user:\n{said}");
    assert!(said.contains("1 passed"), "{said}");
}

/// Returns the weaker layer, where it works.
fn layer() -> Option<Sandbox> {
    working_layers()
        .into_iter()
        .find(|sandbox| sandbox.layer() == Layer::LandlockSeccomp)
}

/// What belongs to whoever starts builds: a file, and a process.
struct Outside {
    directory: tempfile::TempDir,
    process: Child,
}

impl Outside {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(directory.path().join("file"), "contents").unwrap();
        let process = Process::new("/bin/sleep")
            .arg("600")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { directory, process }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("file")
    }

    fn arguments(&self) -> Vec<String> {
        vec![
            "-I".to_owned(),
            "-c".to_owned(),
            ATTEMPTS.to_owned(),
            self.process.id().to_string(),
            self.file().display().to_string(),
        ]
    }

    /// Returns what the attempts gave without any layer.
    fn tried_outside(&self) -> BTreeMap<String, String> {
        let scratch = tempfile::tempdir().unwrap();
        let tried = Process::new(PYTHON)
            .args(self.arguments())
            .env("TMPDIR", scratch.path())
            .current_dir(scratch.path())
            .output()
            .unwrap();
        results(
            &String::from_utf8_lossy(&tried.stdout),
            &String::from_utf8_lossy(&tried.stderr),
        )
    }

    /// Returns what they gave inside; `readable` lets the build read the file.
    fn tried_inside(&self, sandbox: &Sandbox, readable: bool) -> BTreeMap<String, String> {
        let scratch = tempfile::tempdir().unwrap();
        let places = sandbox.places(Path::new("/tmp/build/source"), scratch.path());
        let command = Command {
            program: PathBuf::from(PYTHON),
            arguments: self.arguments(),
            environment: BTreeMap::from([
                ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
                ("TMPDIR".to_owned(), places.temporary.display().to_string()),
            ]),
            directory: places.temporary,
            root: None,
            mounted: Vec::new(),
            read_only: match readable {
                true => vec![self.directory.path().to_owned()],
                false => Vec::new(),
            },
            masked: Vec::new(),
            copies: Vec::new(),
            make_directories: Vec::new(),
            umask: 0o022,
            limits: Limits::default(),
        };
        let (mut output, mut log) = (Vec::new(), Vec::new());
        let ran = sandbox
            .run(
                &command,
                scratch.path(),
                &mut output,
                &mut log,
                &Cancel::new(),
            )
            .unwrap();
        let log = String::from_utf8_lossy(&log);
        assert_eq!(ran.ending, Ending::Exited(0), "{log}");
        results(&String::from_utf8_lossy(&output), &log)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn results(output: &str, log: &str) -> BTreeMap<String, String> {
    let results: BTreeMap<String, String> = output
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, result)| (name.to_owned(), result.to_owned()))
        .collect();
    assert!(results.contains_key("end"), "{output}{log}");
    results
}

/// What changes others or outlives the build: the attempt, the error that says so.
const REFUSED: &[(&str, &str)] = &[
    ("limits of another", "EPERM"),
    ("priority of another", "EPERM"),
    ("priority of all", "EPERM"),
    ("processors of another", "EPERM"),
    ("scheduler of another", "EPERM"),
    ("scheduling parameters of another", "EPERM"),
    ("scheduling attributes of another", "EPERM"),
    ("input priority of another", "EPERM"),
    ("comparing with another", "EPERM"),
    ("shared memory", "EPERM"),
    ("semaphores", "EPERM"),
    ("messages", "EPERM"),
    ("POSIX messages", "EPERM"),
    ("group of a file", "EPERM"),
    ("group of an open file", "EPERM"),
    ("extended attribute", "ENOTSUP"),
    ("reading an extended attribute", "ENOTSUP"),
    ("flags of a file", "ENOTTY"),
    ("a program of this user", "EPERM"),
    ("a lease", "EPERM"),
    ("notices", "EPERM"),
    ("io_uring", "EPERM"),
    ("opening", "EACCES"),
];

/// What a build does to what is its own.
const GRANTED: &[&str] = &[
    "own limits",
    "own limits by number",
    "own priority",
    "own processors",
    "own processors by number",
    "own scheduler",
    "own input priority",
    "own file",
    "own copy with metadata",
    "cp -a",
    "install",
    "own child is ended",
    "is it a terminal",
];

#[test]
fn what_changes_others_or_outlives_a_build_is_refused() {
    as_ordinary_user_too("weaker_layer::what_changes_others_or_outlives_a_build_is_refused");
    let Some(sandbox) = layer() else { return };
    let ours = Outside::new();
    let outside = ours.tried_outside();
    let ours = Outside::new();
    let inside = ours.tried_inside(&sandbox, false);
    for (attempt, error) in REFUSED {
        assert_eq!(inside[*attempt], *error, "{attempt}");
        match (*attempt, outside[*attempt].as_str()) {
            (_, "done") | ("priority of all", "ESRCH") => {}
            // Kernels without it, file systems without it, containers that forbid it.
            (_, result @ ("ENOSYS" | "ENOTSUP" | "ENOTTY")) | ("io_uring", result) => {
                crate::skipped!("{attempt} cannot be tried here: {result}");
            }
            (_, result) => panic!("{attempt}, outside: {result}"),
        }
    }
    for attempt in GRANTED {
        assert_eq!(inside[*attempt], "done", "{attempt}");
        assert_eq!(outside[*attempt], "done", "{attempt}, outside");
    }
    assert_eq!(fs::read(ours.file()).unwrap(), b"contents");
}

/// The attempts that stand for each word of the list in `docs/rebuilding.md`, and
/// whether root's builds, which are other users, may do it too.
const OPEN: &[(&str, &[(&str, bool)])] = &[
    ("Modes", &[("modes", false)]),
    ("Times", &[("times", false)]),
    ("Looking", &[("looking", true), ("following", true)]),
    ("Reading", &[("reading the system", true)]),
    ("Locks", &[("locks", true)]),
    (
        "Asking",
        &[
            ("asking for limits", false),
            ("asking for priority", true),
            ("asking for processors", true),
            ("asking for the machine", true),
        ],
    ),
    ("Signals", &[("signals", false)]),
];

#[test]
fn what_is_left_open_is_what_the_manual_lists() {
    as_ordinary_user_too("weaker_layer::what_is_left_open_is_what_the_manual_lists");
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rebuilding.md");
    let manual = fs::read_to_string(manual).unwrap();
    let section = manual
        .split("### What `landlock-seccomp` leaves open\n")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .unwrap();
    let listed: Vec<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("- **")?.split_once("**"))
        .map(|(word, _)| word)
        .collect();
    let tried: Vec<&str> = OPEN.iter().map(|(word, _)| *word).collect();
    assert_eq!(listed, tried);

    let Some(sandbox) = layer() else { return };
    let is_root = rustix::process::geteuid().is_root();
    let version = version_here(&sandbox);
    let ours = Outside::new();
    let inside = ours.tried_inside(&sandbox, false);
    for (word, attempts) in OPEN {
        for (attempt, even_of_root) in *attempts {
            let open = match *word {
                "Signals" => !is_root && version < SIGNALS,
                _ => *even_of_root || !is_root,
            };
            let result = inside[*attempt].as_str();
            assert_eq!(result == "done", open, "{attempt}: {result}");
            // The kernel says so to other users of any kind.
            assert!(open || result == "EPERM", "{attempt}: {result}");
        }
    }
}

/// Returns the version of this kernel's Landlock, as far as the program uses it.
fn version_here(sandbox: &Sandbox) -> u32 {
    let scratch = tempfile::tempdir().unwrap();
    let directory = sandbox.places(Path::new("/x"), scratch.path()).temporary;
    let command = Command {
        program: PathBuf::from("/bin/true"),
        arguments: Vec::new(),
        environment: BTreeMap::new(),
        directory,
        root: None,
        mounted: Vec::new(),
        read_only: Vec::new(),
        masked: Vec::new(),
        copies: Vec::new(),
        make_directories: Vec::new(),
        umask: 0o022,
        limits: Limits::default(),
    };
    let (mut output, mut log) = (Vec::new(), Vec::new());
    let ran = sandbox
        .run(
            &command,
            scratch.path(),
            &mut output,
            &mut log,
            &Cancel::new(),
        )
        .unwrap();
    ran.landlock.unwrap()
}

/// On each version that this kernel can act as.
#[test]
fn older_landlock_leaves_open_signals_and_nothing_else() {
    as_ordinary_user_too("weaker_layer::older_landlock_leaves_open_signals_and_nothing_else");
    let Some(sandbox) = layer() else { return };
    let is_root = rustix::process::geteuid().is_root();
    for version in 1..=version_here(&sandbox) {
        let sandbox = Sandbox::with(&sandbox_parts(), Layer::LandlockSeccomp, None)
            .with_landlock_at_most(version);
        assert_eq!(version_here(&sandbox), version);
        let ours = Outside::new();
        // The file may be read: what is left to guard is its contents.
        let inside = ours.tried_inside(&sandbox, true);
        for attempt in ["emptying", "emptying while reading", "writing"] {
            let result = inside[attempt].as_str();
            assert!(
                ["EPERM", "EACCES"].contains(&result),
                "{version}: {attempt}: {result}"
            );
        }
        assert_eq!(inside["opening"], "done");
        assert_eq!(
            fs::read(ours.file()).unwrap(),
            b"contents",
            "version {version}"
        );
        assert_eq!(
            inside["signals"] == "done",
            version < SIGNALS && !is_root,
            "version {version}: {}",
            inside["signals"]
        );
        assert_eq!(inside["own file"], "done", "version {version}");
    }
}

#[test]
fn no_other_door_into_the_kernel_is_open() {
    as_ordinary_user_too("weaker_layer::no_other_door_into_the_kernel_is_open");
    if std::env::consts::ARCH != "x86_64" {
        crate::skipped!("this architecture has one interface for system calls");
        return;
    }
    for sandbox in working_layers() {
        let ours = Outside::new();
        let inside = ours.tried_inside(&sandbox, false);
        // EPERM is ours: a kernel without x32 says ENOSYS.
        assert_eq!(inside["x32"], "EPERM", "{}", sandbox.layer());
        // The filter ends it before the kernel looks what it wants (SIGSYS).
        assert_eq!(inside["32 bits"], "signal 31", "{}", sandbox.layer());
        assert_eq!(inside["io_uring"], "EPERM", "{}", sandbox.layer());
    }
}
