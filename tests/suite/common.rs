//! What several tests need.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use wheelproof::policy::SandboxPolicy;
use wheelproof::sandbox::{Parts, Sandbox, find_program};

use crate::signing::{Signer, TODAY};

/// Returns a folder of real data beside the checkout, or says that the test was
/// left out and returns `None`.
pub(crate) fn shared_data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name);
    if path.is_dir() {
        return Some(path);
    }
    crate::skipped!("the real data {name} is not beside the checkout");
    None
}

/// Returns a folder of the project's own fixtures.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

/// Returns whether a program answers to `--version`, or says that the test was
/// left out.
pub(crate) fn has_program(name: &str) -> bool {
    let found = Command::new(name)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        crate::skipped!("{name} is not installed");
    }
    found
}

/// Returns whether bubblewrap is here and may do what it is there for, or says that the
/// test was left out. A container often has the program and forbids the name spaces.
pub(crate) fn has_bubblewrap() -> bool {
    if !has_program("bwrap") {
        return false;
    }
    // By itself and not through the program under test, which would hide its own faults.
    let tried = Command::new("bwrap")
        .args(["--unshare-all", "--cap-drop", "ALL", "--ro-bind", "/", "/"])
        .args([
            "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "true",
        ])
        .output()
        .unwrap();
    if !tried.status.success() {
        let said = String::from_utf8_lossy(&tried.stderr).into_owned();
        crate::skipped!("bubblewrap does not work here: {}", said.trim());
    }
    tried.status.success()
}

/// Returns whether a terminal can be made here, or says that the test was left out. A
/// bare chroot has no file system for them.
pub(crate) fn has_terminals() -> bool {
    if !has_program("python3") {
        return false;
    }
    let opened = Command::new("python3")
        .args(["-c", "import os; os.openpty()"])
        .output()
        .unwrap();
    if !opened.status.success() {
        crate::skipped!("no terminal can be opened here (/dev/pts)");
    }
    opened.status.success()
}

/// Lets a command run as somebody whom permissions keep out. Returns `false`, and
/// says that the test was left out, when that cannot be.
pub(crate) fn as_ordinary_user(command: &mut Command) -> bool {
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        return true;
    }
    command.uid(NOBODY).gid(NOBODY);
    let started = Command::new(command.get_program())
        .arg("--version")
        .uid(NOBODY)
        .gid(NOBODY)
        .output();
    if started.is_err() {
        crate::skipped!("nobody but root may start the program under test");
    }
    started.is_ok()
}

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a program ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Outcome {
    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8(self.stderr.clone()).unwrap()
    }

    /// Returns standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| {
            panic!(
                "not JSON: {error}\n{}\n{}",
                String::from_utf8_lossy(&self.stdout),
                String::from_utf8_lossy(&self.stderr)
            )
        })
    }

    /// Returns the rules of the findings in a JSON report with their severities.
    pub(crate) fn rules(&self) -> Vec<(String, String)> {
        let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        self.json()["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| (word(&finding["rule"]), word(&finding["severity"])))
            .collect()
    }

    /// Returns the rules of the findings that are errors.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.rules()
            .into_iter()
            .filter(|(_, severity)| severity == "error")
            .map(|(rule, _)| rule)
            .collect()
    }

    /// Fails unless the exit code is this one; shows what was written.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "signal: {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.signal,
            String::from_utf8_lossy(&self.stdout),
            String::from_utf8_lossy(&self.stderr)
        );
        let stderr = String::from_utf8_lossy(&self.stderr);
        assert!(!stderr.contains("panicked"), "{stderr}");
        self
    }
}

/// Returns the program with an environment that holds nothing but a path.
pub(crate) fn wheelproof() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wheelproof"));
    command.env_clear();
    for name in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("HOME", "/nowhere").stdin(Stdio::null());
    command
}

/// Starts a command with both streams caught.
pub(crate) fn start(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for a started command; fails when it hangs.
#[track_caller]
pub(crate) fn wait(mut child: Child) -> Outcome {
    fn drain(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stream) = stream {
                stream.read_to_end(&mut bytes).unwrap();
            }
            bytes
        })
    }
    let (stdout, stderr) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Outcome {
        code: status.code(),
        signal: status.signal(),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    }
}

