//! The step between starting a process and becoming the command.
//!
//! In: a request on standard input, written by the process that started us.
//! Out: the command, confined, in our place; or the reason why not.
//!
//! Standard input is a socket, and what the stage has to say goes back through it. No
//! foreign code has run yet when it speaks, and the socket is closed when the command
//! starts: a command cannot speak in its place, whatever it writes and wherever. A
//! socket, unlike a pipe, cannot be opened again through `/proc` either (proc(5)).

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process;

use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps};
use rustix::process::{Gid, Resource, Rlimit, Signal, Uid};
use serde::{Deserialize, Serialize};

use super::calls::{self, Around};
use super::identity::Identity;
use super::{Command, Layer, Sandbox, SandboxError, files, utf8};

/// The first argument of our executable that asks for [`run`].
pub const WORD: &str = "__stage";
/// Where directories to copy are inside bubblewrap, followed by a number.
const COPIES: &str = "/run/wheelproof/copy";

/// The exit code of a stage that did not become the command.
const FAILED_CODE: u8 = 125;

/// What the stage says, each in one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Said {
    /// It is confined, and becomes the command now.
    Confined {
        /// The version of Landlock that keeps it in, where one does.
        landlock: Option<u32>,
    },
    /// It does not become the command.
    Failed(String),
}

impl Said {
    /// Returns what was said, in order; what is no line of ours is passed over.
    pub(super) fn all(heard: &[u8]) -> Vec<Self> {
        heard
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()
    }

    fn say(&self, voice: &mut UnixStream) -> Result<(), String> {
        let mut line = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        line.push(b'\n');
        voice
            .write_all(&line)
            .map_err(|error| format!("cannot report: {error}"))
    }
}

/// Returns where a directory to copy is inside bubblewrap.
pub(super) fn copy_source(index: usize) -> PathBuf {
    PathBuf::from(format!("{COPIES}{index}"))
}

/// Everything the stage does.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    layer: Confinement,
    parent: u32,
    identity: Identity,
    program: String,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    directory: String,
    make_directories: Vec<String>,
    copies: Vec<(String, String)>,
    umask: u32,
    memory_bytes: u64,
    processes: u64,
    file_bytes: u64,
    cpu_seconds: u64,
}

#[derive(Debug, Serialize, Deserialize)]
enum Confinement {
    Bubblewrap,
    LandlockSeccomp {
        read: Vec<String>,
        write: String,
        at_most: u32,
    },
    None {
        write: String,
    },
}

impl Request {
    pub(super) fn new(
        sandbox: &Sandbox,
        command: &Command,
        scratch: &Path,
        identity: Identity,
    ) -> Result<Self, SandboxError> {
        let scratch_text = utf8(scratch)?.to_owned();
        let mut make_directories = Vec::new();
        let layer = match sandbox.layer() {
            Layer::Bubblewrap => Confinement::Bubblewrap,
            Layer::LandlockSeccomp => {
                let mut read = Vec::new();
                let mounted = command.mounted.iter().map(|mounted| &mounted.from);
                for path in command.read_only.iter().chain(mounted) {
                    read.push(utf8(path)?.to_owned());
                }
                make_directories.push(utf8(&scratch.join("tmp"))?.to_owned());
                Confinement::LandlockSeccomp {
                    read,
                    write: scratch_text,
                    at_most: sandbox.landlock_at_most,
                }
            }
            Layer::None => {
                make_directories.push(utf8(&scratch.join("tmp"))?.to_owned());
                Confinement::None {
                    write: scratch_text,
                }
            }
        };
        for directory in &command.make_directories {
            make_directories.push(utf8(directory)?.to_owned());
        }
        let mut copies = Vec::new();
        for (index, copy) in command.copies.iter().enumerate() {
            let from = match sandbox.layer() {
                Layer::Bubblewrap => copy_source(index),
                Layer::LandlockSeccomp | Layer::None => copy.from.clone(),
            };
            copies.push((utf8(&from)?.to_owned(), utf8(&copy.to)?.to_owned()));
        }
        let running = match identity {
            Identity::Switch(_) => 0,
            Identity::Keep { running } => running,
        };
        let limits = &command.limits;
        Ok(Self {
            layer,
            parent: process::id(),
            identity,
            program: utf8(&command.program)?.to_owned(),
            arguments: command.arguments.clone(),
            environment: command.environment.clone(),
            directory: utf8(&command.directory)?.to_owned(),
            make_directories,
            copies,
            umask: command.umask,
            memory_bytes: limits.memory_bytes,
            processes: limits.processes + running,
            file_bytes: limits.file_bytes,
            cpu_seconds: limits.wall_time.as_secs() + 1,
        })
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, SandboxError> {
        serde_json::to_vec(self).map_err(|error| SandboxError::Io {
            action: "write the request of the stage",
            source: error.into(),
        })
    }
}

/// Reads a request from standard input, confines this process and becomes the
/// command. Returns only when that failed, with an exit code for `main`; the
/// reason was said then.
pub fn run() -> process::ExitCode {
    // Files that whoever started the program had open go no further, whatever their
    // numbers: the command would inherit them, and so would what it starts.
    close_fds::set_fds_cloexec(3, &[]);
    let said = voice().and_then(|mut voice| {
        let reason = match confine_and_become(&mut voice) {
            Ok(never) => match never {},
            Err(reason) => reason.replace('\n', " "),
        };
        Said::Failed(reason).say(&mut voice)
    });
    if let Err(reason) = said {
        let _ = writeln!(
            io::stderr(),
            "wheelproof: the step before a build: {reason}"
        );
    }
    process::ExitCode::from(FAILED_CODE)
}

/// Takes the socket that standard input is; it closes when the command starts.
fn voice() -> Result<UnixStream, String> {
    let socket = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)
        .map_err(|error| format!("cannot take standard input: {error}"))?;
    Ok(UnixStream::from(socket))
}

