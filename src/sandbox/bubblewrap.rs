//! The strongest layer: namespaces made by the `bwrap` program.
//!
//! In: a command. Out: the arguments of `bwrap` that start the stage in a file
//! system of its own, made of what is listed here and nothing else.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process;

use super::stage::{self, Identity};
use super::{Command, SYSTEM_DIRECTORIES, SYSTEM_FILES, SandboxError};

/// Where the stage's executable is inside.
const STAGE: &str = "/run/wheelproof/stage";
/// Where directories to copy are inside, followed by a number.
const COPIES: &str = "/run/wheelproof/copy";
/// The size of `/dev/shm`, for semaphores.
const SHARED_MEMORY_BYTES: u64 = 64 << 20;

/// Returns where the stage finds a directory to copy.
pub(super) fn copy_source(index: usize) -> PathBuf {
    PathBuf::from(format!("{COPIES}{index}"))
}

/// Returns the process that starts the stage inside.
pub(super) fn command(
    bubblewrap: &Path,
    stage: &Path,
    command: &Command,
    identity: Identity,
) -> Result<process::Command, SandboxError> {
    let size = command.limits.scratch_bytes.max(1).to_string();
    let mut arguments = Arguments::default();
    // `--unshare-all` means "as far as possible" for some of these.
    arguments.add(&[
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--die-with-parent",
        "--new-session",
        "--hostname",
        "build",
        "--clearenv",
        // As root, a process that keeps its capabilities can mount the host's
        // file system and write to it.
        "--cap-drop",
        "ALL",
    ]);
    match identity {
        // The stage needs these three to hand the copies over to an unprivileged
        // user and to become that user, which takes them away.
        Identity::Switch(_) => arguments.add(&[
            "--cap-add",
            "CAP_CHOWN",
            "--cap-add",
            "CAP_SETUID",
            "--cap-add",
            "CAP_SETGID",
        ]),
        Identity::Keep { .. } => {
            arguments.add(&["--unshare-user", "--uid", "65534", "--gid", "65534"]);
        }
    }
    for directory in SYSTEM_DIRECTORIES {
        match fs::symlink_metadata(directory) {
            Ok(data) if data.is_symlink() => {
                if let Ok(target) = fs::read_link(directory) {
                    arguments.add(&["--symlink"]);
                    arguments.push(target);
                    arguments.push(directory);
                }
            }
            Ok(_) => arguments.read_only(directory, directory),
            Err(_) => {}
        }
    }
    for file in system_files() {
        if file.exists() {
            arguments.read_only(&file, &file);
        }
    }
    arguments.add(&["--proc", "/proc", "--dev", "/dev"]);
    arguments
        .made
        .extend(["/dev", "/proc", "/tmp"].map(PathBuf::from));
    arguments.tmpfs(&SHARED_MEMORY_BYTES.to_string(), Path::new("/dev/shm"));
    arguments.tmpfs(&size, Path::new("/tmp"));
    for copy in &command.copies {
        check_build_path(&copy.to, &command.read_only)?;
        if !copy.to.starts_with("/tmp") {
            arguments.tmpfs(&size, &copy.to);
        }
    }
    for path in &command.read_only {
        if !is_system(path) {
            arguments.read_only(path, path);
        }
    }
    for directory in &command.masked {
        if directory.is_dir() {
            arguments.add(&["--perms", "0555", "--size", "4096", "--tmpfs"]);
            arguments.push(directory);
            arguments.add(&["--remount-ro"]);
            arguments.push(directory);
        }
    }
    arguments.read_only(stage, Path::new(STAGE));
    for (index, copy) in command.copies.iter().enumerate() {
        arguments.read_only(&copy.from, copy_source(index));
    }
    // The root and /dev are file systems without a size limit, and outside user
    // namespaces root's: nothing may be written to them.
    arguments.add(&["--remount-ro", "/dev", "--remount-ro", "/"]);
    arguments.add(&["--", STAGE, stage::WORD]);

    let mut process = process::Command::new(bubblewrap);
    process.args(arguments.words);
    Ok(process)
}

/// Refuses build paths that bubblewrap would take, with other consequences than
/// a copy of the source at that place.
fn check_build_path(path: &Path, read_only: &[PathBuf]) -> Result<(), SandboxError> {
    let refuse = |reason| {
        Err(SandboxError::BuildPath {
            path: path.display().to_string(),
            reason,
        })
    };
    let plain = path
        .components()
        .all(|component| matches!(component, Component::RootDir | Component::Normal(_)));
    if !path.is_absolute() || !plain {
        return refuse("it must be absolute and without '..'");
    }
    let taken = ["/proc", "/dev", "/sys", "/run", "/etc"];
    if taken
        .iter()
        .chain(SYSTEM_DIRECTORIES)
        .any(|system| path.starts_with(system))
    {
        return refuse("it lies inside a directory of the system; choose one below /tmp or /build");
    }
    if path == Path::new("/") || path == Path::new("/tmp") {
        return refuse("choose a directory below it");
    }
    if read_only
        .iter()
        .any(|other| other.starts_with(path) || path.starts_with(other))
    {
        return refuse("it would hide the interpreter or a tool; choose another directory");
    }
    Ok(())
}

fn system_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = SYSTEM_FILES.iter().map(PathBuf::from).collect();
    // Debian's sitecustomize and configuration of its interpreters.
    if let Ok(entries) = fs::read_dir("/etc") {
        files.extend(
            entries
                .flatten()
                .filter(|entry| entry.file_name().to_string_lossy().starts_with("python3"))
                .map(|entry| entry.path()),
        );
    }
    files.sort();
    files
}

fn is_system(path: &Path) -> bool {
    SYSTEM_DIRECTORIES
        .iter()
        .any(|system| path.starts_with(system))
}

#[derive(Default)]
struct Arguments {
    words: Vec<OsString>,
    made: BTreeSet<PathBuf>,
}

impl Arguments {
    fn add(&mut self, words: &[&str]) {
        self.words.extend(words.iter().map(OsString::from));
    }

    fn push(&mut self, path: impl AsRef<Path>) {
        self.words.push(path.as_ref().as_os_str().to_owned());
    }

    /// Makes the directories above a path. Those that bubblewrap makes by itself
    /// are root's alone, and the command is not root.
    fn parents(&mut self, path: &Path) {
        let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
        above.reverse();
        for directory in above {
            if directory != Path::new("/") && self.made.insert(directory.to_owned()) {
                self.add(&["--perms", "0755", "--dir"]);
                self.push(directory);
            }
        }
    }

    fn read_only(&mut self, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        self.parents(to.as_ref());
        self.add(&["--ro-bind"]);
        self.push(from);
        self.push(to);
    }

    fn tmpfs(&mut self, size: &str, at: &Path) {
        self.parents(at);
        self.add(&["--perms", "1777", "--size", size, "--tmpfs"]);
        self.push(at);
    }
}