/// Runs a command to its end; fails when it hangs.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Outcome {
    wait(start(command))
}

/// Sends a signal to a started command.
pub(crate) fn send(child: &Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
}

/// Waits until something holds; fails when it never does.
#[track_caller]
pub(crate) fn until(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it never came to be");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Makes a FIFO.
pub(crate) fn fifo(path: &Path) {
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from(0o644),
        0,
    )
    .unwrap();
}

/// Returns the digest of a file as coreutils see it.
pub(crate) fn sha256sum(path: &Path) -> String {
    let output = Command::new("sha256sum")
        .arg("--")
        .stdin(std::fs::File::open(path).unwrap())
        .arg("-")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

/// A Python module that writes the smallest wheel that every check lets pass.
pub(crate) const MINIMAL_PY: &str = include_str!("minimal.py");

/// Writes such a wheel, with these files and what its name says as metadata.
pub(crate) fn minimal_wheel(path: &Path, files: &[(&str, &str)]) {
    let mut child = Command::new("python3")
        .args(["-c", MINIMAL_PY])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let json = serde_json::to_vec(files).unwrap();
    child.stdin.take().unwrap().write_all(&json).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Lets a Python script of this directory write the pair of wheels of a scenario; returns
/// the published and the rebuilt one.
pub(crate) fn pair(script: &str, directory: &Path, scenario: &str) -> [PathBuf; 2] {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    let made = Command::new("python3")
        .arg(suite.join(script))
        .arg(directory)
        .arg(scenario)
        .output()
        .expect("python3 runs");
    assert!(
        made.status.success(),
        "{scenario}: {}",
        String::from_utf8_lossy(&made.stderr)
    );
    ["published", "rebuilt"].map(|side| directory.join(side).join("probe-1.0-py3-none-any.whl"))
}

/// Three wheels and their sdists, in the order of their names.
pub(crate) const FILES: [&str; 6] = [
    "wheelproof_example_count-2.1.0-py3-none-any.whl",
    "wheelproof_example_count-2.1.0.tar.gz",
    "wheelproof_example_greeting-1.0.0-py3-none-any.whl",
    "wheelproof_example_greeting-1.0.0.tar.gz",
    "wheelproof_example_units-0.3.0-py3-none-any.whl",
    "wheelproof_example_units-0.3.0.tar.gz",
];

/// One of them, for whatever has to happen to a wheel.
pub(crate) const WHEEL: &str = FILES[2];

/// A wheelhouse in which everything is well, in SecureDrop's layout: a manifest
/// and its signature beside `wheels/`. The certificate lies in `keys/`.
pub(crate) struct House {
    directory: TempDir,
    pub(crate) signer: Signer,
}

impl House {
    pub(crate) fn new() -> Self {
        let house = Self {
            directory: tempfile::tempdir().unwrap(),
            signer: Signer::ordinary(1),
        };
        // Others may look: a test may run the program as somebody else.
        house.mode("", 0o755);
        std::fs::create_dir(house.at("wheels")).unwrap();
        std::fs::create_dir(house.at("keys")).unwrap();
        std::fs::write(house.at("keys/signer.asc"), house.signer.certificate()).unwrap();
        for name in FILES {
            std::fs::copy(fixture("wheelhouse/wheels").join(name), house.wheel(name)).unwrap();
        }
        house.sign(Self::lines());
        house
    }

    /// Returns the lines of the manifest. Python's hashlib made them.
    pub(crate) fn lines() -> String {
        std::fs::read_to_string(fixture("wheelhouse/sha256sums.txt")).unwrap()
    }

    /// Returns a path below the directory.
    pub(crate) fn at(&self, below: impl AsRef<OsStr>) -> PathBuf {
        self.directory.path().join(Path::new(below.as_ref()))
    }

    /// Returns the path of a file in `wheels/`.
    pub(crate) fn wheel(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.at("wheels").join(Path::new(name.as_ref()))
    }

    pub(crate) fn write(&self, below: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.at(below), contents).unwrap();
    }

    pub(crate) fn remove(&self, below: &str) {
        std::fs::remove_file(self.at(below)).unwrap();
    }

    pub(crate) fn mode(&self, below: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.at(below), mode).unwrap();
    }

    /// Writes a manifest and signs it.
    pub(crate) fn sign(&self, manifest: impl AsRef<[u8]>) {
        let manifest = manifest.as_ref();
        self.write("sha256sums.txt", manifest);
        self.write("sha256sums.txt.asc", self.signer.sign_plainly(manifest));
    }

    /// Signs what now lies in `wheels/`, and these lines besides.
    pub(crate) fn sign_listing_also(&self, names: &[&str]) {
        let mut lines = Self::lines();
        for name in names {
            lines.push_str(&format!("{}  {name}\n", sha256sum(&self.wheel(name))));
        }
        self.sign(lines);
    }

    /// Returns the command `verify`, run from the directory, judging at
    /// [`TODAY`].
    pub(crate) fn verify(&self, flags: &[&str]) -> Command {
        let mut command = wheelproof();
        command
            .current_dir(self.directory.path())
            .args(["verify", ".", "--time", TODAY])
            .args(flags);
        command
    }

    /// Verifies with the signer's certificate and returns the JSON report.
    #[track_caller]
    pub(crate) fn check(&self, flags: &[&str]) -> Outcome {
        let mut all = vec!["--certs", "keys", "--format", "json"];
        all.extend(flags);
        run(&mut self.verify(&all))
    }

    /// Does the same by the policy of the directory, named: what it says is the user's word.
    #[track_caller]
    pub(crate) fn check_by_policy(&self, flags: &[&str]) -> Outcome {
        self.check(&[&["--policy", "wheelproof.toml"], flags].concat())
    }

    /// Returns the flag that names the policy of the directory, when there is one.
    pub(crate) fn naming_the_policy(&self) -> &[&str] {
        match self.at("wheelproof.toml").exists() {
            true => &["--policy", "wheelproof.toml"],
            false => &[],
        }
    }

    /// Verifies with the signer's certificate and returns the text report.
    #[track_caller]
    pub(crate) fn text(&self, flags: &[&str]) -> Outcome {
        let mut all = vec!["--certs", "keys"];
        all.extend(flags);
        run(&mut self.verify(&all))
    }
}