fn confine_and_become(voice: &mut UnixStream) -> Result<std::convert::Infallible, String> {
    let mut text = Vec::new();
    voice
        .read_to_end(&mut text)
        .map_err(|error| format!("cannot read the request: {error}"))?;
    let request: Request = serde_json::from_slice(&text)
        .map_err(|error| format!("the request is malformed: {error}"))?;
    let null =
        File::open("/dev/null").map_err(|error| format!("cannot open /dev/null: {error}"))?;
    rustix::stdio::dup2_stdin(&null)
        .map_err(|error| format!("cannot replace standard input: {error}"))?;

    if !matches!(request.layer, Confinement::Bubblewrap) {
        // A session of our own: no terminal to type into, and a process group
        // that can be killed as one. Bubblewrap has done this.
        rustix::process::setsid().map_err(|error| format!("cannot start a session: {error}"))?;
    }
    // The kernel, short of memory, shall take the build before anything else.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");

    prepare(&request)?;
    give_up_root(&request)?;
    if !matches!(request.layer, Confinement::Bubblewrap) {
        // Asked for after the change of user, which takes it back.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| format!("cannot ask for the death signal: {error}"))?;
        let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
        if parent != i32::try_from(request.parent).ok() {
            return Err("the process that started this has ended".to_owned());
        }
    }
    set_limits(&request)?;
    rustix::process::umask(Mode::from_raw_mode(request.umask));
    let landlock = confine(&request)?;
    Said::Confined { landlock }.say(voice)?;
    let error = process::Command::new(&request.program)
        .args(&request.arguments)
        .env_clear()
        .envs(&request.environment)
        .exec();
    let advice = match (error.kind(), request.identity) {
        (io::ErrorKind::PermissionDenied, Identity::Switch(_)) => {
            "; started by root, commands run as another user, who cannot reach what lies in root's home"
        }
        _ => "",
    };
    Err(format!("cannot run '{}': {error}{advice}", request.program))
}

/// Enters the directory of the command and leaves files and system calls that are not
/// for it behind; returns the version of Landlock that keeps it in.
fn confine(request: &Request) -> Result<Option<u32>, String> {
    let landlock = match &request.layer {
        Confinement::LandlockSeccomp {
            read,
            write,
            at_most,
        } => Some(files::restrict(read, write, *at_most)?),
        Confinement::Bubblewrap | Confinement::None { .. } => None,
    };
    std::env::set_current_dir(&request.directory)
        .map_err(|error| format!("cannot enter '{}': {error}", request.directory))?;
    match (&request.layer, landlock) {
        (Confinement::Bubblewrap, _) => calls::restrict(Around::Namespaces)?,
        (_, Some(version)) => calls::restrict(Around::Landlock(version))?,
        (_, None) => {}
    }
    Ok(landlock)
}

/// Makes directories and copies, and hands them to the user of the build.
fn prepare(request: &Request) -> Result<(), String> {
    rustix::process::umask(Mode::empty());
    let owner = match request.identity {
        Identity::Switch(number) => Some(number),
        Identity::Keep { .. } => None,
    };
    match &request.layer {
        Confinement::Bubblewrap => {}
        Confinement::LandlockSeccomp { write, .. } | Confinement::None { write } => {
            hand_over(Path::new(write), owner)
                .map_err(|error| format!("cannot hand over '{write}': {error}"))?;
        }
    }
    let mut made = Vec::new();
    for directory in &request.make_directories {
        make_all(Path::new(directory), &mut made)
            .map_err(|error| format!("cannot create '{directory}': {error}"))?;
    }
    for (from, to) in &request.copies {
        let to = Path::new(to);
        if let Some(parent) = to.parent() {
            make_all(parent, &mut made)
                .map_err(|error| format!("cannot create '{}': {error}", parent.display()))?;
        }
        copy(Path::new(from), to, owner)
            .map_err(|error| format!("cannot copy to '{}': {error}", to.display()))?;
    }
    // Only now: root without its capabilities cannot write below what it has
    // given away.
    for directory in made {
        hand_over(&directory, owner)
            .map_err(|error| format!("cannot hand over '{}': {error}", directory.display()))?;
    }
    Ok(())
}

