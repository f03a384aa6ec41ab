//! The strongest layer: namespaces made by the `bwrap` program.
//!
//! In: a command. Out: the arguments of `bwrap` that start the stage in a file
//! system of its own, made of what is listed here and nothing else.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process;

use super::identity::Identity;
use super::stage::{WORD, copy_source};
use super::{Command, SYSTEM_DIRECTORIES, SYSTEM_FILES, SandboxError};

/// Where the stage's executable is inside.
const STAGE: &str = "/run/wheelproof/stage";
/// The size of `/dev/shm`, for semaphores.
const SHARED_MEMORY_BYTES: u64 = 64 << 20;

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
    let root = match &command.root {
        Some(root) => Root::open(root)?,
        None => Root::host(),
    };
    for directory in SYSTEM_DIRECTORIES {
        let outside = root.outside(Path::new(directory));
        match fs::symlink_metadata(&outside) {
            Ok(data) if data.is_symlink() => {
                if let Ok(target) = fs::read_link(&outside) {
                    arguments.add(&["--symlink"]);
                    arguments.push(target);
                    arguments.push(directory);
                }
            }
            Ok(_) => arguments.read_only(outside, directory),
            Err(_) => {}
        }
    }
    for file in root.system_files() {
        let outside = root.outside(&file);
        if outside.exists() {
            arguments.read_only(outside, &file);
        }
    }
    arguments.add(&["--proc", "/proc", "--dev", "/dev"]);
    arguments
        .made
        .extend(["/dev", "/proc", "/tmp"].map(PathBuf::from));
    arguments.tmpfs(&SHARED_MEMORY_BYTES.to_string(), Path::new("/dev/shm"));
    arguments.tmpfs(&size, Path::new("/tmp"));
    for copy in &command.copies {
        check_build_path(&copy.to, command)?;
        if !copy.to.starts_with("/tmp") {
            arguments.tmpfs(&size, &copy.to);
        }
    }
    for path in &command.read_only {
        // The system of another root is another one.
        if command.root.is_some() || !is_system(path) {
            arguments.read_only(path, path);
        }
    }
    for mounted in &command.mounted {
        if !is_system(&mounted.at) {
            arguments.read_only(&mounted.from, &mounted.at);
        }
    }
    for directory in &command.masked {
        if root.outside(directory).is_dir() {
            arguments.add(&["--perms", "0555", "--size", "4096", "--tmpfs"]);
            arguments.push(directory);
            arguments.add(&["--remount-ro"]);
            arguments.push(directory);
        }
    }
    arguments.read_only(stage, Path::new(STAGE));
    let loader = match &command.root {
        Some(_) => Loader::of_this_process()?,
        None => None,
    };
    for (index, directory) in loader.iter().flat_map(|it| &it.libraries).enumerate() {
        arguments.read_only(directory, library_place(index));
    }
    for (index, copy) in command.copies.iter().enumerate() {
        arguments.read_only(&copy.from, copy_source(index));
    }
    // The root and /dev are file systems without a size limit, and outside user
    // namespaces root's: nothing may be written to them.
    arguments.add(&["--remount-ro", "/dev", "--remount-ro", "/"]);
    arguments.add(&["--"]);
    let loader = loader.map(|loader| loader.words()).unwrap_or_default();
    arguments.words.extend(loader);
    arguments.add(&[STAGE, WORD]);

    let mut process = process::Command::new(bubblewrap);
    process.args(arguments.words);
    Ok(process)
}

/// Returns where a command may write, each a file system of its own.
pub(super) fn writable(command: &Command) -> Vec<PathBuf> {
    let copies = command.copies.iter().map(|copy| copy.to.clone());
    copies
        .filter(|to| !to.starts_with("/tmp"))
        .chain(["/tmp", "/dev/shm"].map(PathBuf::from))
        .collect()
}