impl House {
    /// Returns the command `run` with the signer's certificate, from the
    /// directory, with a directory for temporary files of its own.
    pub(crate) fn run(&self, flags: &[&str], command: &[&str]) -> Command {
        let _ = std::fs::create_dir(self.at("tmp"));
        let mut run = wheelproof();
        run.current_dir(self.directory.path())
            .env("TMPDIR", self.at("tmp"))
            .args(["run", ".", "--time", TODAY, "--certs", "keys"])
            .args(flags)
            .arg("--")
            .args(command);
        run
    }

    /// Fails if anything is left among the temporary files.
    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) {
        let left: Vec<_> = std::fs::read_dir(self.at("tmp"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Where the parts of the sandbox are, for tests that use it without the program.
pub(crate) fn sandbox_parts() -> Parts {
    // Looked for where the program looks.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    Parts {
        stage: PathBuf::from(env!("CARGO_BIN_EXE_wheelproof")),
        bubblewrap: find_program("bwrap", &directories),
    }
}

/// Returns the layers that keep builds in and work here, and says which do not.
pub(crate) fn working_layers() -> Vec<Sandbox> {
    let parts = sandbox_parts();
    let mut layers = Vec::new();
    match Sandbox::choose(SandboxPolicy::Require, &parts) {
        Ok(sandbox) => layers.push(sandbox),
        Err(_) if parts.bubblewrap.is_none() => crate::skipped!("bubblewrap not found"),
        Err(error) => crate::skipped!("bubblewrap does not work here: {error}"),
    }
    let without = Parts {
        bubblewrap: None,
        ..parts
    };
    match Sandbox::choose(SandboxPolicy::Auto, &without) {
        Ok(sandbox) => layers.push(sandbox),
        Err(error) => crate::skipped!("Landlock does not work here: {error}"),
    }
    layers
}