/// Makes a directory and those above it, with the modes `mkdir -p` gives them,
/// and lists what was made.
fn make_all(path: &Path, made: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_all(parent, made)?;
    }
    fs::create_dir(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    made.push(path.to_owned());
    Ok(())
}

fn hand_over(path: &Path, owner: Option<u32>) -> io::Result<()> {
    match owner {
        Some(number) => std::os::unix::fs::lchown(path, Some(number), Some(number)),
        None => Ok(()),
    }
}

/// Copies a tree of files, directories and links with modes and times. The owner
/// changes last: without it, neither mode nor time can be set.
fn copy(from: &Path, to: &Path, owner: Option<u32>) -> io::Result<()> {
    let data = fs::symlink_metadata(from)?;
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: data.mtime(),
            tv_nsec: data.mtime_nsec(),
        },
        last_modification: Timespec {
            tv_sec: data.mtime(),
            tv_nsec: data.mtime_nsec(),
        },
    };
    if data.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, to)?;
        rustix::fs::utimensat(CWD, to, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    } else if data.is_dir() {
        match fs::create_dir(to) {
            Ok(()) => {}
            // The mount point that a build path outside /tmp is.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && to.is_dir() => {}
            Err(error) => return Err(error),
        }
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            copy(&from.join(&name), &to.join(&name), owner)?;
        }
        fs::set_permissions(to, fs::Permissions::from_mode(data.mode() & 0o777))?;
        rustix::fs::utimensat(CWD, to, &times, AtFlags::empty())?;
    } else {
        let mut reader = File::open(from)?;
        let mut writer = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)?;
        io::copy(&mut reader, &mut writer)?;
        writer.set_permissions(fs::Permissions::from_mode(data.mode() & 0o777))?;
        rustix::fs::futimens(&writer, &times)?;
    }
    hand_over(to, owner)
}

fn give_up_root(request: &Request) -> Result<(), String> {
    let Identity::Switch(number) = request.identity else {
        return Ok(());
    };
    let failed = |error| format!("cannot become user {number}: {error}");
    let (user, group) = (Uid::from_raw(number), Gid::from_raw(number));
    rustix::thread::set_thread_groups(&[]).map_err(failed)?;
    rustix::thread::set_thread_res_gid(group, group, group).map_err(failed)?;
    rustix::thread::set_thread_res_uid(user, user, user).map_err(failed)?;
    if rustix::process::geteuid().is_root() || rustix::process::getuid().is_root() {
        return Err(format!("still root after becoming user {number}"));
    }
    Ok(())
}

fn set_limits(request: &Request) -> Result<(), String> {
    for (resource, limit) in [
        (Resource::Core, 0),
        (Resource::Cpu, request.cpu_seconds),
        (Resource::Data, request.memory_bytes),
        (Resource::Fsize, request.file_bytes),
        (Resource::Nproc, request.processes),
    ] {
        // A limit that is lower already stays.
        let maximum = rustix::process::getrlimit(resource).maximum;
        let limit = maximum.map_or(limit, |maximum| maximum.min(limit));
        rustix::process::setrlimit(
            resource,
            Rlimit {
                current: Some(limit),
                maximum: Some(limit),
            },
        )
        .map_err(|error| format!("cannot limit {resource:?} to {limit}: {error}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_modes_times_and_links_of_its_origin() {
        let scratch = tempfile::tempdir().expect("a directory");
        let from = scratch.path().join("from");
        fs::create_dir_all(from.join("sub")).expect("creates");
        fs::write(from.join("sub/file"), "text").expect("writes");
        std::os::unix::fs::symlink("sub/file", from.join("link")).expect("links");
        fs::set_permissions(from.join("sub/file"), fs::Permissions::from_mode(0o640))
            .expect("sets the mode");
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_309_379_017);
        for name in ["sub/file", "sub"] {
            File::open(from.join(name))
                .and_then(|file| file.set_modified(time))
                .expect("sets the time");
        }
        let to = scratch.path().join("to");
        copy(&from, &to, None).expect("copies");
        let data = fs::metadata(to.join("sub/file")).expect("is there");
        assert_eq!(data.mode() & 0o7777, 0o640);
        assert_eq!(data.mtime(), 1_309_379_017);
        assert_eq!(
            fs::metadata(to.join("sub")).expect("is there").mtime(),
            1_309_379_017
        );
        assert_eq!(
            fs::read_link(to.join("link")).expect("a link"),
            Path::new("sub/file")
        );
    }
}