/// Refuses build paths that bubblewrap would take, with other consequences than
/// a copy of the source at that place.
fn check_build_path(path: &Path, command: &Command) -> Result<(), SandboxError> {
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
    let mounted = command.mounted.iter().map(|mounted| &mounted.at);
    if command
        .read_only
        .iter()
        .chain(mounted)
        .any(|other| other.starts_with(path) || path.starts_with(other))
    {
        return refuse("it would hide the interpreter or a tool; choose another directory");
    }
    Ok(())
}

/// The directory that is `/` inside.
struct Root(PathBuf);

impl Root {
    fn host() -> Self {
        Self(PathBuf::from("/"))
    }

    /// Takes a directory that holds a system.
    fn open(root: &Path) -> Result<Self, SandboxError> {
        let refuse = |reason: String| SandboxError::Root {
            path: root.display().to_string(),
            reason,
        };
        let root = fs::canonicalize(root).map_err(|error| refuse(error.to_string()))?;
        if !root.join("usr").is_dir() {
            return Err(refuse("it has no directory 'usr'".to_owned()));
        }
        Ok(Self(root))
    }

    /// Returns where something of the root is on this machine.
    fn outside(&self, inside: &Path) -> PathBuf {
        self.0.join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// Returns what programs need of `/etc`, as paths inside.
    fn system_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = SYSTEM_FILES.iter().map(PathBuf::from).collect();
        // Debian's sitecustomize and configuration of its interpreters.
        if let Ok(entries) = fs::read_dir(self.outside(Path::new("/etc"))) {
            files.extend(
                entries
                    .flatten()
                    .map(|entry| entry.file_name())
                    .filter(|name| name.to_string_lossy().starts_with("python3"))
                    .map(|name| Path::new("/etc").join(name)),
            );
        }
        files.sort();
        files
    }
}

/// How to start the stage where another system's C library would meet it: with the
/// loader and the libraries that this process itself was started with.
struct Loader {
    name: OsString,
    /// The loader's own directory first.
    libraries: Vec<PathBuf>,
}

impl Loader {
    /// Finds them among what is mapped into this process (proc(5)); `None` when it
    /// is linked statically.
    fn of_this_process() -> Result<Option<Self>, SandboxError> {
        let maps = fs::read_to_string("/proc/self/maps").map_err(|source| SandboxError::Io {
            action: "read /proc/self/maps",
            source,
        })?;
        let mapped: BTreeSet<&Path> = maps
            .lines()
            .filter_map(|line| line.find('/').and_then(|at| line.get(at..)))
            .map(Path::new)
            .collect();
        let name = |path: &Path| path.file_name().unwrap_or_default().to_owned();
        let is_loader = |path: &&&Path| {
            let name = name(path);
            let name = name.to_string_lossy();
            name.starts_with("ld-") && name.contains(".so")
        };
        let Some(loader) = mapped.iter().find(is_loader) else {
            return Ok(None);
        };
        let mut libraries: Vec<PathBuf> = loader.parent().map(Path::to_owned).into_iter().collect();
        for path in &mapped {
            if name(path).to_string_lossy().contains(".so")
                && let Some(directory) = path.parent()
                && !libraries.iter().any(|known| known == directory)
            {
                libraries.push(directory.to_owned());
            }
        }
        Ok(Some(Self {
            name: name(loader),
            libraries,
        }))
    }

    /// Returns the command line before the program (ld.so(8)).
    fn words(&self) -> Vec<OsString> {
        let places: Vec<String> = (0..self.libraries.len())
            .map(|index| library_place(index).display().to_string())
            .collect();
        vec![
            library_place(0).join(&self.name).into_os_string(),
            "--library-path".into(),
            places.join(":").into(),
        ]
    }
}

/// Returns where a directory of libraries of the stage is inside.
fn library_place(index: usize) -> PathBuf {
    PathBuf::from(format!("/run/wheelproof/library{index}"))
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
